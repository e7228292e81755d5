/** Where the numbers of earlier runs and of this one come from: Control Tower, else MLflow's runs. */
import type { World } from '../../../src/kernel/world.ts';
import { minimumRuns, mostRuns, type Series } from './performance.ts';

interface Kind {
  /** Of the metric in the reports that Control Tower keeps. */
  readonly name: string;
  readonly unit: string;
  readonly isGreaterBetter: boolean;
  /** What monitoring of the served model may call it in MLflow. */
  readonly mlflow: readonly string[];
}

export const kinds: readonly Kind[] = [
  { name: 'train.seconds', unit: 's', isGreaterBetter: false, mlflow: ['train.seconds', 'training_seconds', 'training_time'] },
  { name: 'train.memory', unit: 'By', isGreaterBetter: false, mlflow: ['train.memory'] },
  { name: 'predict.rows_per_second', unit: '1/s', isGreaterBetter: true, mlflow: ['predict.rows_per_second', 'throughput'] },
  { name: 'predict.memory', unit: 'By', isGreaterBetter: false, mlflow: ['predict.memory'] },
  { name: 'serve.latency_p95', unit: 's', isGreaterBetter: false, mlflow: ['serve.latency_p95', 'latency_p95'] },
  { name: 'serve.start_seconds', unit: 's', isGreaterBetter: false, mlflow: ['serve.start_seconds'] },
  { name: 'serve.memory', unit: 'By', isGreaterBetter: false, mlflow: ['serve.memory'] },
];

type Numbers = ReadonlyMap<string, readonly number[]>;

export interface Past {
  readonly series: readonly Series[];
  readonly source: 'Control Tower' | 'MLflow' | null;
  /** Why there is no past, as clauses. */
  readonly reasons: readonly string[];
}

async function fromTower(history: World['history']): Promise<Numbers | string> {
  const found = new Map<string, readonly number[]>();
  for (const { name } of kinds) {
    const answer = await history.values(name, { limit: mostRuns });
    if (!answer.ok && !answer.isAbsent) return answer.reason;
    if (answer.ok && answer.value.length > 0)
      found.set(
        name,
        answer.value.map(({ value }) => value),
      );
  }
  return found.size > 0 ? found : 'Control Tower has no earlier run of this model';
}

async function fromMlflow(mlflow: World['mlflow']): Promise<Numbers | string> {
  const answer = await mlflow.runs({ limit: mostRuns });
  if (!answer.ok) return answer.reason;
  const runs = answer.value.filter((run) => run.status === 'FINISHED').reverse();
  const found = new Map<string, readonly number[]>();
  for (const { name, mlflow: names } of kinds) {
    const values = runs.flatMap((run) => names.map((one) => run.metrics[one]).find((value) => value !== undefined) ?? []);
    if (values.length > 0) found.set(name, values);
  }
  // How long a run took is how long it trained, where nothing says it better.
  const durations = runs.flatMap(({ startedAt, endedAt }) =>
    endedAt === null ? [] : [(Date.parse(endedAt) - Date.parse(startedAt)) / 1000],
  );
  if (!found.has('train.seconds') && durations.length > 0) found.set('train.seconds', durations);
  return found.size > 0 ? found : 'MLflow has no finished run';
}

const longest = (numbers: Numbers): number => Math.max(0, ...[...numbers.values()].map((values) => values.length));

/** The series of this model, oldest first, this run last; only positive, finite numbers. */
export async function pastOf({ history, mlflow }: Pick<World, 'history' | 'mlflow'>): Promise<Past> {
  const reasons: string[] = [];
  let past: Numbers = new Map();
  let source: Past['source'] = null;
  for (const [name, ask] of [
    ['Control Tower', () => fromTower(history)],
    ['MLflow', () => fromMlflow(mlflow)],
  ] as const) {
    // Runs of MLflow were made on other machines than this: they are compared among themselves, where Control Tower knows few.
    if (longest(past) >= minimumRuns) break;
    const found = await ask();
    if (typeof found === 'string') reasons.push(found);
    else if (longest(found) > longest(past)) {
      past = found;
      source = name;
    }
  }
  const series = kinds.flatMap(({ name, unit, isGreaterBetter }) => {
    const values = (past.get(name) ?? []).filter((value) => Number.isFinite(value) && value > 0);
    return values.length > 0 ? [{ name, unit, isGreaterBetter, values }] : [];
  });
  return { series, source, reasons };
}
