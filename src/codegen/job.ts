/** One job of a component in GitLab's keywords: what all jobs share, and what the component says of this one. */
import { type Acts, type Component, type ComponentJob, commonOptions } from '../kernel/component.ts';
import { includedVariableOf, type Option, type OptionName, options, variableOf } from '../kernel/options/index.ts';

export interface Release {
  readonly version: string;
  /** Path of the project whose package registry holds the archives. */
  readonly project: string;
  /** SHA-256 of the archive by architecture; empty in an unreleased checkout. */
  readonly sha256: Readonly<Record<string, string>>;
}

const input = (name: string): string => `$[[ inputs.${name} ]]`;
const jobName = (name: string): string => `${input('job-prefix')}${name}`;
const outputFolder = `${input('model-dir')}/${input('output')}`;

/** Facts about the include; null or the literal text where GitLab (or gitlab-ci-local) does not know them. */
export const componentFacts = ['name', 'version', 'sha', 'reference'] as const;

/** Options that only GitLab reads: they stand in the job's own keywords. */
const keywordsOnly: ReadonlySet<OptionName> = new Set([
  ...([
    'stage',
    'job-prefix',
    'image',
    'report-image',
    'build-image',
    'parallel',
    'build-when',
    'deploy-when',
    'review-when',
  ] as const),
]);

/** True for an input that reaches the runner. */
export const isVariable = (name: OptionName): boolean => !keywordsOnly.has(name);

/** A string is not expanded: `$CI_JOB_TOKEN` in an input stays that text. A number cannot hold a `$`. */
const variable = (name: OptionName): unknown => {
  const { type }: Option = options[name];
  if (type === 'number') return input(name);
  if (type === 'string') return { value: input(name), expand: false };
  throw new Error(`${name}: an input of type ${type} cannot become a variable; declare it as a string`);
};

/** What may be deployed: whatever else runs there, the checks do, so that nothing is deployed without them. */
const isDeployed = '$CI_COMMIT_TAG || $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH';

/**
 * What acts on an environment: the default branch and tags, where the environment's secrets may be, or merge requests, when
 * somebody has said so. A job that nobody need ever start must not hold up the pipeline.
 */
const actingRules = ({ on, when }: Acts): readonly object[] => {
  const asked = { when: 'manual', allow_failure: true };
  if (on === 'env')
    return [
      ...(when === 'asked' ? [isNever('deploy-when')] : []),
      { if: '$CI_PIPELINE_SOURCE == "merge_request_event"', when: 'never' },
      {
        if: isDeployed,
        ...(when === 'asked' ? asked : { when: input('deploy-when') }),
      },
    ];
  const wanted = (how: string) => ({ if: `$CI_PIPELINE_SOURCE == "merge_request_event" && "${input('review-when')}" ${how}` });
  if (when === 'asked') return [{ ...wanted('!= "never"'), ...asked }];
  return [
    { ...wanted('== "manual"'), ...asked },
    { ...wanted('== "on_success"'), when: 'on_success' },
  ];
};

/** The variables of an environment reach its jobs alone; the runner writes the address of the DAG. */
function environmentOf({ on, stoppedBy, stops }: Acts): object {
  const name = on === 'env' ? input('env') : `${input('review-env')}/mr-$CI_MERGE_REQUEST_IID`;
  const group = on === 'env' ? input('env') : `${input('review-env')}-mr-$CI_MERGE_REQUEST_IID`;
  const rest = stops ? { action: 'stop' } : { url: '$FLIGHTCHECK_RESULT_URL' };
  return {
    environment: { name, ...rest, ...(stoppedBy !== undefined && { on_stop: jobName(stoppedBy) }) },
    resource_group: `flightcheck-${group}`,
  };
}

/** Keeps a job out of every pipeline. */
const isNever = (name: OptionName): object => ({ if: `"${input(name)}" == "never"`, when: 'never' });

/** Merge request pipelines, what is deployed, and branch pipelines where no merge request pipeline runs for the same push. */
const rules = ({ runsAlways = false, unless }: ComponentJob): readonly object[] => {
  const when = runsAlways ? { when: 'always' } : {};
  return [
    ...(unless === undefined ? [] : [isNever(unless)]),
    { if: '$CI_PIPELINE_SOURCE == "merge_request_event"', ...when },
    { if: isDeployed, ...when },
    { if: '$CI_PIPELINE_SOURCE == "push" && $CI_OPEN_MERGE_REQUESTS', when: 'never' },
    { if: '$CI_COMMIT_BRANCH', ...when },
  ];
};

