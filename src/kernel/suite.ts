/** A suite: which checks count, in which section, with which weight and severity. Read from `rules/<suite>/suite.yml`. */
import type { AnyCheck } from './check.ts';
import type { Severity } from './report.ts';

export interface SuiteEntry {
  readonly check: string;
  readonly weight: number;
  readonly severity: Severity;
  /** Title of a test that has no check yet; it is listed as skipped. */
  readonly title?: string;
  /** Options handed to the check; validated against its inputs. */
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface SuiteSection {
  readonly id: string;
  readonly title: string;
  readonly checks: readonly SuiteEntry[];
}

export interface Suite {
  readonly id: string;
  readonly title: string;
  readonly method: 'weighted-mean' | 'ml-test-score';
  readonly sections: readonly SuiteSection[];
}

/** Loads a check when it is called, so that a command loads only what it runs. */
export type CheckRegistry = Readonly<Record<string, () => Promise<AnyCheck>>>;
