import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checks } from '../../rules/ml-test-score/index.generated.ts';
import { openFiles } from '../../src/adapters/files.ts';
import { openGit } from '../../src/adapters/git.ts';
import { openHookMachine } from '../../src/adapters/hook-machine.ts';
import { openMlflow } from '../../src/adapters/mlflow/open.ts';
import { createHooks } from '../../src/engine/hooks/create.ts';
import { planHooks } from '../../src/engine/hooks/plan.ts';
import { runSuite } from '../../src/engine/run.ts';
import { createVerdicts } from '../../src/engine/verdicts.ts';
import { type AnyCheck, defineCheck, fail, pass } from '../../src/kernel/check.ts';
import type { Result } from '../../src/kernel/report.ts';
import type { CheckRegistry } from '../../src/kernel/suite.ts';
import type { Answer, Need } from '../../src/kernel/world.ts';
import { commitAll, makeRepo, writeFiles } from '../helpers/repo.ts';
import { manifestOf } from '../support/manifest.ts';
import { storeOf } from '../support/tables.ts';
import { cacheFolder, predictRequest, pythonHooks, pythonRepo, quickEnvironment, settings } from './hooks/models.ts';

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));

let asked = 0;
/** Passes when the model predicts every row; counts how often it was really asked. */
const probe = (needs: readonly Need[] = ['manifest', 'tables', 'hooks']): AnyCheck =>
  defineCheck({
    title: 'Predicts every row',
    why: 'w',
    fix: 'f',
    inputs: { least: { type: 'number', description: 'Rows.', default: 1 } },
    needs: [...needs],
    plan: () => [{ request: predictRequest }],
    async run(world, { least }) {
      asked += 1;
      const { rows } = await world.hooks.predict(predictRequest);
      const evidence = { explanation: `${rows} rows were predicted.`, n: rows };
      return rows < least ? fail([{ message: 'too few' }], evidence) : pass(evidence);
    },
  });

interface Options {
  readonly check?: AnyCheck;
  readonly program?: string | null;
  readonly manifest?: Record<string, unknown>;
  readonly options?: Record<string, number>;
  readonly isCacheRead?: boolean;
  readonly isProtected?: boolean;
  readonly at?: string;
  readonly unitTests?: Answer<never>;
}

/** One run over a repo with a cache; the result of the check, and whether the check itself ran. */
async function runOver(root: string, cache: string, given: Options = {}): Promise<{ result: Result; ran: boolean }> {
  const manifest = manifestOf(settings(pythonHooks, given.manifest));
  const signal = new AbortController().signal;
  const { isCacheRead = true, isProtected = false, check = probe(), program = 'program 1', options = {} } = given;
  const machine = await openHookMachine({
    ...{ root, env: quickEnvironment, cacheFolder: cache, isProtected, isCacheRead, signal },
    exclude: ['data/train.csv', 'data/eval.csv'],
  });
  onTestFinished(() => machine.close());
  const tables = await storeOf(root, manifest);
  const place = () => undefined;
  const plan = await planHooks({
    manifest,
    place,
    tables,
    machine,
    checks: [{ id: 'one', planned: check.plan?.(manifest, {}) ?? [] }],
  });
  const now = () => new Date(given.at ?? '2026-01-02T03:04:05Z');
  const hooks = createHooks({ manifest, place, tables, machine, planned: plan.planned, signal, now });
  const before = asked;
  const port = { value: manifest, path: 'flightcheck.yml', exists: true, problems: [], place };
  const absent: Answer<never> = { ok: false, reason: 'none', isAbsent: true };
  const report = await runSuite({
    suite: {
      title: 's',
      method: 'weighted',
      sections: [{ id: 's', title: 's', checks: [{ check: 'one', weight: 1, severity: 'major', options }] }],
    } as never,
    load: async () => check,
    world: {
      ...{ manifest: port, tables, hooks, files: await openFiles(root), git: await openGit(root) },
      mlflow: openMlflow(manifest.mlflow, {}),
      unitTests: { latest: async () => given.unitTests ?? absent },
      history: { values: async () => absent },
    },
    trigger: 'local',
    concurrency: 1,
    verdicts: createVerdicts({ program, manifest, tables, machine, basis: plan.basis, now }),
    signal,
  });
  const result = report.sections[0]?.results[0];
  if (!result) throw new Error('no result');
  return { result, ran: asked > before };
}

