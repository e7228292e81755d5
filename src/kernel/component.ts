/** A GitLab CI/CD component as written in `components/NAME/component.ts`; `templates/` is generated from it. */
import type { OptionName } from './options/index.ts';

/** Keys of GitLab's `artifacts:reports` that our runners write; `cobertura` stands for its `coverage_report`. */
export type ReportKind = 'annotations' | 'cobertura' | 'codequality' | 'cyclonedx' | 'dotenv' | 'junit' | 'metrics';

/**
 * One job: one call of a runner. Everything that all jobs share (how the command gets there, rules, retry, artifacts,
 * common inputs) is added when the template is generated, so that no component can forget it.
 */
export interface ComponentJob {
  /** The command that the job runs: `flightcheck RUNNER`; its files begin with the first word. */
  readonly runner: string;
  /** Options that the runner reads; each becomes an input and, with `expand: false`, a variable of the job. */
  readonly reads: readonly OptionName[];
  /** The option that names the job's image. */
  readonly image: 'image' | 'report-image' | 'build-image';
  /** What GitLab collects: a file of the output folder for each kind. */
  readonly reports: Readonly<Partial<Record<ReportKind, string>>>;
  /** What the runner prints the coverage as, for the job's `coverage`: RE2, one group. */
  readonly coverage?: string;
  /** Keep the hook cache between pipelines. */
  readonly cachesHooks?: boolean;
  /** Divided among as many jobs as the input `parallel` says. */
  readonly isSharded?: boolean;
  /** The record of what hooks cost: `write` keeps it for the next pipeline, `read` gets it. */
  readonly costs?: 'read' | 'write';
  /** Holds an identity token for Control Tower: only for a job that runs no code of the repo. */
  readonly hasIdentity?: boolean;
  /** Runs whatever became of the jobs before it. */
  readonly runsAlways?: boolean;
  /** Acts on an environment: one at a time, never interrupted. */
  readonly acts?: Acts;
  /** Jobs of the same component whose artifacts it reads. */
  readonly needs?: readonly string[];
  /**
   * Jobs of the same component that it waits for: `artifacts`: where they are in the pipeline, and reads what they left;
   * `gate`: they must be in the pipeline and end well.
   */
  readonly follows?: Readonly<Record<string, 'artifacts' | 'gate'>>;
  /** The input that is `never` where the job shall not be. */
  readonly unless?: 'build-when';
}

/** How a job acts on an environment. */
export interface Acts {
  /**
   * `env`: on what that input names, for the default branch and tags. `review-env`: on one of its own for each merge request,
   * in its pipelines alone, whose commits a runner can fetch when the branch is gone.
   */
  readonly on: 'env' | 'review-env';
  /** `asked`: only when a person starts it; `input`: as the input `deploy-when` or `review-when` says. */
  readonly when: 'asked' | 'input';
  /** The job of the same component that stops the environment; `stops`: this one does. */
  readonly stoppedBy?: string;
  readonly stops?: boolean;
}

export interface Component {
  /** One sentence, shown in the CI/CD Catalog. */
  readonly summary: string;
  /** Where a default differs from the option's own. */
  readonly defaults?: Readonly<Partial<Record<OptionName, string | number>>>;
  /** Jobs by name; the name is prefixed with the input `job-prefix`. */
  readonly jobs: Readonly<Record<string, ComponentJob>>;
}

/** Options that every job has: where it runs and where its command comes from. */
export const commonOptions = ['stage', 'job-prefix', 'cli', 'cli-url', 'model-dir', 'output'] as const satisfies OptionName[];

/** Every option that the component takes, in a stable order: the common ones first. */
export function inputsOf(component: Component): readonly OptionName[] {
  const jobs = Object.values(component.jobs);
  const keywords: readonly OptionName[] = [
    ...jobs.map((job) => job.image),
    ...(jobs.some((job) => job.isSharded) ? (['parallel'] as const) : []),
    ...(jobs.some(({ unless }) => unless !== undefined) ? (['build-when'] as const) : []),
    ...(jobs.some(({ acts }) => acts?.on === 'env') ? (['deploy-when'] as const) : []),
    ...(jobs.some(({ acts }) => acts?.on === 'review-env') ? (['review-when'] as const) : []),
  ];
  return [...new Set<OptionName>([...commonOptions, ...keywords, ...jobs.flatMap((job) => job.reads)])];
}

export const defineComponent = <const C extends Component>(component: C): C => component;
