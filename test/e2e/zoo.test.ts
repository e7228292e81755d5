/** The model zoo: every test of the rubric passes on a good model, and each injected fault is caught by its test and no other. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fault, languages } from '../zoo/fault.ts';
import { faults } from '../zoo/faults/index.ts';
import { type Found, type Keeper, openKeeper } from '../zoo/keeper.ts';
import { type Outcomes, renderMatrix, tests } from '../zoo/matrix.ts';

const outcomesOf = (results: Found): Outcomes => new Map(tests.map((id) => [id, results.get(id)?.outcome ?? 'error']));

/** The tests that do not pass, with what they say. */
const turned = (results: Found) =>
  Object.fromEntries(
    tests.flatMap((id) => {
      const result = results.get(id);
      return result?.outcome === 'pass'
        ? []
        : [[id, `${result?.outcome}: ${result?.reason ?? result?.findings.map(({ message }) => message).join('; ')}`]];
    }),
  );

beforeAll(() => {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: join(import.meta.dirname, '../..'), stdio: 'pipe' });
});

describe.each(languages)('the zoo in %s', (language) => {
  const folder = mkdtempSync(join(tmpdir(), 'zoo-'));
  const found = new Map<Fault, Outcomes>();
  let keeper: Keeper;
  beforeAll(async () => {
    keeper = await openKeeper(folder, language);
  });
  afterAll(async () => {
    await keeper?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('all 28 tests pass on the good model', () => {
    expect(turned(keeper.good)).toEqual({});
  });

  test.concurrent.for(faults)('$caughtBy catches $name', async (fault, { expect: expects, onTestFinished }) => {
    const results = await keeper.run(fault, onTestFinished);
    found.set(fault, outcomesOf(results));
    const wrong = turned(results);
    const expected = [fault.caughtBy, ...Object.keys(fault.also ?? {})].sort();
    expects(Object.keys(wrong).sort(), JSON.stringify(wrong, null, 1)).toEqual(expected);
    expects(wrong[fault.caughtBy]).toMatch(/^fail: /);
  });

  test('which test catches what is as written', async ({ skip }) => {
    if (found.size < faults.length) return skip('only a part of the zoo was run');
    const rows = faults.map((fault) => ({ fault, outcomes: found.get(fault) ?? new Map() }));
    await expect(renderMatrix(outcomesOf(keeper.good), rows)).toMatchFileSnapshot(`../golden/zoo.${language}.txt`);
  });
});
