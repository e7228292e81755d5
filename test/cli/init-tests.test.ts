/** `flightcheck init tests`: the tests that it writes run as they are, whatever the task and the names of the columns. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { commands } from '../../src/cli/commands.generated.ts';
import { runProgram } from '../../src/cli/program.ts';
import { pythonLiteral, rLiteral } from '../../src/engine/unit-tests/templates.ts';
import { makeRepo, writeFiles } from '../helpers/repo.ts';
import { has } from '../support/unit-tests.ts';

async function call(...argv: readonly string[]) {
  const printed: string[] = [];
  const errors: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
  const code = await runProgram(commands, argv, '0.1.0', ({ json = false }) => ({
    ...{ cwd: '/', env: process.env, isJson: json, isDebug: false, isColor: false, width: 100, version: '0.1.0' },
    print: (text) => void printed.push(text),
    log: { info() {}, warn() {}, debug() {}, step: (_title, work) => work(() => {}) },
    signal: new AbortController().signal,
  }));
  stderr.mockRestore();
  return { code, text: printed.join(''), errors: errors.join('') };
}

const odd = `it's \\ "ä" {{x}} #`;
const field = (text: string) => `"${text.replaceAll('"', '""')}"`;
const header = ['id', odd, 'group', 'secret', 'y'].map(field).join(',');
const table = (label: (value: number) => string, first: number) =>
  [
    header,
    ...Array.from({ length: 400 }, (_, i) => {
      const value = ((i * 37) % 100) / 10;
      return `r${first + i},${value},${i % 2 ? 'a' : 'b'},${i % 3 ? 'x' : 'y'},${label(value + ((i * 13) % 7) / 7)}`;
    }),
  ].join('\n');

/** Fits a line, or the mean of each class; refuses what is no ordinary number. */
const model = `import csv, json, math, os, sys
name = ${JSON.stringify(odd)}
def number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e6 else None
if sys.argv[1] == 'train':
    rows = [r for r in csv.DictReader(open(sys.argv[2], newline='')) if number(r[name]) is not None]
    if KIND == 'class':
        groups = {}
        for r in rows:
            groups.setdefault(r['y'], []).append(number(r[name]))
        fit = {k: sum(v) / len(v) for k, v in groups.items()}
    else:
        x, y = [number(r[name]) for r in rows], [float(r['y']) for r in rows]
        mx, my = sum(x) / len(x), sum(y) / len(y)
        slope = sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)
        fit = [my - slope * mx, slope]
    json.dump(fit, open(sys.argv[3], 'w'))
    with open(os.path.join(os.path.dirname(sys.argv[3]), 'metrics.jsonl'), 'w') as f:
        f.write('{"step": 1, "loss": 1.0}\\n{"step": 2, "loss": 0.5}\\n')
else:
    fit = json.load(open(sys.argv[2]))
    with open(sys.argv[4], 'w', newline='') as f:
        w = csv.writer(f)
        w.writerow(['id', 'prediction' if KIND == 'class' else 'score'])
        for r in csv.DictReader(open(sys.argv[3], newline='')):
            x = number(r[name])
            if x is None:
                w.writerow([r['id'], ''])
            elif KIND == 'class':
                w.writerow([r['id'], min(fit, key=lambda k: abs(fit[k] - x))])
            else:
                value = fit[0] + fit[1] * x
                w.writerow([r['id'], min(1, max(0, value)) if KIND == 'binary' else value])
`;
const labels = {
  binary: (value: number) => (value > 5 ? '1' : '0'),
  multiclass: (value: number) => (value > 7 ? 'high' : value > 4 ? 'middle' : 'low'),
  regression: (value: number) => value.toFixed(3),
} as const;
const repoOf = (
  task: keyof typeof labels,
  hooks = 'train: python3 model.py train {data} {model}\n  predict: python3 model.py predict {model} {in} {out}',
) =>
  makeRepo({
    'flightcheck.yml': `version: 1
model: { name: tiny, owner: "@team" }
task: ${task}
columns: { id: id, label: y, slices: [group], protected: [secret], features: [${JSON.stringify(odd)}] }
data: { train: data/train.csv, eval: data/eval.csv }
hooks:
  ${hooks}
`,
    'data/train.csv': table(labels[task], 0),
    'data/eval.csv': table(labels[task], 1000),
    'model.py': `KIND = ${JSON.stringify(task === 'multiclass' ? 'class' : task)}\n${model}`,
  });

