/**
 * A world for probes: real DuckDB tables, and a Hooks port whose models are JavaScript. They get what a hook gets (an
 * exported CSV), answer as a hook does (a CSV), and nothing runs that the probe did not announce in its plan.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { endingNow } from '../../src/adapters/history.ts';
import { openMlflow } from '../../src/adapters/mlflow/open.ts';
import { textsIn } from '../../src/adapters/search-bytes.ts';
import { withFeatures } from '../../src/engine/features.ts';
import { hiddenColumns } from '../../src/engine/hooks/execute.ts';
import type { AnyCheck, Verdict } from '../../src/kernel/check.ts';
import { UsageError } from '../../src/kernel/failure.ts';
import type {
  Execution,
  GivenModel,
  HookRequest,
  Hooks,
  ModelRequest,
  Predictions,
  PredictRequest,
  ServeRequest,
  SourceName,
  TraceStage,
  TrainingLoss,
  TrainRequest,
} from '../../src/kernel/hooks.ts';
import type { UnitTestRun } from '../../src/kernel/unit-tests.ts';
import type { Files, Git, History, LocalDag, Mlflow, World } from '../../src/kernel/world.ts';
import { manifestOf } from './manifest.ts';
import { csvOf, folderOf, storeOf } from './tables.ts';

export type Row = Readonly<Record<string, string | number | null>>;
export type TextRow = Readonly<Record<string, string>>;

/** A model as its author writes it. */
export interface Model {
  train(rows: readonly TextRow[], seed: number, replicate: number, params?: TrainRequest['params']): unknown;
  predict(model: unknown, rows: readonly TextRow[]): readonly Row[];
  /** The bytes of the model's file; by default JSON. */
  readonly written?: (model: unknown) => Buffer;
  /** The model that is left when training is killed half-way; null = nothing, undefined = it is over before. */
  readonly leftover?: (model: unknown) => unknown;
  /** The model that training makes when it was killed before; by default the same. */
  readonly again?: (model: unknown) => unknown;
  /** The steps of a prediction, by the name of their file. */
  trace?(model: unknown, rows: readonly TextRow[]): Readonly<Record<string, readonly Row[]>>;
}

/** Fields of one line; quotes as in RFC 4180, without line breaks inside. */
const fieldsOf = (line: string): readonly string[] =>
  line.includes('"')
    ? [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
      )
    : line.split(',');

export function parseCsv(text: string): readonly TextRow[] {
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const names = fieldsOf(header);
  return lines.map((line) => {
    const fields = fieldsOf(line);
    return Object.fromEntries(names.map((name, i) => [name, fields[i] ?? '']));
  });
}

export interface Given {
  /** Tables by name: rows, or the text of the CSV. */
  readonly data: Readonly<Partial<Record<SourceName, readonly Row[] | string>>>;
  readonly manifest?: Record<string, unknown>;
  readonly model?: Model;
  readonly features?: (rows: readonly TextRow[]) => readonly Row[];
  /** What a server answers; the probe then has a serve hook. */
  readonly serve?: (model: unknown, rows: readonly TextRow[]) => readonly Row[];
  /** Seconds that serving takes, where they matter. */
  readonly serveSeconds?: Partial<Record<'startSeconds' | 'stopSeconds' | 'modelSeconds', number>>;
  /** Models that are not trained here. */
  readonly models?: Readonly<Partial<Record<GivenModel['which'], unknown>>>;
  readonly mlflow?: Mlflow;
  readonly git?: Git;
  /** Values of metrics of earlier runs, oldest first; without it no Control Tower is there. */
  readonly history?: Readonly<Record<string, readonly number[]>>;
  /** What this run measured. */
  readonly measured?: readonly { readonly name: string; readonly value: number }[];
  /** What training writes to metrics.jsonl. */
  readonly losses?: readonly TrainingLoss[];
  readonly files?: Readonly<Record<string, string>>;
  readonly threads?: number;
  /** What flightcheck test left; without it no unit test was run. */
  readonly unitTests?: UnitTestRun;
  /** Without it the manifest has no tasks. */
  readonly dag?: LocalDag;
}

