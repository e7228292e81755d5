/** infra-3 over a repo with a DAG: its tasks really run, in a copy, and what they did is the evidence. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { call } from '../helpers/call.ts';
import { makeRepo } from '../helpers/repo.ts';

// From its sources it does not know itself, and would keep no verdict.
vi.mock('../../src/cli/score/program-identity.ts', () => ({ programIdentity: async () => 'this program' }));

interface Judged {
  readonly outcome: string;
  readonly reason?: string;
  readonly findings: readonly { message: string; place?: { path: string; line?: number } }[];
  readonly evidence?: {
    readonly explanation: string;
    readonly value?: number;
    readonly nextStep?: string;
    readonly items?: readonly Record<string, unknown>[];
  };
}

const head = 'version: 1\nmodel: { name: risk, owner: "@team" }\n';
const repoOf = (manifest: string, files: Readonly<Record<string, string>> = {}) =>
  makeRepo({ 'flightcheck.yml': `${head}${manifest}`, 'data/rows.csv': 'id,y\n1,0\n', ...files });

const env = { PATH: process.env.PATH ?? '', DEPLOY_TOKEN: 'not-for-tasks' };

async function infra3(repo: string): Promise<{ judged: Judged; kept: number }> {
  const { text, errors } = await call(['score', '--only', 'infra-3', '--json', repo], env);
  const report = JSON.parse(text || '{}') as {
    suites?: { sections: { results: (Judged & { check: string })[] }[] }[];
    metrics?: { name: string; value: number }[];
  };
  const judged = report.suites?.flatMap(({ sections }) => sections.flatMap(({ results }) => results))[0];
  if (!judged) throw new Error(errors);
  return { judged, kept: report.metrics?.find(({ name }) => name === 'verdicts.kept')?.value ?? -1 };
}

const python = {
  'clean.py': 'import pathlib\npathlib.Path("clean.csv").write_text(pathlib.Path("data/rows.csv").read_text())\n',
  'train.py': `import os, pathlib, sys
assert pathlib.Path("clean.csv").exists()
again = pathlib.Path("again")
if not again.exists():
    again.touch()
    sys.exit("once more")
print("trained at", os.environ["GIT_COMMIT"][:4])
`,
};
const tasks = `tasks:
  train: { command: python3 train.py, dependsOn: clean, retries: 1, retryDelay: 1h }
  clean: { command: python3 clean.py }
`;

describe('infra-3 of a repo with a DAG', () => {
  test('runs its tasks in their order, with their retries, in a copy; what did not change is not run again', async () => {
    const repo = repoOf(tasks, python);
    const { judged } = await infra3(repo);
    expect(judged, JSON.stringify(judged)).toMatchObject({
      outcome: 'pass',
      evidence: {
        value: 2,
        items: [
          { step: 'clean', state: 'success', tries: 1, started_after_seconds: expect.any(Number), seconds: expect.any(Number) },
          { step: 'train', state: 'success', tries: 2 },
        ],
      },
    });
    expect(judged.evidence?.explanation).toContain('in the order clean, train: 2 of 2 ended well');
    expect(readdirSync(repo).sort()).toEqual(expect.arrayContaining(['clean.py', 'data', 'flightcheck.yml', 'train.py']));
    for (const made of ['clean.csv', 'again']) expect(existsSync(join(repo, made)), made).toBe(false);
    expect((await infra3(repo)).kept).toBe(1);
    writeFileSync(join(repo, 'clean.py'), 'raise SystemExit(4)\n');
    expect((await infra3(repo)).judged.outcome).toBe('fail');
  });

  test('fails with the task that failed, its place and its last words; what waits for it is named', async () => {
    const repo = repoOf(tasks, { ...python, 'clean.py': 'rows = [1]\nprint(rows[3])\n' });
    const { judged, kept } = await infra3(repo);
    expect(judged).toMatchObject({ outcome: 'fail', findings: [{ place: { path: 'flightcheck.yml', line: 5 } }] });
    expect(judged.findings[0]?.message).toMatch(
      /the task clean ended with exit code 1\n[\s\S]*clean\.py", line 2[\s\S]*IndexError/,
    );
    expect(judged.evidence?.explanation).toContain('Not run for it: train');
    // A failure may be of this machine, today.
    expect([kept, (await infra3(repo)).kept]).toEqual([0, 0]);
  });

  test('hands its tasks no secret, and says of a DAG that cannot run here why', async () => {
    const spy = 'import os\nassert not [name for name in os.environ if "TOKEN" in name], "a token"\n';
    const { judged } = await infra3(repoOf('tasks: { spy: { command: python3 spy.py } }\n', { 'spy.py': spy }));
    expect(judged.outcome, JSON.stringify(judged)).toBe('pass');
    const needsSecret = repoOf(
      `tasks: { push: { command: python3 push.py, secrets: [{ env: PUSH_TOKEN, secret: push, key: token }] } }\n`,
    );
    expect((await infra3(needsSecret)).judged).toMatchObject({ outcome: 'skipped' });
    const missing = await infra3(repoOf('tasks: { run: { command: no-such-program } }\n'));
    expect(missing.judged.outcome).toBe('skipped');
  });

  test('runs nothing where the manifest says so, and more than the budget is no verdict', async () => {
    const off = repoOf(`dag: { integrationTest: false }\n${tasks}`, { ...python, 'clean.py': 'raise SystemExit(1)\n' });
    expect((await infra3(off)).judged.outcome).toBe('skipped');
    const slow = repoOf('budget: { minutes: 0.02 }\ntasks: { wait: { command: sleep 60 } }\n');
    expect((await infra3(slow)).judged).toMatchObject({ outcome: 'skipped', reason: expect.stringContaining('budget') });
  });

  test('a task that failed by itself is a fail, also when the budget is spent on the next', async () => {
    const repo = repoOf('budget: { minutes: 0.05 }\ntasks:\n  a: { command: "false" }\n  b: { command: sleep 60 }\n');
    const { judged } = await infra3(repo);
    expect(judged, JSON.stringify(judged)).toMatchObject({ outcome: 'fail', findings: [{ place: { line: 5 } }] });
    expect(judged.findings[0]?.message).toContain('the task a ended with exit code 1');
    expect(judged.findings).toHaveLength(1);
  });

  test('judges the chain of hooks too: a DAG that says hello stands for no pipeline, and one that fails is no pass', async () => {
    const files = {
      'train.py': 'import sys\nopen(sys.argv[3], "w").write("model")\n',
      'predict.py': `import csv, os, sys
rows = csv.DictReader(open(sys.argv[2]))
with open(sys.argv[3], "w") as out:
    out.write("id,score\\n")
    for row in rows:
        out.write(row["id"] + "," + os.environ["SCORE"] + "\\n")
`,
    };
    const manifest = (score: string, command: string): string =>
      `data: { train: data/rows.csv, eval: data/rows.csv }
columns: { label: y }
hooks:
  train: python3 train.py {data} {seed} {model}
  predict: python3 predict.py {model} {in} {out}
  env: { SCORE: "${score}" }
tasks:
  tell: { command: ${command} }
`;
    const { judged } = await infra3(repoOf(manifest('nan', 'echo hello'), files));
    expect(judged, JSON.stringify(judged)).toMatchObject({ outcome: 'fail' });
    expect(judged.findings[0]?.message).toContain('1 of 1 predictions are NaN or infinite');
    const broken = await infra3(repoOf(manifest('0.5', '"false"'), files));
    expect(broken.judged, JSON.stringify(broken)).toMatchObject({
      outcome: 'fail',
      findings: [{ message: expect.stringContaining('the task tell ended with exit code 1'), place: { line: 10 } }],
    });
    const well = await infra3(repoOf(manifest('0.5', 'echo hello'), files));
    expect(well.judged, JSON.stringify(well)).toMatchObject({
      outcome: 'pass',
      evidence: { items: [{ step: 'train' }, { step: 'predict' }, { step: 'tell', state: 'success' }] },
    });
  });

  test.skipIf(!existsSync('/proc/self'))('ends what a task leaves behind, however it hides', async () => {
    const seconds = `61.${process.pid}`;
    // Late, when it is looked at seldom, and with time to become another program.
    const hide = `sleep 1; setsid -f env -i sleep ${seconds} >/dev/null 2>&1 </dev/null; sleep 0.05`;
    const { judged } = await infra3(repoOf(`tasks: { hide: { command: [sh, -c, "${hide}"] } }\n`));
    expect(judged.outcome, JSON.stringify(judged)).toBe('pass');
    const left = readdirSync('/proc').filter((id) => {
      try {
        return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, 'utf8') === `sleep\0${seconds}\0`;
      } catch {
        return false;
      }
    });
    for (const id of left) process.kill(Number(id));
    expect(left).toEqual([]);
  });

  test('is announced by --plan', async () => {
    const { text } = await call(['score', '--only', 'infra-3', '--plan', repoOf(tasks, python)], env);
    expect(text).toMatch(/tasks of the DAG: train, clean +runs +infra-3/);
  });

  test('shares turns, budget and memory with the hooks', async () => {
    const files = {
      // Notes when it begins and ends, in a folder that all share.
      'noted.py': `import os, sys, time
name = sys.argv[1]
log = open(os.environ["NOTES"], "a", buffering=1)
log.write("+" + name + "\\n")
time.sleep(0.4)
if name == "train":
    open(sys.argv[2], "w").write("model")
if name == "predict":
    ids = [line.split(",")[0] for line in open(sys.argv[2])][1:]
    open(sys.argv[3], "w").write("id,score\\n" + "".join(id.strip() + ",0.5\\n" for id in ids))
log.write("-" + name + "\\n")
`,
    };
    const manifest = (notes: string, more: string): string =>
      `data: { train: data/rows.csv, eval: data/rows.csv }
columns: { label: y }
hooks:
  train: python3 noted.py train {model} {data}
  predict: python3 noted.py predict {in} {out} {model}
  env: { NOTES: "${notes}" }
tasks:
  one: { command: python3 noted.py one }
  two: { command: python3 noted.py two }
${more}`;
    const notes = join(repoOf(''), 'notes');
    const { text } = await call(
      ['score', '--only', 'infra-1,infra-3', '--json', repoOf(manifest(notes, 'budget: { parallel: 1 }\n'), files)],
      env,
    );
    expect(text).toContain('in the order one, two: 2 of 2 ended well');
    const noted = readFileSync(notes, 'utf8').trim().split('\n');
    expect(noted.filter((_, i) => i % 2 === 0).map((line) => line.slice(1))).toEqual(
      noted.filter((_, i) => i % 2 === 1).map((line) => line.slice(1)),
    );
    expect(noted.length).toBeGreaterThanOrEqual(8);
  });

  test('a task gets no more memory than the budget, whatever it declares', async () => {
    const hungry =
      'tasks:\n  eat: { command: [python3, -c, "import time; x = bytearray(300 << 20); time.sleep(20)"], resources: { limits: { memory: 8Gi } } }\n';
    const { judged } = await infra3(repoOf(`budget: { memory: 128MiB }\n${hungry}`));
    expect(judged, JSON.stringify(judged)).toMatchObject({ outcome: 'fail' });
    expect(judged.findings[0]?.message).toContain('stopped at 128 MiB of memory, which is budget.memory');
  });

  test('tasks find the data that Git ignores; where it was not fetched a task that fails says nothing', async () => {
    const read = 'tasks: { count: { command: [python3, -c, "print(open(\'data/train.csv\').read())"] } }\n';
    const repo = repoOf(`data: { train: data/train.csv }\n${read}`, {
      '.gitignore': 'data/train.csv\n',
    });
    writeFileSync(join(repo, 'data/train.csv'), 'id,y\n1,0\n');
    const { judged } = await infra3(repo);
    expect(judged, JSON.stringify(judged)).toMatchObject({ outcome: 'pass' });
    rmSync(join(repo, 'data/train.csv'));
    const missing = (await infra3(repo)).judged;
    expect(missing, JSON.stringify(missing)).toMatchObject({ outcome: 'skipped' });
    expect(missing.reason).toMatch(/the task count .*data\.train is data\/train\.csv, but there is no such file/);
    const without = await infra3(repoOf(read));
    expect(without.judged.outcome).toBe('fail');
  });

  test('reads the stages of a dvc.yaml', async () => {
    const dvc = 'stages:\n  clean:\n    cmd: python3 clean.py\n    deps: [data/rows.csv]\n    outs: [clean.csv]\n';
    const { judged } = await infra3(repoOf('dag: { from: dvc.yaml }\n', { ...python, 'dvc.yaml': dvc }));
    expect(judged.outcome, JSON.stringify(judged)).toBe('pass');
    const broken = repoOf('dag: { from: dvc.yaml }\n', { 'clean.py': 'raise SystemExit(3)\n', 'dvc.yaml': dvc });
    expect((await infra3(broken)).judged.findings[0]?.place).toMatchObject({ path: 'flightcheck.yml', line: 3 });
  });

  test.skipIf(spawnSync('Rscript', ['--version']).error)('runs tasks in R', async () => {
    const r = {
      'clean.R': 'writeLines(readLines("data/rows.csv"), "clean.csv")\n',
      'train.R': 'stopifnot(file.exists("clean.csv"))\n',
    };
    const manifest = (train: string) =>
      `tasks:\n  clean: { command: Rscript clean.R }\n  train: { command: Rscript ${train}, dependsOn: clean }\n`;
    const { judged } = await infra3(repoOf(manifest('train.R'), r));
    expect(judged.outcome, JSON.stringify(judged)).toBe('pass');
    const failed = await infra3(repoOf(manifest('gone.R'), r));
    expect(failed.judged.findings[0]).toMatchObject({
      message: expect.stringMatching(/the task train ended[\s\S]*gone\.R/),
      place: { path: 'flightcheck.yml', line: 5 },
    });
  });
});
