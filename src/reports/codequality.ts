/** GitLab's Code Quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format */
import { createHash } from 'node:crypto';
import { type Report, resultsOf } from '../kernel/report.ts';
import { anchorOf, problemsOf } from './places.ts';
import { clip, oneLine } from './text.ts';

/** Check, path and message without its numbers: the same finding keeps its fingerprint while a size or a count moves. */
const identityOf = (check: string, path: string, message: string): string =>
  [check, path, message.replaceAll(/[\d.,]*\d/g, '#')].join('\u0000');

export function renderCodeQuality(report: Report): string {
  const seen = new Map<string, number>();
  const issues = [...resultsOf(report)].flatMap(({ result }) =>
    problemsOf(result).map(({ message, fix, place }) => {
      const { path, line } = anchorOf(place);
      const identity = identityOf(result.check, path, message);
      const count = (seen.get(identity) ?? 0) + 1;
      seen.set(identity, count);
      return {
        description: clip(oneLine(`${message}. Fix: ${fix}`), 2000),
        check_name: result.check,
        fingerprint: createHash('sha256').update(`${identity}\u0000${count}`).digest('hex'),
        severity: result.waived ? 'info' : result.severity,
        location: { path, lines: { begin: line } },
      };
    }),
  );
  return `${JSON.stringify(issues, null, 2)}\n`;
}
