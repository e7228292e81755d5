/** The gate, the waivers and how the report was made. */
import type { Report } from '../../kernel/report.ts';
import { type AttestationEntry, attestationProblems, attestedWords, stateOf } from '../attestations.ts';
import { comparisonHead, comparisonLines } from '../comparison.ts';
import { clip, formatTime, safeUrl } from '../text.ts';
import { alarms, formatSeconds, overrideWords } from '../words.ts';
import type { Limits } from './evidence.tsx';
import { OutcomeIcon } from './icons.tsx';

/** The gate's decision in words. */
export function verdictOf(report: Report): string | undefined {
  if (!report.gate) return undefined;
  const { mode, isPassed } = report.gate;
  if (isPassed) return 'The gate is open';
  return mode === 'blocking' ? 'The gate is shut' : 'The gate would be shut; it is advisory';
}

export function GateBanner({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const { gate } = report;
  if (!gate) return null;
  const outcome = gate.isPassed ? 'pass' : 'fail';
  return (
    <section class={`gate panel is-${outcome}`} aria-label="Gate">
      <h2>
        <OutcomeIcon outcome={outcome} />
        {verdictOf(report)}
      </h2>
      {alarms(report).map((alarm) => (
        <p>
          <strong>{clip(alarm, limits.text)}.</strong>
        </p>
      ))}
      {gate.reasons.length > 0 && (
        <ul>
          {gate.reasons.slice(0, limits.findings).map((reason) => (
            <li>{clip(reason, limits.text)}</li>
          ))}
        </ul>
      )}
      {overrideWords(report) !== undefined && <p class="small quiet">{clip(overrideWords(report) ?? '', limits.text)}</p>}
    </section>
  );
}

export function Waivers({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const { waivers = [] } = report;
  if (waivers.length === 0) return null;
  return (
    <section id="waivers">
      <h2>Waivers</h2>
      <div class="panel scroll">
        <table>
          <thead>
            <tr>
              {['Check', 'Reason', 'Owner', 'Path', 'Last day'].map((head) => (
                <th scope="col">{head}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {waivers.slice(0, limits.findings).map((waiver) => (
              <tr>
                <td class="mono">{waiver.check}</td>
                <td>{clip(waiver.reason, limits.text)}</td>
                <td>{clip(waiver.owner, limits.text)}</td>
                <td class="mono">{waiver.path ?? 'everywhere'}</td>
                <td>
                  {waiver.expires} {waiver.isExpired && <span class="badge is-fail">expired</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function AttestationRow({ entry, limits }: { readonly entry: AttestationEntry; readonly limits: Limits }) {
  const { attested, test = '–', path, state } = entry;
  const link = safeUrl(attested?.link);
  return (
    <tr>
      <td class="mono">{test}</td>
      <td>
        <span class={`badge ${state === 'counted' ? 'is-manual' : state === 'refused' ? 'is-fail' : 'is-skipped'}`}>
          {stateOf(entry)}
        </span>
      </td>
      <td>
        {attested && clip(`${attestedWords(attested)}. ${attested.method}`, limits.text)} {link && <a href={link}>Results</a>}
        {attestationProblems(entry)
          .slice(0, limits.findings)
          .map(({ where, message, fix }) => (
            <p class="small">
              <code>{clip(where, limits.text)}</code> {clip(message, limits.text)}.{' '}
              <span class="quiet">{clip(fix, limits.text)}</span>
            </p>
          ))}
      </td>
      <td class="mono">{clip(path, limits.text)}</td>
    </tr>
  );
}

/** Tests that people executed by hand, and whether they count. */
export function Attestations({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const { attestations = [] } = report;
  if (attestations.length === 0) return null;
  return (
    <section id="attestations">
      <h2>Executed by hand</h2>
      <div class="panel scroll">
        <table>
          <thead>
            <tr>
              {['Test', 'State', 'Who, until when, how', 'File'].map((head) => (
                <th scope="col">{head}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {attestations.slice(0, limits.findings).map((entry) => (
              <AttestationRow entry={entry} limits={limits} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What changed against the last report that counts. */
export function Change({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const { comparison } = report;
  if (!comparison) return null;
  if (!comparison.against) return <p class="quiet small">{clip(comparisonHead(comparison), limits.text)}</p>;
  return (
    <section id="change">
      <h2>What changed</h2>
      <div class="panel facts">
        <p class="quiet">{clip(comparisonHead(comparison), limits.text)}</p>
        <ul class="notices">
          {comparisonLines(comparison).map((line) => (
            <li>{clip(line, limits.text)}</li>
          ))}
        </ul>
      </div>
    </section>
  );
}

/** What was run, on what, by what: name and value, only those that are known. */
function factsOf({ source, run, tool, component, at, seconds, runner }: Report): readonly (readonly [string, string])[] {
  const state = [source.isDirty && 'uncommitted changes', source.isShallow && 'shallow clone'].filter((word) => word);
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    ['Commit', source.commit && [source.commit, ...state].join(', ')],
    ['Ref', source.ref],
    ['Project', source.project],
    ['Trigger', run.trigger],
    ['Pipeline', run.pipelineId],
    ['Job', run.jobId],
    ['Merge request', run.mergeRequest && `!${run.mergeRequest}`],
    ['Started', formatTime(at)],
    ['Took', formatSeconds(seconds)],
    ['Made by', `flightcheck ${runner} ${tool.version}`],
    ['Component', component && `${component.name}@${component.reference ?? component.version ?? component.sha ?? '?'}`],
  ];
  return rows.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
}

export function HowItRan({ report, limits }: { readonly report: Report; readonly limits: Limits }) {
  const url = safeUrl(report.run.jobUrl);
  return (
    <section id="run">
      <h2>How it was run</h2>
      <div class="panel facts">
        <dl>
          {factsOf(report).map(([name, value]) => (
            <div>
              <dt>{name}</dt>
              <dd>{name === 'Job' && url ? <a href={url}>{value}</a> : clip(value, limits.text)}</dd>
            </div>
          ))}
        </dl>
        {(report.notices?.length ?? 0) > 0 && (
          <ul class="notices">
            {report.notices?.slice(0, limits.findings).map((notice) => (
              <li>{clip(notice, limits.text)}</li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
