import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import { join, posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withTasksOf } from '../../src/delivery/dag/source.ts';
import { stagesOfDvc, stagesOfMlproject } from '../../src/facts/dag-stages.ts';
import { temporaryFolder } from '../helpers/repo.ts';
import { manifestOf } from '../support/manifest.ts';

const open = '$' + '{';
const dvc = `
vars: [{ split: { part: 0.2 } }, params.yaml]
stages:
  prepare:
    cmd:
      - python prepare.py \${split.part}
      - echo '{{ ds }}' && echo \\\${HOME}
    deps: [prepare.py, data/raw.csv]
    outs: [data/ready: { cache: false }]
  train:
    wdir: models
    cmd: python train.py --seed \${train.seed}
    deps: [../data/ready/train.csv]
    params: [train.seed]
    outs: [model.pkl]
    metrics: [scores.json: { cache: false }]
  report:
    cmd: python report.py
    deps: [models, data/ready]
`;
const params = 'train: { seed: 7 }\n';

describe('dvc.yaml', () => {
  test('a stage waits for those whose outs it needs; values that stand in the files are filled in', () => {
    expect(stagesOfDvc(dvc, 'dvc.yaml', params)).toEqual({
      prepare: {
        command: ['sh', '-c', `sh -c 'python prepare.py 0.2' && sh -c 'echo '\\''{{ ds }}'\\'' && echo ${open}HOME}'`],
        dependsOn: [],
      },
      train: { command: ['sh', '-c', 'cd -- models && python train.py --seed 7'], dependsOn: ['prepare'] },
      report: { command: ['sh', '-c', 'python report.py'], dependsOn: ['prepare', 'train'] },
    });
  });

  const quoted = JSON.stringify;
  test.each<[string, string, number, string]>([
    ['the first line fails', `cmd: ${quoted('false\necho two')}`, 1, ''],
    ['lines that pass', `cmd: ${quoted('echo one\n\n  echo two # note\n')}`, 0, 'one\ntwo\n'],
    ['a list with a comment', `cmd: ['echo one # note', 'exit 7']`, 7, 'one\n'],
    ['a list that changes its folder', `cmd: ['cd /', 'pwd -P', 'a="1; 2"; echo "$a"'], wdir: models`, 0, '/models\n1; 2\n'],
    ['one of a list may be several lines', `cmd: [${quoted('false\necho one')}, 'echo two']`, 0, 'one\ntwo\n'],
    ['lines that a variable brings', `cmd: "\${lines}"`, 1, 'one\n'],
    ['one command', `cmd: 'echo one; exit 3'`, 3, 'one\n'],
  ])('ends as DVC would: %s', (_, stage, status, output) => {
    const text = `vars: [{ lines: ${quoted('echo one\nfalse\necho two')} }]\nstages: { a: { ${stage} } }\n`;
    const [program = '', ...args] = stagesOfDvc(text, 'dvc.yaml', null).a?.command ?? [];
    const cwd = realpathSync(temporaryFolder());
    mkdirSync(join(cwd, 'models'));
    const ran = spawnSync(program, args, { cwd, encoding: 'utf8' });
    expect([ran.status, ran.stdout.replace(cwd, '')]).toEqual([status, output]);
  });

  test.each([
    ['no stages', 'stages: {}\n', 'it has no stages'],
    ['a value that is not there', `stages: { a: { cmd: "run ${open}x.y}" } }`, `${open}x.y} is in neither vars nor params.yaml`],
    ['a value that is a map', `vars: [{ x: { y: 1 } }]\nstages: { a: { cmd: "run ${open}x}" } }`, 'is not a text'],
    ['an inherited name', `stages: { a: { cmd: "run ${open}constructor.name}" } }`, 'is in neither'],
    ['stages of a loop', 'stages: { a: { foreach: [1, 2], do: { cmd: x } } }', 'only DVC can expand'],
    ['variables of another file', 'vars: [../secrets.yaml]\nstages: { a: { cmd: x } }', 'vars read "../secrets.yaml"'],
    ['a folder outside', 'stages: { a: { cmd: x, wdir: ../.. } }', 'outside the repo'],
    ['a command that is empty once filled in', `vars: [{ x: "" }]\nstages: { a: { cmd: "${open}x}" } }`, 'has no cmd'],
    ['a stage without a command', 'stages: { a: { deps: [x] } }', 'has no cmd'],
    ['two makers of one file', 'stages: { a: { cmd: x, outs: [o] }, b: { cmd: x, outs: [o] } }', 'is an out of both a and b'],
    ['an id that is none', 'stages: { "a b": { cmd: x } }', 'cannot be a task'],
  ])('refused: %s', (_what, text, words) => {
    expect(() => stagesOfDvc(text, 'dvc.yaml', null)).toThrowError(
      expect.objectContaining({
        code: 'DAG_SOURCE',
        message: expect.stringContaining(words),
        place: expect.objectContaining({ path: 'dvc.yaml' }),
      }),
    );
  });
});

