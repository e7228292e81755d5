import { describe, expect, it } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { selectChecks } from '../../src/engine/select.ts';
import { type AnyCheck, defineCheck, pass, skipped } from '../../src/kernel/check.ts';
import { UsageError } from '../../src/kernel/failure.ts';
import type { Suite } from '../../src/kernel/suite.ts';

const words = { title: 'A fact', why: 'Because.', fix: 'Mend it.' };
const simple = (run: AnyCheck['run'], needs: AnyCheck['needs'] = []): AnyCheck =>
  defineCheck({ ...words, inputs: {}, needs, run });
const entry = (check: string, options?: Record<string, unknown>) => ({
  check,
  weight: 1,
  severity: 'major' as const,
  ...(options && { options }),
});
const suiteOf = (...checks: ReturnType<typeof entry>[]): Suite => ({
  id: 'structure',
  title: 'Structure',
  method: 'weighted-mean',
  sections: [{ id: 'all', title: 'All', checks }],
});

function run(checks: Record<string, AnyCheck>, suite = suiteOf(...Object.keys(checks).map((id) => entry(id))), more = {}) {
  return runSuite({
    suite,
    load: async (id) => checks[id] ?? null,
    world: {},
    trigger: 'push',
    concurrency: 2,
    signal: new AbortController().signal,
    ...more,
  });
}
const results = async (...args: Parameters<typeof run>) => (await run(...args)).sections[0]?.results ?? [];

describe('runSuite', () => {
  it('keeps the order of the suite and the words of the check', async () => {
    const slow = simple(() => new Promise((resolve) => setTimeout(() => resolve(pass()), 20)));
    const found = await results({ slow, quick: simple(() => pass()) });
    expect(found.map((result) => result.check)).toEqual(['slow', 'quick']);
    expect(found[0]).toMatchObject({ ...words, severity: 'major', weight: 1, outcome: 'pass' });
  });

  it('turns whatever a check throws into an error result and goes on', async () => {
    const bug = simple(() => {
      throw new Error('boom');
    });
    const theirs = simple(() => {
      throw new UsageError('TABLE_MISSING', 'no such table', { hint: 'Add it.', place: { path: 'flightcheck.yml', line: 3 } });
    });
    const [first, second, third] = await results({ bug, theirs, fine: simple(() => pass()) });
    expect(first).toMatchObject({ outcome: 'error', failure: { code: 'INTERNAL', message: 'boom' } });
    expect(second).toMatchObject({ outcome: 'error', failure: { code: 'TABLE_MISSING', hint: 'Add it.', place: { line: 3 } } });
    expect(third?.outcome).toBe('pass');
  });

  it('starts one check alone until it is under way, and the others when it is judged without having been', async () => {
    const log: string[] = [];
    let start = (): void => {};
    const isUnderWay = new Promise<void>((resolve) => {
      start = resolve;
    });
    const lead = simple(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      log.push('lead is under way');
      start();
      await new Promise((resolve) => setTimeout(resolve, 20));
      log.push('lead is judged');
      return pass();
    });
    const other = simple(() => {
      log.push('other');
      return pass();
    });
    const found = await results({ other, lead }, undefined, { first: { check: 'lead', isUnderWay } });
    expect(log).toEqual(['lead is under way', 'other', 'lead is judged']);
    expect(found.map(({ check, outcome }) => [check, outcome])).toEqual([
      ['other', 'pass'],
      ['lead', 'pass'],
    ]);
    const never = new Promise<void>(() => {});
    const broken = simple(() => {
      throw new Error('boom');
    });
    const [, without] = await results({ broken, other }, undefined, { first: { check: 'broken', isUnderWay: never } });
    expect(without?.outcome).toBe('pass');
  });

  it('an error counts 0, a skipped check leaves the mean', async () => {
    const suite = await run({
      bad: simple(() => {
        throw new Error('x');
      }),
      good: simple(() => pass()),
      away: simple(() => skipped('nothing to judge')),
    });
    expect(suite.score).toBe(0.5);
  });

  it('hands a check only the ports that it declares', async () => {
    const seen: string[][] = [];
    const check = simple(
      (world) => {
        seen.push(Object.keys(world));
        return pass();
      },
      ['files'],
    );
    await run({ check }, undefined, { world: { files: {}, git: {} } });
    expect(seen).toEqual([['files']]);
    const [without] = await results({ check });
    expect(without).toMatchObject({ outcome: 'error', failure: { code: 'INTERNAL' } });
  });

  it('refuses an option that the check does not have, with one clear error', async () => {
    const [result] = await results({ a: simple(() => pass()) }, suiteOf(entry('a', { limt: 3 })));
    expect(result).toMatchObject({ outcome: 'error', failure: { code: 'CHECK_OPTIONS_INVALID' } });
    expect(result?.failure?.message).toContain('unknown option limt');
  });

  it('lists a test that does not exist yet as skipped', async () => {
    const [result] = await results({}, suiteOf(entry('ghost')));
    expect(result).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('does not exist yet') });
  });

  it('skips what the plan left out and, after an interruption, the rest', async () => {
    const interruption = new AbortController();
    const first = simple(() => {
      interruption.abort();
      return pass();
    });
    const found = await results({ left: simple(() => pass()), first, rest: simple(() => pass()) }, undefined, {
      leaveOut: new Map([['left', 'over budget']]),
      concurrency: 1,
      signal: interruption.signal,
    });
    expect(found.map((result) => [result.check, result.outcome, result.reason])).toEqual([
      ['left', 'skipped', 'over budget'],
      ['first', 'pass', undefined],
      ['rest', 'skipped', 'the run was interrupted before it'],
    ]);
  });
});

describe('selectChecks', () => {
  const suite = suiteOf(entry('layout-no-data'), entry('layout-tests'));
  const ids = (selection: Parameters<typeof selectChecks>[1]) =>
    selectChecks(suite, selection).sections.flatMap((section) => section.checks.map((each) => each.check));

  it('takes only what is named, or all but what is named', () => {
    expect(ids({ only: ['layout-tests'] })).toEqual(['layout-tests']);
    expect(ids({ skip: ['layout-tests'] })).toEqual(['layout-no-data']);
    expect(ids({ severities: { 'layout-tests': 'off' } })).toEqual(['layout-no-data']);
  });

  it('refuses an id that no check has, and guesses', () => {
    expect(() => ids({ only: ['layout-no-dta'] })).toThrow(UsageError);
    try {
      ids({ only: ['layout-no-dta'] });
    } catch (error) {
      expect((error as UsageError).hint).toBe('Did you mean layout-no-data?');
    }
  });
});
