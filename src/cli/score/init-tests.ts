/** `flightcheck init tests`: reads the manifest and the tables, renders the tests, writes what is not there yet. */
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { schemaFrom } from '../../../rules/ml-test-score/lib/schema.ts';
import { openOutputFolder, writeAtomically } from '../../adapters/output-folder.ts';
import { readText } from '../../adapters/read-text.ts';
import { openTables } from '../../adapters/tables/open-tables.ts';
import { makeTemporary } from '../../adapters/temporary.ts';
import { withFeatures } from '../../engine/features.ts';
import { hookCommands } from '../../engine/hooks/commands.ts';
import { requireManifest } from '../../engine/manifest/load.ts';
import { renderTests, type TestFacts, type TestLanguage, wordsOf } from '../../engine/unit-tests/templates.ts';
import { parseTableSchema } from '../../facts/table-schema.ts';
import { exitCode, UsageError } from '../../kernel/failure.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import { quoteName, quoteText } from '../../kernel/sql.ts';
import type { TableStore } from '../../kernel/table-store.ts';
import type { Table } from '../../kernel/world.ts';
import type { Context, Invocation } from '../command.ts';
import { openRepo, type Repo } from '../repo.ts';

/** A number goes with the label when it explains at least this much of it. */
const leastCorrelation = 0.1;

export async function writeTests(context: Context, invocation: Invocation): Promise<number> {
  const repo = await context.log.step('Reading the repo', () => openRepo(context, invocation));
  const manifest = requireManifest(repo.manifest);
  const language = languageOf(invocation, manifest);
  const facts = await context.log.step('Reading the tables', () => factsOf(repo, manifest));
  const files = renderTests(language, facts);
  if (invocation.options.plan === true) {
    context.print(
      context.isJson
        ? `${JSON.stringify(Object.fromEntries(files), null, 2)}\n`
        : [...files].map(([path, text]) => `# ${path}\n${text}`).join('\n'),
    );
    return exitCode.fine;
  }
  const written: string[] = [];
  const kept: string[] = [];
  for (const [path, text] of files) {
    if (repo.files.has(path) || (await readText(repo.root, path)) !== null) kept.push(path);
    else {
      const folder = await openOutputFolder(repo.root, dirname(path));
      await writeAtomically(join(folder, basename(path)), text);
      written.push(path);
    }
  }
  if (context.isJson) context.print(`${JSON.stringify({ language, written, kept }, null, 2)}\n`);
  else {
    for (const path of written) context.print(`Wrote ${path}: read it, and change what you know better.\n`);
    for (const path of kept) context.print(`Kept ${path} as it is.\n`);
    if (written.length > 0) context.print('Run them with: flightcheck test\n');
  }
  return exitCode.fine;
}

