/**
 * Writes `data/experiments.csv` of an example: versions of its model, some of them made worse on purpose, each trained with
 * the example's own hooks, judged offline on the evaluation rows and, as if it had served, on the later requests and what
 * became of them. Nobody ran an experiment on people or flights: it is a replay, and the examples say so.
 *
 *   npx tsx scripts/examples/experiments.ts examples/python
 *   npx tsx scripts/examples/experiments.ts examples/r
 *
 * The same inputs, Python or R give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fillCommand, type Placeholder, parseCommand, placeholders } from '../../src/facts/command.ts';
import { parseYaml } from '../../src/facts/yaml.ts';
import { once } from '../../src/stats/bootstrap.ts';
import { auc } from '../../src/stats/metrics/auc.ts';
import { randomOf } from '../../src/stats/random.ts';

interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Version {
  readonly version: string;
  readonly isDegraded: boolean;
  readonly params?: Readonly<Record<string, number>>;
  /** Trained on the first rows alone. */
  readonly rows?: number;
  /** Every row gets the median of this column: the model does without it. */
  readonly flattened?: string;
  /** Share of the training labels that are turned round. */
  readonly turned?: number;
}

interface Example {
  readonly label: string;
  /** Share of the requests that is acted on: those with the highest scores. */
  readonly acted: number;
  readonly versions: readonly Version[];
}

const examples: Readonly<Record<string, Example>> = {
  python: {
    label: 'late',
    acted: 0.2,
    versions: [
      { version: '1.0.0', isDegraded: false },
      { version: '0.9.0', isDegraded: false, params: { trees: 20 } },
      { version: '0.8.0', isDegraded: false, rows: 1000 },
      { version: '0.7.0', isDegraded: false, params: { depth: 1, trees: 30 } },
      { version: '0.9.0-turned-labels', isDegraded: true, turned: 0.3 },
      { version: '0.9.0-few-rows', isDegraded: true, flattened: 'route_delay', rows: 500 },
      { version: '0.9.0-no-usual', isDegraded: true, flattened: 'minutes_behind_usual' },
      { version: '0.9.0-one-tree', isDegraded: true, params: { trees: 1, depth: 1 }, flattened: 'minutes_behind_usual' },
    ],
  },
  r: {
    label: 'changed',
    acted: 0.4,
    versions: [
      { version: '1.0.0', isDegraded: false },
      { version: '0.9.0', isDegraded: false, params: { l2: 10 } },
      { version: '0.8.0', isDegraded: false, rows: 1500 },
      { version: '0.7.0', isDegraded: false, flattened: 'age' },
      { version: '0.9.0-turned-labels', isDegraded: true, turned: 0.4 },
      { version: '0.9.0-few-rows', isDegraded: true, flattened: 'earnings_1974', rows: 500 },
      { version: '0.9.0-no-1975', isDegraded: true, flattened: 'earnings_1975' },
      { version: '0.9.0-no-1975-turned', isDegraded: true, flattened: 'earnings_1975', turned: 0.4 },
    ],
  },
};

/** Tables of the examples hold no delimiter inside a field. */
function readTable(path: string): Table {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const fields = (line: string) => line.split(',').map((field) => field.replace(/^"(.*)"$/, '$1'));
  return { names: fields(header), rows: lines.map(fields) };
}

const csvOf = ({ names, rows }: Table): string => `${[names, ...rows].map((fields) => fields.join(',')).join('\n')}\n`;

const replaced = ({ names, rows }: Table, column: string, value: (old: string, row: number) => string): Table => {
  const at = names.indexOf(column);
  return { names, rows: rows.map((row, i) => row.map((old, j) => (j === at ? value(old, i) : old))) };
};

const flat = (table: Table, column: string | undefined, value: string): Table =>
  column === undefined ? table : replaced(table, column, () => value);

function medianOf({ names, rows }: Table, column: string | undefined): string {
  const at = names.indexOf(column ?? '');
  const known = rows.map((row) => row[at] ?? '').filter((text) => text !== '');
  return known.sort((a, b) => Number(a) - Number(b))[Math.floor(known.length / 2)] ?? '';
}

