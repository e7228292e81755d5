/** The two ways in which the demo runs an example: its pipeline, or the same runners one after the other. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import pc from 'picocolors';
import type { Offline } from '../../test/support/offline.ts';

export interface DemoRun {
  readonly offline: Offline;
  readonly project: string;
  /** Folders before PATH; the first holds the command. */
  readonly path: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  say(text: string): void;
}

export interface DemoResult {
  readonly isPassed: boolean;
  readonly output: string;
  /** Report folders, in the order in which they were written. */
  readonly folders: readonly string[];
}

const jobs = ['structure', 'unit-tests', 'ml-test-score', 'report'] as const;
const runnerOf = { structure: 'check', 'unit-tests': 'test', 'ml-test-score': 'score', report: 'report' } as const;

/** True when gitlab-ci-local is installed: it is a dependency for development. */
export function canRunPipelines(): boolean {
  try {
    createRequire(import.meta.url).resolve('gitlab-ci-local');
    return true;
  } catch {
    return false;
  }
}

const line = (job: string, words: string): string => `  ${job.padEnd(14)} ${words}`;

/** The pipeline of the example's own `.gitlab-ci.yml`. */
export async function runPipeline({ offline, project, path, variables, signal, say }: DemoRun): Promise<DemoResult> {
  const onLine = (text: string): void => {
    const started = /^(\S+?)(?:: \[1\/1\])? +starting shell/.exec(text);
    const finished = /^(\S+?)(?:: \[1\/1\])? +finished in ([\d.]+ \w+)(?: +(?:FAIL|WARN) +(\d+))?/.exec(text);
    if (finished?.[1] === 'pipeline') return;
    if (started?.[1]) say(pc.dim(line(started[1], 'started')));
    if (finished?.[1])
      say(line(finished[1], finished[3] ? pc.red(`exit code ${finished[3]} after ${finished[2]}`) : `done in ${finished[2]}`));
  };
  const pipeline = await offline.run(project, { path, variables, network: 'loopback', onLine, signal });
  return {
    isPassed: pipeline.code === 0,
    output: pipeline.output,
    folders: jobs.map((job) => join(pipeline.artifacts(job), '.flightcheck')),
  };
}

/** The three runners in the project's folder, as the jobs would call them. */
export async function runDirectly({ project, path, variables, signal, say }: DemoRun): Promise<DemoResult> {
  const env = { ...process.env, ...variables, NO_COLOR: '1', PATH: [...path, process.env.PATH ?? ''].join(delimiter) };
  let output = '';
  let isPassed = true;
  for (const job of jobs) {
    if (signal.aborted) break;
    const started = performance.now();
    const code = await new Promise<number>((resolve, reject) => {
      // The jobs' runners leave the gate to the report.
      const own = job === 'report' ? env : { ...env, FLIGHTCHECK_GATE: 'advisory' };
      const child = spawn('flightcheck', [runnerOf[job], '--', '.'], {
        cwd: project,
        env: own,
        stdio: ['ignore', 'pipe', 'pipe'],
        signal,
      });
      const take = (chunk: Buffer) => {
        output += chunk.toString();
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.on('error', (error) => (signal.aborted ? resolve(130) : reject(error)));
      child.on('close', (status) => resolve(status ?? 130));
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(line(job, code === 0 ? `done in ${seconds} s` : pc.red(`exit code ${code} after ${seconds} s`)));
    isPassed &&= code === 0;
  }
  return { isPassed, output, folders: [join(project, '.flightcheck')] };
}
