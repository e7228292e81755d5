/**
 * Writes the serving log of an example, as the model would have logged it: trains with the example's own hooks, computes
 * the features of `data/requests`, predicts, and puts all of it side by side. Run by hand after the data was prepared:
 *
 *   npx tsx scripts/examples/serving-log.ts examples/python requests/2001-06.csv serving/2001-06.csv
 *   npx tsx scripts/examples/serving-log.ts examples/r requests/batch-1.csv serving/batch-1.csv
 *
 * Features keep nine digits, scores six. The same inputs, Python or R give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fillCommand, type Placeholder, parseCommand, placeholders } from '../../src/facts/command.ts';
import { parseYaml } from '../../src/facts/yaml.ts';

const modelVersion = '1.0.0';
type Row = readonly string[];

/** Tables of the examples hold no delimiter inside a field. */
function readTable(path: string): { readonly names: Row; readonly rows: readonly Row[] } {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const fields = (line: string) => line.split(',').map((field) => field.replace(/^"(.*)"$/, '$1'));
  return { names: fields(header), rows: lines.map(fields) };
}

const digits = (text: string, significant: number): string =>
  text === '' || !Number.isFinite(Number(text)) ? text : String(Number(Number(text).toPrecision(significant)));

function main(folder: string, requests: string, target: string): void {
  const root = resolve(folder);
  const { hooks } = parseYaml(readFileSync(join(root, 'flightcheck.yml'), 'utf8'), 'flightcheck.yml').value as {
    hooks: Record<string, string> & { env?: Record<string, string>; params?: object };
  };
  const work = mkdtempSync(join(tmpdir(), 'serving-log-'));
  const run = (hook: string, values: Partial<Record<Placeholder, string>>): void => {
    const command = parseCommand(hooks[hook] ?? '', { name: `hooks.${hook}`, allowed: placeholders });
    const [program = '', ...rest] = fillCommand(command, values);
    execFileSync(program, rest, { cwd: root, env: { ...process.env, ...hooks.env }, stdio: 'inherit' });
  };
  try {
    const [model, scores, features, params] = ['model', 'scores.csv', 'features.csv', 'params.json'].map((name) =>
      join(work, name),
    );
    const raw = join(root, 'data', requests);
    if (!model || !scores || !features || !params) return;
    writeFileSync(params, JSON.stringify(hooks.params ?? {}));
    run('train', { data: join(root, 'data/train.csv'), seed: '1', params, model });
    run('predict', { model, in: raw, out: scores });
    run('features', { in: raw, out: features });
    const [asked, answered, computed] = [readTable(raw), readTable(scores), readTable(features)];
    const added = computed.names.flatMap((name, i) => (asked.names.includes(name) ? [] : [{ name, i }]));
    const head = asked.names.includes('time') ? 2 : 1;
    const line = (before: Row, version: string, more: Row, score: string) =>
      [...before.slice(0, head), version, ...before.slice(head), ...more, score].join(',');
    const lines = asked.rows.map((row, i) => {
      const [values, score] = [computed.rows[i] ?? [], answered.rows[i] ?? []];
      if (values[0] !== row[0] || score[0] !== row[0]) throw new Error(`${raw}: the hooks changed the order of the rows`);
      return line(
        row,
        modelVersion,
        added.map(({ i: column }) => digits(values[column] ?? '', 9)),
        digits(score[1] ?? '', 6),
      );
    });
    const names = line(
      asked.names,
      'model_version',
      added.map(({ name }) => name),
      'score',
    );
    mkdirSync(dirname(join(root, 'data', target)), { recursive: true });
    writeFileSync(join(root, 'data', target), `${[names, ...lines].join('\n')}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const [folder, requests, target] = process.argv.slice(2);
if (!folder || !requests || !target) {
  console.error('usage: npx tsx scripts/examples/serving-log.ts EXAMPLE REQUESTS TARGET');
  process.exitCode = 2;
} else main(folder, requests, target);