/** Share of all yes labels among the rows that are acted on; rows of equal scores share the places that are left. */
function foundShare(y: Float64Array, score: Float64Array, acted: number): number {
  const places = Math.floor(acted * y.length);
  const last = [...score].sort((a, b) => b - a)[places - 1] ?? 0;
  const yesOf = (isMeant: (value: number) => boolean) => y.filter((_, i) => isMeant(score[i] ?? 0));
  const [sure, tied] = [yesOf((value) => value > last), yesOf((value) => value === last)];
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  return (sum(sure) + (sum(tied) * (places - sure.length)) / tied.length) / sum(y);
}

function main(folder: string, { label, acted, versions }: Example): void {
  const root = resolve(folder);
  const { hooks } = parseYaml(readFileSync(join(root, 'flightcheck.yml'), 'utf8'), 'flightcheck.yml').value as {
    hooks: Record<string, string> & { env?: Record<string, string>; params?: Record<string, number> };
  };
  const work = mkdtempSync(join(tmpdir(), 'experiments-'));
  const run = (hook: string, values: Partial<Record<Placeholder, string>>): void => {
    const command = parseCommand(hooks[hook] ?? '', { name: `hooks.${hook}`, allowed: placeholders });
    const [program = '', ...rest] = fillCommand(command, values);
    execFileSync(program, rest, { cwd: root, env: { ...process.env, ...hooks.env }, stdio: 'inherit' });
  };
  const data = (name: string) => readTable(join(root, 'data', name));
  const [train, evaluation, outcomes] = [data('train.csv'), data('eval.csv'), data('outcomes.csv')];
  const requests = data(join('requests', readdirSync(join(root, 'data/requests'))[0] ?? ''));
  const labels = ({ names, rows }: Table) => new Map(rows.map((row) => [row[0] ?? '', Number(row[names.indexOf(label)])]));
  /** Labels and scores of the rows; a refused row is the last that anybody acts on. */
  const scored = (version: Version, median: string, rows: Table, truth: ReadonlyMap<string, number>) => {
    const [input, output] = [join(work, 'in.csv'), join(work, 'out.csv')];
    writeFileSync(input, csvOf(flat(rows, version.flattened, median)));
    run('predict', { model: join(work, 'model'), in: input, out: output });
    const answers = readTable(output).rows;
    return {
      y: Float64Array.from(answers, ([id = '']) => truth.get(id) ?? Number.NaN),
      score: Float64Array.from(answers, ([, score = '']) => (score === '' ? -1 : Number(score))),
    };
  };
  try {
    const lines = versions.map((version) => {
      const random = randomOf(1);
      const learnt = { ...train, rows: train.rows.slice(0, version.rows) };
      const median = medianOf(learnt, version.flattened);
      const turned = replaced(flat(learnt, version.flattened, median), label, (old) =>
        random.uniform() < (version.turned ?? 0) ? String(1 - Number(old)) : old,
      );
      const [rows, params] = [join(work, 'train.csv'), join(work, 'params.json')];
      writeFileSync(rows, csvOf(turned));
      writeFileSync(params, JSON.stringify({ ...hooks.params, ...version.params }));
      run('train', { data: rows, seed: '1', params, model: join(work, 'model') });
      const offline = scored(version, median, evaluation, labels(evaluation));
      const online = scored(version, median, requests, labels(outcomes));
      const area = once(auc.weighted(offline.y, offline.score), offline.y.length);
      const found = foundShare(online.y, online.score, acted);
      return [version.version, area.toFixed(4), found.toFixed(4), String(version.isDegraded)];
    });
    writeFileSync(
      join(root, 'data/experiments.csv'),
      csvOf({ names: ['version', 'offline', 'online', 'degraded'], rows: lines }),
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const [folder = ''] = process.argv.slice(2);
const example = examples[basename(resolve(folder))];
if (folder === '' || !example) {
  console.error('usage: npx tsx scripts/examples/experiments.ts examples/python|examples/r');
  process.exitCode = 2;
} else main(folder, example);
