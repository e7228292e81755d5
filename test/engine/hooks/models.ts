/** Model repos whose hooks are a few lines of Python (standard library only), and a run of hooks over them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type HookMachineOptions, openHookMachine } from '../../../src/adapters/hook-machine.ts';
import { createHooks, type HooksOptions, type RunningHooks } from '../../../src/engine/hooks/create.ts';
import type { PlannedExecution, PredictRequest, TrainRequest } from '../../../src/kernel/hooks.ts';
import { type FileMap, makeRepo, temporaryFolder } from '../../helpers/repo.ts';
import { manifestOf } from '../../support/manifest.ts';
import { csvOf, storeOf } from '../../support/tables.ts';

/** Without the shims of version managers, which take longer to start than what they start. */
const quickPath = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('/shims'))
  .join(':');

export const quickEnvironment = { ...process.env, PATH: quickPath };

/** Mean of the label per value of `state`, with a little noise from the seed. */
const train = `import csv, json, random, sys
data, seed, model = sys.argv[1:4]
random.seed(int(seed))
groups = {}
for row in csv.DictReader(open(data, newline='')):
    groups.setdefault(row['state'], []).append(float(row['late']))
json.dump({k: sum(v) / len(v) + random.random() / 1e3 for k, v in groups.items()}, open(model, 'w'))
print('trained with seed', seed)
`;
const predict = `import csv, json, sys
model, rows, out = sys.argv[1:4]
means = json.load(open(model))
with open(out, 'w', newline='') as f:
    w = csv.writer(f, lineterminator='\\n')
    w.writerow(['id', 'score'])
    for row in csv.DictReader(open(rows, newline='')):
        assert 'late' not in row, 'the label must not be seen'
        w.writerow([row['id'], means.get(row['state'], 0.5)])
`;

const rows = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: first + i, state: ['nsw', 'vic', 'qld'][i % 3] ?? '', late: i % 2 }));

export const trainCsv = csvOf(rows(0, 60));

export const pythonRepo: FileMap = {
  'train.py': train,
  'predict.py': predict,
  'data/train.csv': trainCsv,
  'data/eval.csv': csvOf(rows(1000, 30)),
};

export const pythonHooks = {
  train: 'python3 train.py {data} {seed} {model}',
  predict: 'python3 predict.py {model} {in} {out}',
};

export const settings = (
  hooks: Readonly<Record<string, unknown>> = pythonHooks,
  more: Readonly<Record<string, unknown>> = {},
) => ({
  task: 'binary',
  columns: { id: 'id', label: 'late' },
  data: { train: 'data/train.csv', eval: 'data/eval.csv' },
  hooks,
  ...more,
});

export const trainRequest: TrainRequest = { hook: 'train', data: { table: 'train' }, seed: 1, replicate: 0 };
export const predictRequest: PredictRequest = { hook: 'predict', model: trainRequest, input: { table: 'eval' } };
const everything: readonly PlannedExecution[] = [{ request: predictRequest }];

export interface Opened {
  readonly hooks: RunningHooks;
  readonly log: string[];
  readonly root: string;
}

export interface OpenOptions {
  readonly planned?: readonly PlannedExecution[];
  readonly machine?: Partial<HookMachineOptions>;
  readonly hooks?: Partial<HooksOptions>;
}

/** Opens the hooks of a repo; closed when the test ends. */
export async function openHooks(root: string, given: Record<string, unknown>, options: OpenOptions = {}): Promise<Opened> {
  const manifest = manifestOf(given);
  const signal = options.hooks?.signal ?? new AbortController().signal;
  const machine = await openHookMachine({
    ...{ root, env: quickEnvironment, cacheFolder: null, isProtected: false, isCacheRead: true, signal },
    exclude: ['data/*.csv'],
    ...options.machine,
    ...(options.machine?.env && { env: { ...options.machine.env, PATH: quickPath } }),
  });
  onTestFinished(() => machine.close());
  const log: string[] = [];
  const hooks = createHooks({
    ...{ manifest, machine, signal, planned: options.planned ?? everything, place: () => undefined },
    tables: await storeOf(root, given),
    onLine: (_hook, line) => log.push(line),
    ...options.hooks,
  });
  return { hooks, log, root };
}

/** Opens a repo made of the Python model with some files replaced, and a manifest with some hooks replaced. */
export async function openModel(
  files: FileMap = {},
  hooks: Readonly<Record<string, unknown>> = {},
  options: OpenOptions & { readonly manifest?: Readonly<Record<string, unknown>> } = {},
): Promise<Opened> {
  const root = makeRepo({ ...pythonRepo, ...files }, { git: false });
  return openHooks(root, settings({ ...pythonHooks, ...hooks }, options.manifest), options);
}

export function cacheFolder(): string {
  const folder = join(temporaryFolder(), 'cache');
  mkdirSync(folder);
  return folder;
}
