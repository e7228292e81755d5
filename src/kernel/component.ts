/** A GitLab CI/CD component as written in `components/NAME/component.ts`; `templates/` is generated from it. */
import type { OptionName } from './options/index.ts';

/** A GitLab job, in GitLab's own keywords; `script` never holds an input. */
export type Job = Readonly<Record<string, unknown>>;

export interface Component {
  /** One sentence, shown in the CI/CD Catalog. */
  readonly summary: string;
  /** Options that become `spec:inputs`; each reaches the job as a variable with `expand: false`. */
  readonly inputs: readonly OptionName[];
  /** Jobs by name; the name is prefixed with the input `job-prefix`. */
  readonly jobs: Readonly<Record<string, Job>>;
}

export const defineComponent = (component: Component): Component => component;
