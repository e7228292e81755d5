/** Where GitLab shows a finding: a relative path inside the repo and a line. */
import type { Place } from '../kernel/failure.ts';
import { manifestFile } from '../kernel/manifest.ts';
import type { Result } from '../kernel/report.ts';
import { oneLine } from './text.ts';

/** The place of a finding, or the first line of the manifest when it has none or lies outside the repo. */
export function anchorOf(place: Place | undefined): { readonly path: string; readonly line: number } {
  const path = oneLine(place?.path ?? '').replace(/^(\.\/)+/, '');
  const isInside = path !== '' && !path.startsWith('/') && !path.split('/').includes('..');
  return isInside ? { path, line: place?.line ?? 1 } : { path: manifestFile, line: 1 };
}

/** What is wrong with a failed or broken result, one entry per finding; a failure without findings gives its explanation. */
export function problemsOf(
  result: Result,
): readonly { readonly message: string; readonly fix: string; readonly place?: Place }[] {
  const { failure, findings, evidence } = result;
  if (result.outcome === 'error')
    return [
      {
        message: failure ? `${failure.message} (${failure.code})` : 'It could not be judged',
        fix: failure?.hint ?? result.fix,
        ...(failure?.place && { place: failure.place }),
      },
    ];
  if (result.outcome !== 'fail') return [];
  if (findings.length === 0) return [{ message: evidence?.explanation ?? result.title, fix: result.fix }];
  return findings.map(({ message, fix = result.fix, place }) => ({ message, fix, ...(place && { place }) }));
}
