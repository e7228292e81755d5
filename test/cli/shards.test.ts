/** Shards of a score with real hooks: put together they are the whole. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command as reportCommand } from '../../src/cli/commands/report.ts';
import { command as scoreCommand } from '../../src/cli/commands/score.ts';
import { command as testCommand } from '../../src/cli/commands/test.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Report, Result } from '../../src/kernel/report.ts';
import { pythonRepo, quickEnvironment } from '../engine/hooks/models.ts';
import { git, writeFiles } from '../helpers/repo.ts';

const manifest = `version: 1
model: { name: late, owner: "@team" }
task: binary
columns: { id: id, label: late }
data: { train: data/train.csv, eval: data/eval.csv }
hooks:
  train: python3 train.py {data} {seed} {model}
  predict: python3 predict.py {model} {in} {out}
gate: { mode: blocking, min-score: 5 }
`;
const only = 'data-1,data-2,data-6,model-5,infra-1,infra-3,infra-5,monitor-5';

let root: string;

async function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [];
  const told: string[] = [];
  const say = (text: string): void => void told.push(text);
  const code = await runProgram([scoreCommand, reportCommand, testCommand], [...argv, root], '0.1.0', ({ json = false }) => ({
    cwd: root,
    env: { PATH: quickEnvironment.PATH, ...env },
    print: (text) => void printed.push(text),
    log: { info: say, warn: say, debug() {}, step: async (_title, work) => work(() => {}) },
    isJson: json,
    isDebug: false,
    isColor: false,
    width: 100,
    signal: new AbortController().signal,
    version: '0.1.0',
  }));
  return { code, text: printed.join(''), told: told.join('\n') };
}

const score = (...more: string[]) => run(['score', '--only', only, '--cache', 'off', ...more]);
const read = (name: string): Report => JSON.parse(readFileSync(join(root, '.flightcheck', `${name}.report.json`), 'utf8'));
const names = () => readdirSync(join(root, '.flightcheck')).filter((name) => /^(score|report).*\.report\.json$/.test(name));

/** What was found, without what a clock or a memory gauge told. */
const found = (report: Report) =>
  report.suites.map(({ sections, seconds: _, ...suite }: Report['suites'][number] & { seconds?: number }) => ({
    ...suite,
    sections: sections.map(({ results, ...section }) => ({ ...section, results: results.map(untimed) })),
  }));
