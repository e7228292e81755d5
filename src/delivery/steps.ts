/** What acts does it in steps; each is a result of the report, so that every format shows it. */
import type { Finding } from '../kernel/check.ts';
import type { Explained } from '../kernel/explained.ts';
import type { Severity, SuiteReport } from '../kernel/report.ts';
import { scoreSuite } from '../kernel/score.ts';

export interface Step<Id extends string = string> {
  readonly id: Id;
  readonly outcome: 'pass' | 'fail' | 'skipped';
  /** What was done or found, in one sentence. */
  readonly words: string;
  readonly seconds: number;
  /** What another program printed. */
  readonly trace?: string;
  /** What is wrong where; without it a step that fails has one finding, its words. */
  readonly findings?: readonly Finding[];
  /** What a failure means; a blocker unless told. */
  readonly severity?: Severity;
}

export interface StepWords {
  readonly title: string;
  readonly why: string;
  readonly fix: string;
}

/** The steps of an action in words, as checks are. */
export const explainSteps = (
  suite: { readonly id: string; readonly title: string },
  words: Readonly<Record<string, StepWords>>,
): readonly Explained[] =>
  Object.entries(words).map(([id, step]) => ({
    ...{ id: `${suite.id}-${id}`, suite: suite.title, section: `steps of flightcheck ${suite.id}`, ...step },
    ...{ asks: [], thresholds: [], options: [] },
    scoring: `A step that fails is a blocker, and flightcheck ${suite.id} does nothing that builds on it. It is no part of the ML Test Score.`,
  }));

const mostTrace = 2000;

/** The steps of an action as a suite of one section. */
export function stepsSuite<Id extends string>(
  suite: { readonly id: string; readonly title: string },
  steps: readonly Step<Id>[],
  words: Readonly<Record<Id, StepWords>>,
  trigger: string,
): SuiteReport {
  const results = steps.map(({ id, outcome, words: said, seconds, trace, findings, severity = 'blocker' }) => {
    const base = {
      ...words[id],
      check: `${suite.id}-${id}`,
      severity,
      weight: 1,
      seconds: Math.round(seconds * 1000) / 1000,
    };
    if (outcome === 'fail')
      return {
        ...base,
        outcome,
        findings: findings ?? [{ message: trace === undefined ? said : `${said}\n${trace.slice(-mostTrace)}` }],
      };
    return {
      ...base,
      outcome,
      findings: [],
      ...(outcome === 'skipped' ? { reason: said } : { evidence: { explanation: said } }),
    };
  });
  return scoreSuite({ ...suite, method: 'weighted-mean' }, [{ ...suite, results }], trigger);
}
