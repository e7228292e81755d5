/** Who judges a test of the rubric: the job that runs the repo's code, or the report job, which alone may hold tokens of services. */
import type { AnyCheck } from './check.ts';
import type { Need } from './world.ts';

const services: ReadonlySet<Need> = new Set(['gitlab', 'history', 'mlflow']);
const harmless: ReadonlySet<Need> = new Set(['manifest', 'files', 'git', ...services]);

/** True of a test that reads the repo and services, and executes nothing. */
export const isTrusted = ({ needs }: Pick<AnyCheck, 'needs'>): boolean =>
  needs.every((need) => harmless.has(need)) && needs.some((need) => services.has(need));