function untimed({ seconds: _, ranAt: __, evidence, ...result }: Result) {
  const { explanation, value, interval, items } = evidence ?? {};
  const measured = result.check === 'infra-3' ? {} : { explanation, value, interval, items };
  return { ...result, ...measured };
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'flightcheck-shards-'));
  writeFiles(root, { ...pythonRepo, 'flightcheck.yml': manifest, '.gitignore': '.flightcheck*\n' });
  git(root, 'init', '-q', '-b', 'main');
  git(root, 'add', '.');
  git(root, 'commit', '-qm', 'One');
  await score();
  await run(['report']);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('three shards', () => {
  let whole: Report;
  let divided: Report;
  const cards: string[] = [];
  const codes: number[] = [];
  beforeAll(async () => {
    whole = read('report');
    for (const shard of ['1/3', '2/3', '3/3']) {
      const { code, text } = await score('--shard', shard);
      cards.push(text);
      codes.push(code);
    }
    await run(['report']);
    divided = read('report');
  }, 120_000);

  it('give the same report as one run, apart from times', () => {
    expect(found(divided)).toEqual(found(whole));
    expect(divided.complete).toBe(whole.complete);
    expect(divided.notices).toEqual(whole.notices);
    expect(divided.gate).toEqual(whole.gate);
    const judged = divided.suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results));
    expect(judged.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(2);
  });

  it('share the work, each in files of its own, and take the place of the whole run', () => {
    expect(names()).toEqual([
      'report.report.json',
      'score-1-of-3.report.json',
      'score-2-of-3.report.json',
      'score-3-of-3.report.json',
    ]);
    const parts = [1, 2, 3].map((index) => read(`score-${index}-of-3`));
    const tests = parts.map(({ suites }) =>
      suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results.map(({ check }) => check))),
    );
    expect(tests.flat().sort()).toEqual(only.split(',').sort());
    for (const [index, ids] of tests.entries()) expect(parts[0]?.shard?.tests[index]?.toSorted()).toEqual(ids.toSorted());
  });

  it('decide no gate: a part neither passes nor fails', () => {
    expect(codes).toEqual([0, 0, 0]);
    expect(read('score-1-of-3').gate?.mode).toBe('advisory');
    expect(divided.gate?.mode).toBe('blocking');
    expect(cards[1]?.replaceAll(/\s+/g, ' ')).toMatch(
      /Shard 2 of 3: \d tests? of 8\. flightcheck report puts the shards together/,
    );
  });

  it('of which one is gone leave an incomplete report, which a blocking gate refuses', async () => {
    const gone = read('score-2-of-3');
    rmSync(join(root, '.flightcheck/score-2-of-3.report.json'));
    const { code, text } = await run(['report']);
    writeFileSync(join(root, '.flightcheck/score-2-of-3.report.json'), JSON.stringify(gone));
    expect(code).toBe(1);
    expect(text).toContain('Shard 2 of 3 left no report');
    expect(read('report').complete).toBe(false);
  });

  it('hand on what their hooks cost, and the next run divides by it', async () => {
    await run(['report']);
    const costs = JSON.parse(readFileSync(join(root, '.flightcheck-cache/costs.json'), 'utf8')) as {
      seconds: Record<string, number>;
    };
    const trainings = Object.keys(costs.seconds).filter((name) => name.startsWith('train-'));
    expect(trainings.length).toBeGreaterThan(1);
    await run(['test']);
    expect(readdirSync(join(root, '.flightcheck'))).toContain('test.costs.json');
    // A record in which one test costs more than all others together gives it a shard of its own.
    const dear = Object.fromEntries(Object.keys(costs.seconds).map((name) => [name, 1]));
    const plan = async (): Promise<string[][]> =>
      JSON.parse((await score('--plan', '--json', '--shard', '1/3')).text).shard.tests;
    const before = await plan();
    const infra1 = await score('--plan', '--json', '--only', 'infra-1');
    expect(infra1.code).toBe(0);
    writeFileSync(
      join(root, '.flightcheck/test.costs.json'),
      JSON.stringify({ seconds: { ...dear, [trainings.at(-1) ?? '']: 5000 } }),
    );
    const after = await plan();
    expect(after).not.toEqual(before);
    expect(after.flat().sort()).toEqual(before.flat().sort());
    rmSync(join(root, '.flightcheck/test.costs.json'));
  });

  it('of another number clear the reports of the former, and a whole run clears them all', async () => {
    await score('--shard', '1/2');
    expect(names()).toEqual(['report.report.json', 'score-1-of-2.report.json']);
    await run(['score', '--only', 'data-1', '--cache', 'off']);
    expect(names()).toEqual(['report.report.json', 'score.report.json']);
  });
});

describe('which shard', () => {
  const planned = async (argv: string[], env: Record<string, string> = {}) => {
    const { code, text, told } = await run(['score', '--plan', '--only', only, ...argv], env);
    return { code, shard: /^Shard (\d+ of \d+)/m.exec(text)?.[1], told };
  };

  it.each([
    ['the flag', ['--shard', '2/3'], {}, '2 of 3'],
    ['the variable', [], { FLIGHTCHECK_SHARD: '3/3' }, '3 of 3'],
    ['GitLab, in parallel jobs', [], { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '4' }, '2 of 4'],
    ['the flag before GitLab', ['--shard', '1/1'], { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '4' }, undefined],
    ['GitLab, in a job of its own', [], { CI_NODE_TOTAL: '1' }, undefined],
    ['GitLab, parallel: 1', [], { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '1' }, undefined],
  ])('%s says it', async (_, argv, env, shard) => {
    expect(await planned(argv, env)).toMatchObject({ code: 0, shard });
  });

  it('more shards than tests leave some without any', async () => {
    expect((await planned(['--shard', '20/20'])).code).toBe(0);
  });
});
