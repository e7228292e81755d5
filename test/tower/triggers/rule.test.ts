/** What values make of a rule: when an alert opens, when it closes, when it stays quiet. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Condition, freshState, judge, type RuleDefinition, replay } from '../../../src/tower/triggers/rule.ts';

const hour = 3_600_000;
const rule = (when: RuleDefinition['when'], more: Partial<RuleDefinition> = {}): RuleDefinition => ({
  metric: 'model.drift.psi',
  where: {},
  when,
  severity: 'warning',
  cooldownHours: 0,
  actions: [],
  pipelinesPerDay: 2,
  ...more,
});
const above = (limit: number, more: Partial<Condition> = {}): Condition => ({
  of: 'value',
  is: 'above',
  limit,
  times: 1,
  ...more,
});
/** Values an hour apart; events as `+hour` (opened) and `-hour` (closed). */
const run = (definition: RuleDefinition, values: readonly number[], until = values.length): string[] =>
  replay(
    definition,
    values.map((value, i) => ({ at: i * hour, value })),
    until * hour,
  ).map(({ event, at }) => `${event === 'opened' ? '+' : '-'}${at / hour}`);

describe('a limit', () => {
  it('opens above it, not at it, and closes when values are back', () => {
    expect(run(rule(above(0.2)), [0.1, 0.2, 0.3, 0.4, 0.2, 0.3])).toEqual(['+2', '-4', '+5']);
    expect(run(rule(above(2, { is: 'below' })), [3, 2, 1, 2])).toEqual(['+2', '-3']);
  });
  it('waits for so many in a row', () => {
    expect(run(rule(above(0.2, { times: 3 })), [1, 1, 0, 1, 1, 1, 0])).toEqual(['+5', '-6']);
  });
  it('closes only where it says, so that a value that swings about the limit raises one alert', () => {
    expect(run(rule(above(0.2, { closesAt: 0.1 })), [0.3, 0.15, 0.3, 0.15, 0.1])).toEqual(['+0', '-4']);
  });
  it('stays quiet after an alert, and raises the next when the time is over and it still holds', () => {
    expect(run(rule(above(0.2), { cooldownHours: 4 }), [1, 0, 1, 1, 1, 1])).toEqual(['+0', '-1', '+4']);
  });
});

describe('a change', () => {
  it('is measured against the mean of what was usual before', () => {
    expect(run(rule(above(0.5, { of: 'change' })), [10, 10, 10, 14, 17, 18, 10])).toEqual(['+4', '-6']);
    expect(run(rule(above(-0.5, { of: 'change', is: 'below' })), [10, 10, 10, 4])).toEqual(['+3']);
  });
  it('says nothing while there is too little before, or a mean of 0', () => {
    expect(run(rule(above(0.5, { of: 'change' })), [1, 100, 100])).toEqual([]);
    expect(run(rule(above(0.5, { of: 'change' })), [0, 0, 0, 100])).toEqual([]);
  });
});

describe('absence', () => {
  it('opens at the moment when it became too long, once, and closes with the next value', () => {
    expect(run(rule({ absentHours: 5 }), [1, 1], 4)).toEqual([]);
    expect(run(rule({ absentHours: 5 }), [1, 1], 50)).toEqual(['+6']);
    const points = [0, 1, 20, 21].map((at) => ({ at: at * hour, value: 1 }));
    expect(replay(rule({ absentHours: 5 }), points, 22 * hour).map(({ event, at }) => [event, at / hour])).toEqual([
      ['opened', 6],
      ['closed', 20],
    ]);
  });
});

it('takes no value twice and none that is late', () => {
  const definition = rule(above(0.2, { times: 2 }));
  let { state } = judge(definition, freshState(0), { at: 10, value: 1 });
  ({ state } = judge(definition, state, { at: 10, value: 1 }));
  ({ state } = judge(definition, state, { at: 5, value: 1 }));
  expect(state).toMatchObject({ inARow: 1, judgedTo: 10, isOpen: false });
});

it('opens and closes in turn, whatever the values, and however they are cut into batches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { maxLength: 60 }),
      fc.record({
        limit: fc.double({ min: -1, max: 1, noNaN: true }),
        times: fc.integer({ min: 1, max: 3 }),
        cooldownHours: fc.integer({ min: 0, max: 5 }),
      }),
      (values, { limit, times, cooldownHours }) => {
        const definition = rule(above(limit, { times, closesAt: limit - 0.2 }), { cooldownHours });
        const events = run(definition, values);
        events.forEach((event, i) => {
          expect(event.startsWith(i % 2 === 0 ? '+' : '-')).toBe(true);
        });
        let state = freshState(-1);
        const stepped = values.flatMap((value, i) => {
          // Through JSON, as the store keeps it.
          const next = judge(definition, JSON.parse(JSON.stringify(state)), { at: i * hour, value });
          state = next.state;
          return next.event ? [`${next.event.event === 'opened' ? '+' : '-'}${i}`] : [];
        });
        expect(stepped).toEqual(events);
      },
    ),
  );
});