const filesOf = (texts: Readonly<Record<string, string>>): Files => ({
  all: [],
  has: (path) => path in texts,
  get: () => undefined,
  glob: (patterns) => Object.keys(texts).filter((path) => picomatch.isMatch(path, [patterns].flat())),
  text: async (path) => texts[path] ?? null,
  bytes: async () => null,
  sha256: async () => null,
});

const historyOf = (past: Given['history']): History => ({
  values: async (metric, { labels = {} } = {}) => {
    if (!past) return { ok: false, reason: 'there is no Control Tower', isAbsent: false };
    const values = past[[metric, ...Object.values(labels)].join(' ')] ?? [];
    const day = (i: number) => new Date(Date.now() - (values.length - i) * 86_400_000).toISOString();
    return { ok: true, value: values.map((value, i) => ({ at: day(i), value })) };
  },
});

/** Runs a probe over what is given. `requests` is every execution that it asked for. */
export async function runProbe(check: AnyCheck, given: Given): Promise<{ verdict: Verdict; requests: readonly HookRequest[] }> {
  const root = folderOf(
    Object.fromEntries(
      Object.entries(given.data).map(([name, rows]) => [`${name}.csv`, typeof rows === 'string' ? rows : csvOf(rows)]),
    ),
  );
  const raw = {
    data: Object.fromEntries(Object.keys(given.data).map((name) => [name, `${name}.csv`])),
    hooks: {
      ...(given.model && { train: 'train {data} {model}', predict: 'predict {model} {in} {out}' }),
      ...(given.features && { features: 'features {in} {out}' }),
      ...(given.serve && { serve: 'serve {model} {port}' }),
    },
    columns: { label: 'y' },
    task: 'binary',
    ...given.manifest,
  };
  const store = await storeOf(root, raw, given.threads === undefined ? {} : { threads: given.threads });
  const manifest = await withFeatures(manifestOf(raw), store);
  const planned = new Set(
    (check.plan?.(manifest, {}) ?? []).flatMap(({ request }) => [
      JSON.stringify(request),
      ...(request.hook === 'predict' || request.hook === 'serve' ? [JSON.stringify(request.model)] : []),
    ]),
  );
  const requests: HookRequest[] = [];
  let predictions = 0;
  let exports = 0;
  const models = new Map<string, Promise<unknown>>();
  const execution = (request: HookRequest, output: string): Execution => ({
    request,
    key: JSON.stringify(request),
    isCached: false,
    ranAt: '2026-11-23T00:00:00Z',
    seconds: 0.1,
    maxRssBytes: null,
    output,
  });
  const announce = (request: HookRequest) => {
    if (!planned.has(JSON.stringify(request))) throw new Error(`not announced: ${JSON.stringify(request)}`);
    requests.push(request);
  };
  const exported = async (ref: PredictRequest['input'], without: readonly string[]) => {
    const path = join(root, `hook-${++exports}.csv`);
    await store.export(ref, path, { without });
    return parseCsv(readFileSync(path, 'utf8'));
  };
  const trained = (request: TrainRequest): Promise<unknown> => {
    const key = JSON.stringify(request);
    const known =
      models.get(key) ??
      exported(request.data, []).then((rows) => given.model?.train(rows, request.seed, request.replicate, request.params));
    models.set(key, known);
    const { again } = given.model ?? {};
    return request.interrupted && again ? known.then(again) : known;
  };
  const interruptionOf = ({ interrupted }: TrainRequest): Partial<Execution> => {
    const { leftover } = given.model ?? {};
    const hasLeftover = leftover !== undefined && leftover(undefined) !== null;
    return interrupted ? { interruption: { killedAfter: leftover ? 0.5 : null, hasLeftover } } : {};
  };
  const modelOf = async (request: ModelRequest): Promise<unknown> => {
    if (request.hook === 'train') return trained(request);
    const found = given.models?.[request.which];
    if (found === undefined) throw new UsageError('MODEL_MISSING', `there is no ${request.which} model`, { hint: 'Name it.' });
    return found;
  };
  const answered = async (
    request: PredictRequest | ServeRequest,
    answer: (model: unknown, rows: readonly TextRow[]) => readonly Row[],
  ): Promise<Predictions> => {
    announce(request);
    const made = await modelOf(request.model);
    const model = request.hook === 'predict' && request.leftover ? given.model?.leftover?.(made) : made;
    const rows = await exported(request.input, hiddenColumns(manifest, request.input));
    const counter = ++predictions;
    const path = join(root, `out-${counter}.csv`);
    writeFileSync(path, csvOf(answer(model, rows)));
    return { ...execution(request, path), ...(await store.readPredictions(path, request.input, `p${counter}`)) };
  };
  const traced = async ({ model, input }: PredictRequest): Promise<readonly TraceStage[]> => {
    const rows = await exported(input, hiddenColumns(manifest, input));
    const stages = Object.entries(given.model?.trace?.(await modelOf(model), rows) ?? {});
    return Promise.all(
      stages.map(async ([file, stage]) => {
        const name = `trace-${++exports}`;
        writeFileSync(join(root, name), csvOf(stage));
        return { file, ...(await store.readTrace(join(root, name), name)) };
      }),
    );
  };
  const hooks: Hooks = {
    textsIn: (made, texts) => textsIn(made.output, texts),
    has: (hook) =>
      (given.model !== undefined && (hook === 'train' || hook === 'predict')) ||
      (given.features !== undefined && hook === 'features') ||
      (given.serve !== undefined && hook === 'serve'),
    async train(request) {
      announce(request);
      const path = join(root, `model-${++predictions}.json`);
      const made = await trained(request);
      writeFileSync(path, given.model?.written?.(made) ?? JSON.stringify(made) ?? '');
      return { ...execution(request, path), ...(given.losses && { losses: given.losses }), ...interruptionOf(request) };
    },
    async predict(request) {
      const predictions = await answered(request, (model, rows) => given.model?.predict(model, rows) ?? []);
      return request.trace ? { ...predictions, trace: await traced(request) } : predictions;
    },
    async serve(request) {
      const times = {
        startSeconds: 0.2,
        stopSeconds: 0.1,
        latency: { p50: 0.001, p95: 0.002, n: 10 },
        modelSeconds: 1,
        ...given.serveSeconds,
      };
      return { ...(await answered(request, (model, rows) => given.serve?.(model, rows) ?? [])), ...times };
    },
    async features(request) {
      announce(request);
      const path = join(root, `features-${++predictions}.csv`);
      writeFileSync(path, csvOf(given.features?.(await exported(request.input, [])) ?? []));
      return { ...execution(request, path), ...(await store.readFeatures(path, `f${predictions}`)) };
    },
  };
  const world: Partial<World> = {
    manifest: { value: manifest, path: 'flightcheck.yml', exists: true, problems: [], place: () => undefined },
    files: filesOf(given.files ?? {}),
    tables: store,
    hooks,
    history: endingNow(historyOf(given.history), given.measured ?? [], new Date().toISOString()),
    ...(given.git && { git: given.git }),
    mlflow: given.mlflow ?? openMlflow(manifest.mlflow, {}),
    dag: given.dag ?? {
      basis: async () => null,
      run: async () => ({ ok: false, isAbsent: true, reason: 'the manifest has no tasks' }),
    },
    unitTests: {
      latest: async () =>
        given.unitTests
          ? { ok: true, value: given.unitTests }
          : { ok: false, isAbsent: true, reason: 'the unit tests were not run' },
    },
  };
  return { verdict: await check.run(world as World, {}), requests };
}
