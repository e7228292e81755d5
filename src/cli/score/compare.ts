/** The change against the last report that counts: of `--compare FILE`, else of Control Tower. */
import { basename, dirname, resolve } from 'node:path';
import type { HistoryOptions } from '../../adapters/history.ts';
import { readReport } from '../../adapters/reports.ts';
import { readStanding } from '../../adapters/standing.ts';
import { compareWith, type Standing, standingOf } from '../../kernel/comparison.ts';
import { UsageError } from '../../kernel/failure.ts';
import type { Report } from '../../kernel/report.ts';
import type { Context, Invocation } from '../command.ts';

export interface Baseline {
  readonly standing: Standing;
  readonly model: string;
  readonly path: string;
}

/** The report that `--compare` names, read before anything is run; null without one. */
export async function baselineOf(context: Context, invocation: Invocation): Promise<Baseline | null> {
  const { compare } = invocation.options;
  if (typeof compare !== 'string' || compare === '') return null;
  const path = resolve(context.cwd, compare);
  const found = await readReport(dirname(path), basename(path));
  if (typeof found === 'string')
    throw new UsageError('COMPARE_UNREADABLE', `--compare: ${found}`, {
      hint: 'Name a report that flightcheck wrote: .flightcheck/report.report.json of the other branch.',
    });
  return { standing: standingOf(found), model: found.model.name, path: compare };
}

/** The report with what it changes; with one line when there is nothing to compare with. */
export async function compared(
  context: Context,
  report: Report,
  baseline: Baseline | null,
  tower: Pick<HistoryOptions, 'url' | 'token' | 'timeoutSeconds'>,
): Promise<Report> {
  if (baseline && baseline.model !== report.model.name)
    throw new UsageError(
      'COMPARE_OTHER_MODEL',
      `--compare ${baseline.path} is a report of ${baseline.model}, this is ${report.model.name}`,
      {
        hint: 'Compare with a report of the same model.',
      },
    );
  if (baseline) return { ...report, comparison: compareWith(baseline.standing, report, basename(baseline.path)) };
  const found = await readStanding({ ...tower, model: report.model.name, signal: context.signal });
  if (found.ok) return { ...report, comparison: compareWith(found.value, report, 'Control Tower') };
  const missing = found.isAbsent ? 'Control Tower has no record of this model yet' : found.reason;
  return { ...report, comparison: { missing: `${missing}; --compare FILE compares with a report` } };
}