describe('a file that asks for much', () => {
  const grown = (stage: string, size = 100_000) => `vars: [{ x: ${'y'.repeat(size)} }]\nstages: { a: { ${stage} } }\n`;
  const x = `${open}x}`;
  test.each([
    ['a command of gigabytes', grown(`cmd: "${x.repeat(30_000)}"`), 'a command has more than 131072 characters'],
    ['a command of many lines', grown(`cmd: [${`"${x}", `.repeat(20_000)}]`), 'the file has more than 1048576 characters'],
    ['a command of two long lines', grown(`cmd: ["${x}", "${x}"]`), 'the cmd of a has more than 131072 characters'],
    ['a long path', grown(`cmd: b, deps: ["${x}"]`, 4097), 'a path has more than 4096 characters'],
    ['a long folder', grown(`cmd: b, wdir: "${x}"`, 4097), 'a path has more than 4096 characters'],
    ['many paths', grown(`cmd: b, outs: [${`"${x}", `.repeat(300)}]`, 4096), 'the file has more than 1048576 characters'],
    ['many variables', `vars: [${'{}, '.repeat(1001)}]\nstages: { a: { cmd: b } }`, 'vars has 1001 entries'],
  ])('%s is refused', (_, text, words) => {
    expect(() => stagesOfDvc(text, 'dvc.yaml', null)).toThrowError(
      expect.objectContaining({
        ...{ code: 'DAG_SOURCE', message: expect.stringContaining(words), hint: expect.stringMatching(/./) },
        place: expect.objectContaining({ path: 'dvc.yaml' }),
      }),
    );
  });

  test('a command of an entry point as well', () => {
    const text = `entry_points: { main: { parameters: { x: { default: ${'y'.repeat(100_000)} } }, command: "${'{x}'.repeat(30_000)}" } }`;
    expect(() => stagesOfMlproject(text, 'MLproject', [], {})).toThrowError(
      expect.objectContaining({ code: 'DAG_SOURCE', place: expect.objectContaining({ path: 'MLproject' }) }),
    );
    expect(stagesOfMlproject(text.replace(/(\{x\})+/, '{x}'), 'MLproject', [], {}).main?.command[2]).toHaveLength(100_000);
  });

  test('many stages, deps and outs take no time that is their product', () => {
    const list = (of: string, count: number) => `[${Array.from({ length: count }, (_, i) => `${of}${i}`).join(', ')}]`;
    const more = Array.from({ length: 50 }, (_, i) => `  s${i}: { cmd: a, deps: *deps }\n`).join('');
    const text = `stages:\n  first: { cmd: a, deps: &deps ${list('d/', 3000)} }\n  outs: { cmd: a, outs: ${list('o/', 9000)} }\n${more}`;
    const stages = stagesOfDvc(text, 'dvc.yaml', null);
    expect(Object.values(stages).flatMap(({ dependsOn }) => dependsOn)).toEqual([]);
  }, 5000);
});