const caches = (job: ComponentJob, release: Release): readonly object[] => [
  { key: `flightcheck-cli-${release.version}`, paths: ['.flightcheck-cli/archive/'] },
  ...(job.cachesHooks
    ? [
        {
          // Entries are addressed by content; the key only starts an empty folder when the dependencies change. Each shard
          // has its own, for the last of several uploads to one key wins; the first shares that of the other jobs. Two models
          // of one repo differ in the prefix of their jobs; a folder cannot be part of a key, which may hold no slash.
          key: {
            files: ['**/*.lock', '**/requirements*.txt'],
            prefix: `flightcheck-hooks-${input('job-prefix')}${job.isSharded ? '$CI_NODE_INDEX' : '1'}`,
          },
          paths: [`${input('model-dir')}/${input('cache')}/`],
        },
      ]
    : []),
  ...(job.costs
    ? [
        {
          key: `flightcheck-costs-${input('job-prefix')}1`,
          paths: [`${input('model-dir')}/${input('cache')}/costs.json`],
          policy: job.costs === 'read' ? 'pull' : 'pull-push',
        },
      ]
    : []),
];

/**
 * A job that may not be in the pipeline must be an optional need, else GitLab refuses the whole of it; which it shall where
 * somebody has taken out the gate.
 */
const needsOf = ({ needs = [], follows = {} }: ComponentJob): readonly object[] => [
  ...needs.map((name) => ({ job: jobName(name), artifacts: true })),
  ...Object.entries(follows).map(([name, what]) =>
    what === 'gate' ? { job: jobName(name), artifacts: false } : { job: jobName(name), artifacts: true, optional: true },
  ),
];

export function renderJob(job: ComponentJob, bootstrap: string, release: Release): Readonly<Record<string, unknown>> {
  const reads = [...commonOptions, ...job.reads].filter(isVariable);
  return {
    stage: input('stage'),
    image: input(job.image),
    ...((job.needs || job.follows) && { needs: needsOf(job) }),
    rules: job.acts ? actingRules(job.acts) : rules(job),
    ...(job.acts && environmentOf(job.acts)),
    ...(job.isSharded && { parallel: input('parallel') }),
    interruptible: job.acts === undefined,
    retry: { max: 2, when: ['runner_system_failure', 'scheduler_failure'] },
    variables: {
      GIT_DEPTH: '0',
      // One job decides: a gate that blocks in the manifest would fail these for what they do not judge.
      ...(!job.reads.includes('gate') && { [variableOf('gate')]: 'advisory' }),
      ...Object.fromEntries(reads.map((name) => [variableOf(name), variable(name)])),
      // The job that decides also tells which of them somebody has changed on the way.
      ...(job.reads.includes('gate') && Object.fromEntries(reads.map((name) => [includedVariableOf(name), variable(name)]))),
      ...Object.fromEntries(
        componentFacts.map((fact) => [variableOf(`component-${fact}`), { value: `$[[ component.${fact} ]]`, expand: false }]),
      ),
    },
    // An empty address is no audience; the constant keeps the list valid and opens nothing, as a Tower asks for its address.
    ...(job.hasIdentity && { id_tokens: { FLIGHTCHECK_TOWER_TOKEN: { aud: ['flightcheck', input('tower-url')] } } }),
    ...(job.coverage !== undefined && { coverage: `/${job.coverage}/` }),
    cache: caches(job, release),
    script: [bootstrap, `flightcheck ${job.runner} -- "$FLIGHTCHECK_MODEL_DIR"`],
    artifacts: {
      when: 'always',
      expire_in: '30 days',
      // Reports that wait to be sent lie in the same folder and go out under the report job's identity: a job that runs the
      // repo's code hands over its own report and nothing else.
      paths: job.hasIdentity
        ? [`${outputFolder}/`]
        : [`${outputFolder}/${stemOf(job)}.*`, ...(job.isSharded ? [`${outputFolder}/${stemOf(job)}-*-of-*.*`] : [])],
      reports: reportsOf(job),
    },
  };
}

const stemOf = ({ runner }: ComponentJob): string => runner.split(' ')[0] ?? runner;

/** What GitLab collects, in its own form. */
const reportsOf = ({ reports }: ComponentJob): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(reports).map(([kind, file]) => {
      const path = `${outputFolder}/${file}`;
      return kind === 'cobertura' ? ['coverage_report', { coverage_format: 'cobertura', path }] : [kind, path];
    }),
  );

/** Every job of a component by its name in GitLab. */
export const renderJobs = (component: Component, bootstrap: string, release: Release): Readonly<Record<string, object>> =>
  Object.fromEntries(Object.entries(component.jobs).map(([name, job]) => [jobName(name), renderJob(job, bootstrap, release)]));