describe.skipIf(!has.pytest)('in Python (needs pytest)', () => {
  test.each(['binary', 'multiclass', 'regression'] as const)(
    'the tests of a %s model run as they are, and pass',
    async (task) => {
      const root = repoOf(task);
      const { code, text } = await call('init', 'tests', root);
      expect([code, text]).toEqual([0, expect.stringContaining('Wrote tests/test_behaviour.py')]);
      const run = await call('test', '--json', root);
      const report = JSON.parse(run.text) as { metrics: { name: string; value: number; labels?: { status: string } }[] };
      const counts = Object.fromEntries(
        report.metrics.flatMap(({ name, value, labels: own }) => (name === 'tests.cases' ? [[own?.status, value]] : [])),
      );
      expect(counts, readFileSync(join(root, '.flightcheck/test.junit.xml'), 'utf8')).toMatchObject({
        failed: 0,
        error: 0,
        skipped: 0,
      });
      expect(counts.passed).toBeGreaterThanOrEqual(9);
    },
  );

  test('faults of the model fail them, and the gate', async () => {
    const root = repoOf('binary');
    await call('init', 'tests', root);
    const text = readFileSync(join(root, 'model.py'), 'utf8');
    writeFiles(root, {
      'model.py': text.replace(
        "min(1, max(0, value)) if KIND == 'binary' else value",
        '10 * value + len(r["secret"] + str(r["secret"] == "x"))',
      ),
    });
    const run = await call('test', '--json', root);
    expect(run.text).toMatch(/test_every_row_has_one_prediction_within_its_range/);
    expect(run.text).toMatch(/test_what_is_no_feature_changes_nothing\[secret\]/);
    expect((await call('test', '--gate', 'blocking', root)).code).toBe(1);
  });
});

test('no file is overwritten, and --plan writes none', async () => {
  const root = repoOf('binary');
  const plan = await call('init', 'tests', '--plan', root);
  expect(plan.text).toMatch(/^# tests\/test_behaviour\.py\n"""How the model behaves/);
  expect(execFileSync('git', ['-C', root, 'status', '--short'], { encoding: 'utf8' })).toBe('');
  writeFiles(root, { 'tests/test_behaviour.py': '# mine\n' });
  const { text } = await call('init', 'tests', '--json', root);
  expect(JSON.parse(text)).toEqual({ language: 'python', written: [], kept: ['tests/test_behaviour.py'] });
  expect(readFileSync(join(root, 'tests/test_behaviour.py'), 'utf8')).toBe('# mine\n');
});

test.each([
  ['a missing hook', 'predict: python3 model.py predict {model} {in} {out}', /the train hook/],
  [
    'a shell, which',
    'train: python3 model.py train {data} {model}\n  predict: "sh: python3 model.py predict {model} {in} {out} | cat"',
    null,
  ],
] as const)('%s is told or kept', async (_, hooks, message) => {
  const { code, errors } = await call('init', 'tests', repoOf('binary', hooks));
  expect([code, errors]).toEqual(message ? [2, expect.stringMatching(message)] : [0, '']);
});

test('literals hold any text in either language', () => {
  const values = {
    texts: ['', `'"\\\n\t$(x) {{y}} %s`, 'é😀\u007f\u2028'],
    numbers: [1, -2.5, Number.POSITIVE_INFINITY],
    none: null,
    yes: true,
    empty: [],
  };
  const python = execFileSync('python3', ['-c', `import json\nprint(json.dumps(${pythonLiteral(values)}))`], {
    encoding: 'utf8',
  });
  expect(JSON.parse(python)).toEqual({ ...values, numbers: [1, -2.5, 1e308] });
  if (!has.testthat) return;
  const r = execFileSync(
    'Rscript',
    [
      '--vanilla',
      '-e',
      `x <- ${rLiteral(values)}; cat(x$texts[2], x$texts[3], x$numbers[2], is.null(x$none), x$yes, length(x$empty), sep = "|")`,
    ],
    {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    },
  );
  expect(r).toBe(`'"\\\n\t$(x) {{y}} %s|é😀\u007f\u2028|-2.5|TRUE|TRUE|0`);
});