describe('verdicts of earlier runs', () => {
  test('the same again is not judged again, and its evidence keeps its date', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    const first = await runOver(root, cache);
    expect(first).toMatchObject({ ran: true, result: { outcome: 'pass', ranAt: '2026-01-02T03:04:05.000Z' } });
    const again = await runOver(root, cache, { at: '2026-02-01T00:00:00Z' });
    expect(again.ran).toBe(false);
    expect({ ...again.result, seconds: 0 }).toEqual({ ...first.result, seconds: 0 });
  });

  test('whatever the check reads, and what it is, makes it judge again', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    const check = probe(['manifest', 'tables', 'hooks', 'files', 'git', 'unitTests', 'mlflow']);
    const over = (given: Options = {}) => runOver(root, cache, { check, ...given });
    await over();
    expect(await over()).toMatchObject({ ran: false });
    expect(await over({ program: 'program 2' })).toMatchObject({ ran: true });
    expect(await over({ options: { least: 99 } })).toMatchObject({ ran: true, result: { outcome: 'fail' } });
    expect(await over({ manifest: { quality: { min: 0.9 } } })).toMatchObject({ ran: true });
    expect(await over({ unitTests: { ok: false, reason: 'other', isAbsent: true } })).toMatchObject({ ran: true });
    writeFiles(root, { 'README.md': 'changed' });
    expect(await over()).toMatchObject({ ran: true });
    writeFiles(root, { 'data/eval.csv': 'id,state,late\n1,nsw,0\n2,vic,1\n' });
    expect(await over()).toMatchObject({ ran: true, result: { evidence: { n: 2 } } });
    commitAll(root, 'Changes');
    expect(await over()).toMatchObject({ ran: true });
    expect(await over()).toMatchObject({ ran: false });
  });

  test('a schedule, a protected ref and a run from the sources judge again', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    await runOver(root, cache);
    expect(await runOver(root, cache, { isProtected: true })).toMatchObject({ ran: true });
    expect(await runOver(root, cache, { program: null })).toMatchObject({ ran: true });
    const scheduled = await runOver(root, cache, { isCacheRead: false, at: '2026-03-01T00:00:00Z' });
    expect(scheduled).toMatchObject({ ran: true, result: { ranAt: '2026-03-01T00:00:00.000Z' } });
    // The schedule renewed the executions, and with them the verdict.
    expect(await runOver(root, cache)).toMatchObject({ ran: false, result: { ranAt: '2026-03-01T00:00:00.000Z' } });
  });

  test('what a service may answer otherwise is not kept', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    for (const [need, manifest] of [
      ['history', {}],
      ['mlflow', { mlflow: { registeredModel: 'late' } }],
    ] as const) {
      const check = probe(['manifest', 'tables', 'hooks', need]);
      await runOver(root, cache, { check, manifest });
      expect(await runOver(root, cache, { check, manifest }), need).toMatchObject({ ran: true });
    }
  });

  test('without the executions that it rests on, or damaged, a verdict does not stand', async () => {
    const [root, cache] = [makeRepo(pythonRepo), cacheFolder()];
    await runOver(root, cache);
    const stored = () => files(cache).filter((path) => path.endsWith('verdict.json'));
    for (const path of stored()) writeFileSync(path, readFileSync(path, 'utf8').replace('30 rows', '99 rows'));
    expect(await runOver(root, cache)).toMatchObject({ ran: true, result: { evidence: { n: 30 } } });
    expect(await runOver(root, cache)).toMatchObject({ ran: false });
    for (const path of files(cache).filter((each) => each.endsWith('predictions.csv')))
      rmSync(join(path, '../..'), { recursive: true });
    expect(await runOver(root, cache)).toMatchObject({ ran: true });
  });

  test('a failure of a hook may be of today: it is tried again', async () => {
    const [root, cache] = [makeRepo({ ...pythonRepo, 'predict.py': 'raise SystemExit(3)' }), cacheFolder()];
    const failing: AnyCheck = {
      ...probe(),
      run: async (world: { hooks: { predict(request: unknown): Promise<unknown> } }) => {
        asked += 1;
        await world.hooks.predict(predictRequest).catch(() => {});
        return fail([{ message: 'the hook fails' }]);
      },
    };
    await runOver(root, cache, { check: failing });
    expect(await runOver(root, cache, { check: failing })).toMatchObject({ ran: true });
  });

  test('a test of the rubric that reads a clock or chance asks a service too, so that its verdict is not kept', async () => {
    const folder = fileURLToPath(new URL('../../rules/ml-test-score', import.meta.url));
    const impure = files(folder).filter(
      (path) => path.endsWith('.ts') && /Date\.now\(|new Date\(\)|Math\.random/.test(readFileSync(path, 'utf8')),
    );
    const registry: CheckRegistry = checks;
    for (const path of impure) {
      const id = basename(path).split('-').slice(0, 2).join('-');
      const { needs = [] } = (await registry[id]?.()) ?? {};
      expect(
        needs.filter((need) => ['gitlab', 'history', 'mlflow'].includes(need)),
        path,
      ).not.toEqual([]);
    }
  });
});
