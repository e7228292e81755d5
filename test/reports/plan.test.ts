import { expect, test } from 'vitest';
import { type PlanView, renderPlan } from '../../src/reports/plan.ts';

const none = { runs: 0, cached: 0, sometimes: 0 };
const budget = { minutes: 30, trains: 3, parallel: 2, memory: '4GiB' };

test('a plan as a table', () => {
  const plan: PlanView = {
    setup: { command: 'pip install -r requirements.txt', isCached: true },
    executions: [
      { words: 'train on train, seed 1', checks: ['infra-1', 'model-5'], isCached: true },
      { words: 'predict eval (model of train, seed 1)', checks: ['model-5'], isCached: false },
      { words: 'train on train without age, seed 1', checks: ['data-2'], isCached: false, sometimes: 'when age shows no gain' },
      {
        words: 'features of \u001b[31meval',
        checks: ['monitor-3'],
        isCached: false,
        problem: { code: 'HOOK_NEEDS_SHELL', message: 'a pipe', hint: 'Use sh:', place: { path: 'flightcheck.yml', line: 9 } },
      },
    ],
    leaveOut: new Map([['infra-2', 'over budget: it needs 9 of the 11 trainings, and budget.trains allows 3']]),
    budget,
    totals: {
      train: { runs: 0, cached: 1, sometimes: 1 },
      predict: { ...none, runs: 1 },
      features: { ...none, runs: 1 },
      serve: none,
    },
  };
  expect(renderPlan(plan)).toBe(`hook                                    state                        tests that share it
setup: pip install -r requirements.txt  installed
train on train, seed 1                  cached                       infra-1 model-5
predict eval (model of train, seed 1)   runs                         model-5
train on train without age, seed 1      runs when age shows no gain  data-2
features of eval                        blocked: HOOK_NEEDS_SHELL    monitor-3

To run: train 0 (1 cached, up to 1 more), predict 1, features 1.
Budget: 3 trainings, 30 minutes, 2 hooks at a time, 4GiB each.

In the way:
  HOOK_NEEDS_SHELL: flightcheck.yml:9: a pipe. Use sh:

Left out:
  infra-2: over budget: it needs 9 of the 11 trainings, and budget.trains allows 3
`);
});

test('a plan without hooks', () => {
  const plan: PlanView = {
    setup: null,
    executions: [],
    leaveOut: new Map(),
    budget,
    totals: { train: none, predict: none, features: none, serve: none },
  };
  expect(renderPlan(plan)).toBe(`No hook will run.

To run: nothing.
Budget: 3 trainings, 30 minutes, 2 hooks at a time, 4GiB each.
`);
});

const wide: PlanView = {
  setup: { command: `pip install ${'x'.repeat(150)} -r requirements.txt`, isCached: false },
  executions: Array.from({ length: 3 }, (_, i) => ({
    words: `predict 200 rows of eval with odd values in distance, carrier, origin and 9 more (model of train from 30 % to 70 % of its time, seed ${i})`,
    checks: ['data-1', 'data-2', 'infra-1', 'infra-4', 'infra-5', 'model-4', 'model-5', 'monitor-5'],
    isCached: false,
    sometimes: 'when a feature shows no gain that the interval would not also allow for noise',
    problem: {
      code: 'HOOK_PLACEHOLDER_MISSING',
      message: `the command does not use {data}: ${'train '.repeat(30)}`,
      hint: 'Use it.',
    },
  })),
  leaveOut: new Map([['data-2', `over budget: ${'it needs more than there is, '.repeat(8)}`]]),
  budget,
  totals: { train: none, predict: none, features: none, serve: none },
  shard: { index: 1, tests: [Array.from({ length: 28 }, (_, i) => `monitor-${i}`), []] },
};

test.each([60, 100, 132])('no line is wider than %i columns, and nothing that has a space is cut', (width) => {
  const text = renderPlan(wide, { width });
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width);
  const words = text.replaceAll(/\s+/g, ' ');
  for (const id of ['infra-5', 'monitor-27']) expect(words).toContain(id);
  expect(text).toContain('Shard 1 of 2: monitor-0');
});

test('what is not known of a terminal is 100 columns', () => {
  expect(
    Math.max(
      ...renderPlan(wide)
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(100);
});
