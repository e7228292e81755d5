/** The steps of a prediction: a folder for the hook to write them into, and what it wrote, as tables. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HookRequest, TraceStage } from '../../kernel/hooks.ts';
import type { TableStore } from '../../kernel/table-store.ts';

export const traceVariable = 'FLIGHTCHECK_TRACE_DIR';
/** Name of the folder, among what the hook writes and in the cache. */
export const traceName = 'trace';

/** Stages that are read; a hook that writes more loops. */
const mostStages = 50;

export const isTraced = (request: HookRequest): boolean => request.hook === 'predict' && request.trace === true;

/** The stages in the folder of an execution; `name` is that of its tables. */
export async function readTrace(
  tables: Pick<TableStore, 'readTrace'>,
  folder: string,
  name: string,
): Promise<readonly TraceStage[]> {
  const found = await readdir(join(folder, traceName)).catch(() => []);
  const files = found
    .filter((file) => /^\d{1,4}_.*\.csv$/i.test(file))
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1));
  const stages: TraceStage[] = [];
  for (const [i, file] of files.slice(0, mostStages).entries())
    stages.push({ file, ...(await tables.readTrace(join(folder, traceName, file), `${name}_${i}`)) });
  return stages;
}
