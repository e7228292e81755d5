/** MLflow's answers as our types; a shape that is not known is another version of MLflow and is said, not guessed. */
import type { MlflowRun, MlflowVersion } from '../../kernel/world.ts';
import { MlflowProblem } from './requester.ts';

type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new MlflowProblem(`its answer has no ${what}: another version of MLflow?`);
}

/** A list that is left out is empty: that is how protobuf writes it. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new MlflowProblem(`its answer has no list of ${what}: another version of MLflow?`);
}

export const textOr = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function text(value: unknown, what: string): string {
  if (typeof value === 'number') return String(value);
  const found = textOr(value);
  if (found === null) throw new MlflowProblem(`its answer has no ${what}: another version of MLflow?`);
  return found;
}

/** Milliseconds since 1970, which old servers write as text. */
function timeOr(value: unknown): string | null {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  const date = new Date(number);
  return Number.isNaN(date.getTime()) || number <= 0 ? null : date.toISOString();
}

function time(value: unknown, what: string): string {
  const found = timeOr(value);
  if (found === null) throw new MlflowProblem(`its answer has no ${what}: another version of MLflow?`);
  return found;
}

/** `[{key, value}]` as a record; later keys win. */
function record<T>(value: unknown, what: string, read: (value: unknown) => T): Readonly<Record<string, T>> {
  const entries = listOf(value, what).map((item) => {
    const fields = fieldsOf(item, what);
    return [String(fields.key), read(fields.value)] as const;
  });
  return Object.fromEntries(entries);
}

const metric = (value: unknown): number =>
  value === '-Infinity' || value === 'Infinity' || value === 'NaN'
    ? Number(value)
    : typeof value === 'number'
      ? value
      : Number.NaN;
const asText = (value: unknown): string => (typeof value === 'string' ? value : String(value ?? ''));

export function versionOf(value: unknown): MlflowVersion {
  const fields = fieldsOf(value, 'model version');
  const stage = textOr(fields.current_stage);
  return {
    name: text(fields.name, 'name of a model version'),
    version: text(fields.version, 'version'),
    aliases: listOf(fields.aliases, 'aliases').map(asText),
    stage: stage === 'None' ? null : stage,
    // Old servers do not say it: their versions are ready at once.
    status: textOr(fields.status) ?? 'READY',
    createdAt: time(fields.creation_timestamp, 'time of creation of a model version'),
    runId: textOr(fields.run_id),
    source: textOr(fields.source) ?? '',
    tags: record(fields.tags, 'tags', asText),
  };
}

/** What came of a run; GitLab's registry does not always say when it began. */
export function outcomeOf(value: unknown): Pick<MlflowRun, 'id' | 'status' | 'metrics' | 'params' | 'tags'> {
  const run = fieldsOf(value, 'run');
  const info = fieldsOf(run.info, 'run info');
  const data = fieldsOf(run.data ?? {}, 'run data');
  return {
    id: text(info.run_id ?? info.run_uuid, 'id of a run'),
    status: textOr(info.status) ?? 'UNKNOWN',
    metrics: record(data.metrics, 'metrics', metric),
    params: record(data.params, 'params', asText),
    tags: record(data.tags, 'tags', asText),
  };
}

export function runOf(value: unknown): MlflowRun {
  const outcome = outcomeOf(value);
  const info = fieldsOf(fieldsOf(value, 'run').info, 'run info');
  return {
    ...outcome,
    name: textOr(info.run_name) ?? outcome.tags['mlflow.runName'] ?? null,
    startedAt: time(info.start_time, 'start of a run'),
    endedAt: timeOr(info.end_time),
  };
}
