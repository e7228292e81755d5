/** A training that is killed half-way, as when a machine is lost, and then started again where the first one left off. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Interruption } from '../../kernel/hooks.ts';
import {
  type Executed,
  type Execution,
  handOver,
  isNothing,
  type Job,
  outputNames,
  prepare,
  runHook,
  type Surroundings,
  takeOut,
  type Values,
} from './execute.ts';
import { failureOf } from './failures.ts';

/** Beside the model, in the folder of the execution and in the cache. */
export const leftoverName = 'leftover';
const recordName = 'interruption.json';

/** Parts of its usual time after which it is killed; the next when it was done by then. */
const shares = [0.5, 0.25, 0.1];

/** `model.seconds` of the execution is how long the same training takes when it is left alone. */
export async function executeInterrupted(around: Surroundings, execution: Execution): Promise<Executed> {
  const { machine } = around;
  const { command, key, hooks, env, model } = execution;
  if (execution.request.hook !== 'train' || !model) throw new Error('only a training whose time is known can be interrupted');
  const workspace = await machine.workspace(hooks.release);
  try {
    const values = await handOver(around, execution, workspace);
    const job = { hook: 'train' as const, command, hooks, workspace, env };
    const ranAt = around.now().toISOString();
    const output = join(workspace.outputs, outputNames.train);
    let killedAfter: number | null = null;
    for (const share of shares) {
      killedAfter = await around.inTurn(() => runAndKill(around, job, values, share * model.seconds));
      if (killedAfter !== null) break;
      for (const path of [output, join(workspace.outputs, 'metrics.jsonl')]) await rm(path, { recursive: true, force: true });
    }
    const folder = await machine.keep(`${key}-${basename(join(workspace.repo, '..'))}`);
    const hasLeftover = killedAfter !== null && !(await isNothing(output));
    if (hasLeftover) await machine.copy(output, join(folder, leftoverName));
    const result = await runHook(around, job, values);
    await takeOut(around, execution, workspace, result, folder);
    const record: Interruption = { killedAfter, hasLeftover };
    await writeFile(join(folder, recordName), JSON.stringify(record));
    return { folder, ranAt, seconds: result.seconds, maxRssBytes: result.maxRssBytes };
  } finally {
    await workspace.remove();
  }
}

/** Seconds after which it was killed; null when it was done by then. Rejects when it fails by itself. */
async function runAndKill(around: Surroundings, job: Job, values: Values, seconds: number): Promise<number | null> {
  const { failed, bounds, request, plain } = await prepare(around, job);
  const { limits, isBudget } = bounds();
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), seconds * 1000);
  const result = plain(await around.machine.run({ ...request(values), limits, end: { signal: stop.signal, graceSeconds: 0 } }));
  clearTimeout(timer);
  const isKilled = stop.signal.aborted && result.exitCode === null;
  const failure = isKilled && !result.isAborted ? null : failureOf(failed, result, limits, isBudget);
  if (failure) throw failure;
  return isKilled ? result.seconds : null;
}

/** What stands in the folder of an interrupted training. */
export async function readInterruption(folder: string): Promise<Interruption> {
  return JSON.parse(await readFile(join(folder, recordName), 'utf8')) as Interruption;
}
