/** Groups of an answer as bars, and as links that narrow the question to them. */
import { formatNumber } from '../../reports/words.ts';
import type { ExploreState } from '../api/explore-query.ts';
import { type Answer, keyOf } from '../api/slices.ts';
import type { SliceGroup } from '../store/slice/slice.ts';
import { sayDimension } from './explore-form.tsx';
import { changeExplore } from './explore-state.ts';
import { withUnit } from './units.ts';

export interface AnswerProps {
  readonly state: ExploreState;
  readonly answer: Answer;
}

/** `by` has the names of the parts of the key. */
export const titleOf = (key: SliceGroup['key'], by: readonly string[]): string =>
  key.length === 0 ? 'all together' : key.map((part, i) => part ?? `no ${sayDimension(by[i] ?? '')}`).join(', ');

export const noOtherTime = 'Of the other time there is no value.';

/** Narrows to the group; a model leads to its page. */
export function GroupLink({ group, state }: { readonly group: SliceGroup; readonly state: ExploreState }) {
  if (group.key.length === 0) return <>{titleOf(group.key, state.by)}</>;
  const pairs = state.by.map((name, i) => `${name}:${group.key[i] ?? ''}`);
  const where = [...new Set([...state.where, ...pairs])];
  return <a href={changeExplore(state, { where, by: [] })}>{titleOf(group.key, state.by)}</a>;
}

export function Bars({ answer, state }: AnswerProps) {
  const { compared } = answer;
  const groups = answer.found.groups.map((group) => ({ ...group, before: compared?.groups.get(keyOf(group))?.value }));
  const hasBefore = groups.some(({ before }) => before !== undefined);
  const most = Math.max(...groups.flatMap(({ value, before = 0 }) => [Math.abs(value), Math.abs(before)])) || 1;
  const share = (value: number): string => `${Math.round((1000 * Math.abs(value)) / most) / 10}%`;
  return (
    <div class="panel chart-panel">
      <table class="bars">
        <tbody>
          {groups.map((group) => (
            <tr>
              <th scope="row">
                <GroupLink group={group} state={state} />
              </th>
              <td class="wider">
                <svg class="hbar" aria-hidden="true">
                  <rect class="rail" width="100%" height="18" rx="3" />
                  <rect class="band-3" width={share(group.value)} height="18" rx="3" />
                  {group.before !== undefined && (
                    <line class="before" x1={share(group.before)} x2={share(group.before)} y1="-2" y2="20" />
                  )}
                </svg>
              </td>
              <td class="number">{withUnit(group.value, answer.wanted.unit)}</td>
              {hasBefore && <td class="number quiet">{changeWords(group.value, group.before)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {compared && <p class="small quiet">{hasBefore ? 'The line across a bar is the other time.' : noOtherTime}</p>}
    </div>
  );
}

/** A change that has a direction in its sign, for there is no colour that means better for every metric. */
export function changeWords(now: number, before: number | undefined): string {
  if (before === undefined) return '–';
  if (now === before) return '±0 %';
  if (before === 0) return 'from 0';
  const percent = (100 * (now - before)) / Math.abs(before);
  return `${percent < 0 ? '−' : '+'}${formatNumber(Math.abs(Number(percent.toPrecision(3))))} %`;
}