function languageOf(invocation: Invocation, { hooks }: ResolvedManifest): TestLanguage {
  const given = invocation.options.language ?? 'auto';
  if (given === 'python' || given === 'r') return given;
  return /(^|[\s/"'])(Rscript|R)(\s|$)/.test(hooks.train ?? '') ? 'r' : 'python';
}

const lacks = (repo: Repo, what: string, line: string): UsageError =>
  new UsageError('TESTS_NEED', `the tests need ${what}`, {
    hint: `Add to flightcheck.yml: \`${line}\`.`,
    place: { path: repo.manifest.path },
  });

/** Everything that the templates ask for; throws a UsageError that names the line to add. */
async function factsOf(repo: Repo, given: ResolvedManifest): Promise<TestFacts> {
  const { hooks, data, columns, task } = given;
  if (hooks.train === undefined) throw lacks(repo, 'the train hook', 'hooks: { train: python train.py {data} {seed} {model} }');
  if (hooks.predict === undefined)
    throw lacks(repo, 'the predict hook', 'hooks: { predict: python predict.py {model} {in} {out} }');
  if (hooks.predict.trim().startsWith('mlflow:'))
    throw lacks(repo, 'a predict hook that is a command of its own', 'hooks: { predict: python predict.py {model} {in} {out} }');
  if (data.train === undefined || data.eval === undefined)
    throw lacks(repo, 'both tables', 'data: { train: data/train.csv, eval: data/eval.csv }');
  if (columns.label === undefined) throw lacks(repo, 'the name of the label', 'columns: { label: y }');
  if (task !== 'binary' && task !== 'multiclass' && task !== 'regression')
    throw lacks(repo, 'a task of binary, multiclass or regression', 'task: binary');
  for (const pattern of [data.train, data.eval])
    if (/\.parquet$/i.test(pattern))
      throw new UsageError('TESTS_PARQUET', `the tests read CSV with the standard library alone, and ${pattern} is Parquet`, {
        hint: 'Commit a small CSV of a few hundred rows for tests and name it under data, or write the tests by hand.',
        place: { path: repo.manifest.path },
      });
  const workFolder = await makeTemporary('tables');
  const tables = await openTables({ root: repo.root, manifest: given, workFolder, place: (key) => repo.manifest.place(key) });
  try {
    const manifest = await withFeatures(given, tables);
    const train = await tables.open({ table: 'train' });
    if (!train || train.rows === 0) throw lacks(repo, 'training rows', 'data: { train: data/train.csv }');
    const { numbers, categories } = await featuresOf(repo, tables, manifest, train);
    const commands = hookCommands(manifest, (key) => repo.manifest.place(key));
    const has = (name: string): boolean => train.columns.some((column) => column.name === name);
    const features = new Set([...Object.keys(numbers), ...categories]);
    const others = [...new Set([...columns.protected, ...columns.slices])].filter((name) => has(name) && !features.has(name));
    return {
      ...{ name: manifest.model.name, task, id: columns.id, label: columns.label },
      ...{ positive: String(manifest.decision.positive), delimiter: train.dialect?.delimiter ?? ',' },
      ...{ train: data.train, evaluation: data.eval, env: hooks.env, params: hooks.params, numbers, categories, others },
      commands: Object.fromEntries(
        (['train', 'predict', 'features'] as const).flatMap((hook) =>
          commands.has(hook) ? [[hook, wordsOf(commands.get(hook))]] : [],
        ),
      ),
      slices: columns.slices.filter(has),
      invarianceMark: columns.protected.length > 0 ? 'model-7' : 'data-4',
      direction:
        task === 'multiclass' ? null : await directionOf(tables, train, Object.keys(numbers), labelSql(manifest, columns.label)),
    };
  } finally {
    await tables.close();
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** Features by kind, with the ranges of the reviewed schema where there is one, else of the training rows. */
async function featuresOf(repo: Repo, tables: TableStore, manifest: ResolvedManifest, train: Table) {
  const reviewed = await readText(repo.root, manifest.data.schema, 4 * 2 ** 20);
  const schema = reviewed === null ? await schemaFrom(tables, train, manifest) : parseTableSchema(reviewed, manifest.data.schema);
  const wanted = manifest.columns.features === 'auto' ? Object.keys(schema.columns) : manifest.columns.features;
  const numbers: Record<string, readonly [number, number]> = {};
  const categories: string[] = [];
  for (const name of wanted) {
    const column = schema.columns[name];
    const isNumber = column?.type === 'number' || column?.type === 'integer';
    if (isNumber) numbers[name] = [column.min ?? Number.NEGATIVE_INFINITY, column.max ?? Number.POSITIVE_INFINITY];
    else categories.push(name);
  }
  return { numbers, categories };
}

const labelSql = ({ task, decision }: ResolvedManifest, label: string): string =>
  task === 'binary'
    ? `CAST(CAST(${quoteName(label)} AS VARCHAR) = ${quoteText(String(decision.positive))} AS DOUBLE)`
    : `TRY_CAST(${quoteName(label)} AS DOUBLE)`;

/** The number that the label goes with most, with its tenth and ninetieth hundredths. */
async function directionOf(
  tables: TableStore,
  train: Table,
  names: readonly string[],
  label: string,
): Promise<TestFacts['direction']> {
  let best: { name: string; value: number } | null = null;
  for (const name of names) {
    const x = `TRY_CAST(${quoteName(name)} AS DOUBLE)`;
    const [row] = await tables.query<{ value: number | null }>(
      `SELECT corr(${x}, ${label}) FILTER (isfinite(${x})) AS value FROM ${train.name}`,
    );
    const value = row?.value ?? 0;
    if (Number.isFinite(value) && Math.abs(value) > Math.abs(best?.value ?? leastCorrelation)) best = { name, value };
  }
  if (!best) return null;
  const x = quoteName(best.name);
  const [row] = await tables.query<{ low: string; high: string }>(
    `SELECT CAST(quantile_disc(${x}, 0.1) AS VARCHAR) AS low, CAST(quantile_disc(${x}, 0.9) AS VARCHAR) AS high FROM ${train.name} WHERE ${x} IS NOT NULL`,
  );
  return row && row.low !== row.high ? { name: best.name, low: row.low, high: row.high, isUp: best.value > 0 } : null;
}
