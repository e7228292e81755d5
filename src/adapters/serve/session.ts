/** One life of a server of a model repo: start, wait for health, ask for every row, stop. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandResult, ServeCommand, ServeFault, ServeResult } from '../../kernel/hook-machine.ts';
import { runCommand } from '../process.ts';
import { type BodyKind, bodyOf, mediaTypes, parseAnswer } from './answers.ts';
import { ask, type HttpAnswer } from './client.ts';
import { freePort, isOpenToOthers } from './sockets.ts';

const pollMs = 25;
const deathMs = 300;
/** Statuses with which a server says that it does not take this kind of body. */
const otherBody: ReadonlySet<number> = new Set([400, 415, 422]);

/** What is wrong with the server, as a clause behind "the serve hook". */
class Fault extends Error {
  readonly code: ServeFault;
  constructor(code: ServeFault, message: string) {
    super(message);
    this.code = code;
  }
}

interface Conversation {
  readonly startSeconds: number;
  readonly latencies: readonly number[];
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function untilHealthy(port: number, serve: ServeCommand, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let last = 'is not listening';
  while (!signal.aborted) {
    if (seconds() > serve.startSeconds) break;
    try {
      const answer = await ask({ port, method: 'GET', path: '/health', seconds: serve.requestSeconds, signal });
      if (answer.status === 200) return seconds();
      last = `answers ${answer.status}`;
    } catch (error) {
      last = wordsOf(error);
    }
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
  throw new Fault(
    'HOOK_SERVE_START',
    `was not healthy within ${Number(serve.startSeconds.toFixed(1))} s: GET http://127.0.0.1:{port}/health ${last}`,
  );
}

/** Asks for the rows one after the other; the first answer settles whether the bodies are CSV or JSON. */
async function askAll(port: number, serve: ServeCommand, signal: AbortSignal): Promise<readonly number[]> {
  const { columns, rows } = serve.rows;
  const latencies: number[] = [];
  const written: string[] = [];
  let kind: BodyKind = 'csv';
  let header: string | undefined;
  const post = (row: readonly (string | null)[]): Promise<HttpAnswer> => {
    const headers = { 'content-type': mediaTypes[kind], accept: 'text/csv, application/json' };
    const body = bodyOf(kind, { columns }, row);
    return ask({ port, method: 'POST', path: '/predict', headers, body, seconds: serve.requestSeconds, signal });
  };
  for (const [i, row] of rows.entries()) {
    const fault = (what: string): Fault =>
      new Fault('HOOK_SERVE_ANSWER', `failed at request ${i + 1} of ${rows.length}: POST /predict ${what}`);
    let began = performance.now();
    let answer: HttpAnswer;
    try {
      answer = await post(row);
      if (i === 0 && otherBody.has(answer.status)) {
        kind = 'json';
        began = performance.now();
        answer = await post(row);
      }
    } catch (error) {
      throw fault(wordsOf(error));
    }
    latencies.push((performance.now() - began) / 1000);
    if (answer.status !== 200) throw fault(`answered ${answer.status}`);
    const parsed = parseAnswer(answer.contentType, answer.body);
    if (typeof parsed === 'string') throw fault(parsed);
    header ??= parsed.header;
    if (parsed.header !== header) throw fault('answered with other columns than before');
    written.push(parsed.lines);
  }
  await writeFile(serve.answers, (header ?? '') + written.join(''));
  return latencies;
}

async function talk(port: number, serve: ServeCommand, signal: AbortSignal): Promise<Conversation> {
  const startSeconds = await untilHealthy(port, serve, signal);
  if (await isOpenToOthers(port))
    throw new Fault('HOOK_SERVE_ADDRESS', 'listens at more than 127.0.0.1: others on the network could ask it');
  return { startSeconds, latencies: await askAll(port, serve, signal) };
}

/** See `HookMachine.serve`. */
export async function serveAndAsk(serve: ServeCommand): Promise<ServeResult> {
  const port = await freePort();
  const ending = new AbortController();
  const ended = new AbortController();
  const running = runCommand({ ...serve.command(port), end: { signal: ending.signal, graceSeconds: serve.stopSeconds } });
  let early: CommandResult | undefined;
  const result = running.then((done) => {
    if (!ending.signal.aborted) early = done;
    ended.abort();
    return done;
  });
  result.catch(() => ended.abort());
  let fault: ServeResult['fault'] = null;
  let said: Conversation = { startSeconds: 0, latencies: [] };
  try {
    said = await talk(port, serve, ended.signal);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = { code: error.code, what: error.message };
    // A server that died is first met as a connection that broke.
    await Promise.race([result.catch(() => {}), sleep(deathMs)]);
  } finally {
    ending.abort();
  }
  const done = await result;
  if (early) fault = { code: 'HOOK_SERVE_DIED', what: 'ended before it was stopped' };
  else if (fault === null && done.endSeconds === null)
    fault = { code: 'HOOK_SERVE_STOP', what: `did not end within ${Number(serve.stopSeconds.toFixed(1))} s of SIGTERM` };
  return { result: done, fault, ...said, stopSeconds: done.endSeconds ?? serve.stopSeconds };
}