test('a stage waits for each maker of a dep, of a folder around it, or of something in it', () => {
  const normal = (path: string): string => posix.normalize(posix.join('.', path)).replace(/\/$/, '');
  const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab', '.', '..', ''), { minLength: 1, maxLength: 4 })
    .map((names) => names.join('/'));
  const paths = fc.array(path, { maxLength: 4 });
  const stage = fc.record({ deps: paths, outs: paths });
  fc.assert(
    fc.property(fc.array(stage, { minLength: 1, maxLength: 5 }), (given) => {
      // One stage makes a file.
      const makers = new Map<string, string>();
      const stages = given.map(({ deps, outs }, i) => {
        const own = outs.filter((out) => !makers.has(normal(out)) && makers.set(normal(out), `s${i}`));
        return { cmd: 'x', deps, outs: own };
      });
      const named = Object.fromEntries(stages.map((each, i) => [`s${i}`, each]));
      const found = stagesOfDvc(JSON.stringify({ stages: named }), 'dvc.yaml', null);
      for (const [id, { deps }] of Object.entries(named)) {
        const before = [...makers]
          .filter(([out, maker]) => maker !== id && deps.some((dep) => isInside(normal(dep), out) || isInside(out, normal(dep))))
          .map(([, maker]) => maker);
        expect(found[id]?.dependsOn).toEqual([...new Set(before)].sort());
      }
    }),
    { numRuns: 500 },
  );
});

const mlproject = `
name: risk
entry_points:
  main: { command: "python main.py" }
  train:
    parameters: { data: { type: path, default: "data/it's.csv" }, rate: { type: float } }
    command: "python train.py --data {data} --rate {rate} --as '{{ds}}'"
  score: { command: python score.py }
`;

describe('MLproject', () => {
  test('main alone, or the entry points that the manifest names, with their parameters quoted', () => {
    expect(stagesOfMlproject(mlproject, 'MLproject', [], {})).toEqual({
      main: { command: ['sh', '-c', 'python main.py'], dependsOn: [] },
    });
    expect(stagesOfMlproject(mlproject, 'MLproject', ['train', 'other'], { rate: '1; rm -rf /' })).toEqual({
      train: {
        command: ['sh', '-c', "python train.py --data 'data/it'\\''s.csv' --rate '1; rm -rf /' --as '{ds}'"],
        dependsOn: [],
      },
    });
  });

  test('a parameter that nobody gives is refused, with its place', () => {
    expect(() => stagesOfMlproject(mlproject, 'MLproject', ['train'], {})).toThrowError(
      expect.objectContaining({
        code: 'DAG_SOURCE',
        message: expect.stringContaining('asks for {rate}'),
        place: { path: 'MLproject', line: 7, column: 5 },
      }),
    );
  });
});

describe('dag.from', () => {
  const texts: Readonly<Record<string, string>> = { 'dvc.yaml': dvc, 'params.yaml': params };
  const read = async (path: string): Promise<string | null> => texts[path] ?? null;

  test('what the manifest says of a task is laid over it, and tasks of its own stay', async () => {
    const manifest = manifestOf({
      dag: { from: 'dvc.yaml' },
      tasks: { train: { resources: { gpu: 1 }, timeout: '1h' }, tell: { command: 'echo done', dependsOn: 'report' } },
    });
    const { tasks } = await withTasksOf(manifest, read, () => undefined);
    expect(Object.keys(tasks ?? {}).sort()).toEqual(['prepare', 'report', 'tell', 'train']);
    expect(tasks?.train).toMatchObject({ resources: { gpu: 1 }, timeout: '1h', dependsOn: ['prepare'] });
    expect(tasks?.train?.command).toEqual(['sh', '-c', 'cd -- models && python train.py --seed 7']);
  });

  test('a file that is not there is told', async () => {
    await expect(withTasksOf(manifestOf({ dag: { from: 'MLproject' } }), read, () => undefined)).rejects.toMatchObject({
      code: 'DAG_SOURCE',
      message: expect.stringContaining('there is no MLproject'),
    });
  });
});
