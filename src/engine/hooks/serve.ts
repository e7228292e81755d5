/** One execution of the serve hook: the model and a fresh working copy as for predict, then a server's whole life. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Placeholder } from '../../facts/command.ts';
import type { Served } from '../../kernel/hooks.ts';
import { type Executed, type Execution, hiddenColumns, outputNames, prepare, type Surroundings } from './execute.ts';
import { badServer, failureOf } from './failures.ts';

const servingName = 'serving.json';
/** Limits of a server, seconds; a hook's own limit shortens them. */
const startSeconds = 120;
const requestSeconds = 30;
const stopSeconds = 10;

type Serving = Pick<Served, 'startSeconds' | 'stopSeconds' | 'latency' | 'modelSeconds'>;

/** Nearest rank: an observed value, of sorted ones. */
const quantile = (sorted: readonly number[], p: number): number => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0;

/** Starts the server, asks for every row of the request's input, stops it. Rejects with a HOOK_* error. */
export async function executeServe(around: Surroundings, execution: Execution): Promise<Executed> {
  const { machine, tables } = around;
  const { request, command, key, hooks, env, model } = execution;
  if (request.hook !== 'serve') throw new Error(`${request.hook} is no server`);
  const workspace = await machine.workspace(hooks.release);
  try {
    const values: Partial<Record<Placeholder, string>> = {};
    if (command.uses.has('model') && model !== undefined) {
      values.model = join(workspace.inputs, 'model');
      await machine.copy(model.path, values.model);
    }
    const rows = await tables.rows(request.input, { without: hiddenColumns(hooks.manifest, request.input) });
    const ranAt = around.now().toISOString();
    const folder = await machine.keep(`${key}-${basename(join(workspace.repo, '..'))}`);
    await mkdir(folder, { recursive: true });
    const { served, failed, limits, isBudget, plain } = await around.inTurn(async () => {
      const prepared = await prepare(around, { hook: 'serve', command, hooks, workspace, env });
      const bounds = prepared.bounds();
      const { seconds } = bounds.limits;
      const answered = await machine.serve({
        command: (port) => ({ ...prepared.request({ ...values, port: String(port) }), limits: bounds.limits }),
        rows,
        answers: join(folder, outputNames.serve),
        startSeconds: Math.min(startSeconds, seconds / 2),
        requestSeconds: Math.min(requestSeconds, seconds / 4),
        stopSeconds: Math.min(stopSeconds, seconds / 2),
      });
      return { served: answered, ...prepared, ...bounds };
    });
    const result = plain(served.result);
    const isEndedByUs =
      result.exitCode === null && !result.isTimedOut && !result.isOutOfMemory && !result.isOutputExceeded && !result.isAborted;
    const failure = isEndedByUs ? null : failureOf(failed, result, limits, isBudget);
    if (failure) throw failure;
    if (served.fault) throw badServer(failed, served.fault.code, served.fault.what, result.tail);
    const latencies = [...served.latencies].sort((a, b) => a - b);
    const serving: Serving = {
      startSeconds: served.startSeconds,
      stopSeconds: served.stopSeconds,
      latency: { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95), n: latencies.length },
      modelSeconds: model?.seconds ?? 0,
    };
    await writeFile(join(folder, servingName), JSON.stringify(serving));
    return { folder, ranAt, seconds: result.seconds, maxRssBytes: result.maxRssBytes };
  } finally {
    await workspace.remove();
  }
}

/** What was measured, from the folder of an execution. */
export async function readServing(folder: string): Promise<Serving> {
  return JSON.parse(await readFile(join(folder, servingName), 'utf8')) as Serving;
}
