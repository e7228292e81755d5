/**
 * `npm run demo`: the main job as a newcomer sees it. Starts Control Tower on its embedded database, runs the component
 * model-pipeline over the example model repos under gitlab-ci-local, and prints the score cards and the address to open.
 * Stays up until Ctrl-C on a terminal; with `--exit`, or without a terminal, it ends. `--direct` calls the runners without a
 * pipeline, `--dir DIR` keeps its data elsewhere than in `.demo`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { parse, stringify } from 'yaml';
import { EnvironmentError, FlightcheckError } from '../src/kernel/failure.ts';
import type { Report } from '../src/kernel/report.ts';
import { renderTerminal } from '../src/reports/terminal.ts';
import { startTower, type Tower } from '../src/tower/server.ts';
import { commandFolder, createOffline, type Offline } from '../test/support/offline.ts';
import { canRunPipelines, runDirectly, runPipeline } from './lib/demo-runs.ts';
import { rsyncFolder } from './lib/tools.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: flags } = parseArgs({
  options: { exit: { type: 'boolean', default: false }, direct: { type: 'boolean', default: false }, dir: { type: 'string' } },
});
const home = resolve(flags.dir ?? join(root, '.demo'));
const shown = (path: string): string => relative(process.cwd(), path) || '.';
const examples = [
  { name: 'python', title: 'examples/python', tool: ['python3', '--version'] },
  { name: 'r', title: 'examples/r', tool: ['Rscript', '--version'] },
] as const;
const say = (text = ''): void => void process.stdout.write(`${text}\n`);

/** The address stays the same from one demo to the next where its port is free. */
async function startDemoTower(version: string): Promise<Tower> {
  const options = { folder: join(home, 'tower'), tokenFile: join(home, 'token'), version };
  try {
    return await startTower({ ...options, port: 8470 });
  } catch (error) {
    if (error instanceof EnvironmentError && error.code === 'TOWER_PORT') return startTower({ ...options, port: 0 });
    throw error;
  }
}

/** One example: pipeline or runners, then its card. Returns true when it went through. */
async function showExample(
  example: (typeof examples)[number],
  offline: Offline,
  tower: Tower,
  path: readonly string[],
  hasPipelines: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const [tool, ...args] = example.tool;
  if (spawnSync(tool, args, { stdio: 'ignore' }).status !== 0) {
    say(`${pc.bold(example.title)}: left out, ${tool} is not on this machine (npm run setup:e2e installs it where it may).\n`);
    return true;
  }
  const from = join(root, 'examples', example.name);
  const { include, ...others } = parse(readFileSync(join(from, '.gitlab-ci.yml'), 'utf8')) as { include: unknown };
  const project = offline.project(example.name, { '.gitlab-ci.yml': stringify({ include }) }, from);
  const words = hasPipelines ? 'model-pipeline under gitlab-ci-local' : 'the runners, called directly';
  say(`${pc.bold(example.title)}  ${pc.dim(words)}`);
  const left = Object.keys(others);
  if (left.length > 0) say(pc.dim(`  left out: the example's own jobs ${left.join(', ')}, which install packages`));
  const variables = { FLIGHTCHECK_CLI: 'path', FLIGHTCHECK_TOWER_URL: tower.url };
  const started = performance.now();
  const run = hasPipelines ? runPipeline : runDirectly;
  const result = await run({ offline, project, path, variables, signal, say });
  const seconds = (performance.now() - started) / 1000;
  if (signal.aborted) return false;
  const kept = join(home, example.name);
  rmSync(kept, { recursive: true, force: true });
  for (const folder of result.folders) if (existsSync(folder)) cpSync(folder, kept, { recursive: true });
  const read = (stem: string): Report | null =>
    existsSync(join(kept, `${stem}.report.json`))
      ? (JSON.parse(readFileSync(join(kept, `${stem}.report.json`), 'utf8')) as Report)
      : null;
  const report = read('report');
  if (!report) {
    say(`\n${result.output.trimEnd()}\n\n${pc.red('no report was left')}; what the jobs printed stands above.\n`);
    return false;
  }
  say();
  say(renderTerminal(report, { color: pc.isColorSupported, width: Math.min(process.stdout.columns || 100, 120) }).trimEnd());
  const hooks = read('score')?.metrics.find((metric) => metric.name === 'hooks.seconds')?.value;
  const share =
    typeof hooks === 'number' ? `; the model's own commands ran for ${hooks.toFixed(1)} s of it, some side by side` : '';
  say(`\n${seconds.toFixed(1)} s for the whole pipeline${share}.`);
  say(`One page with all evidence: ${shown(join(kept, 'report.html'))}\n`);
  return result.isPassed;
}

/** What Control Tower knows by now: the reports that really arrived. */
async function modelsOf({ url }: Tower): Promise<readonly { name: string; url: string }[]> {
  const response = await fetch(`${url}/v1/models`);
  if (!response.ok) return [];
  return ((await response.json()) as { items: { name: string; url: string }[] }).items;
}

const whyDirect = (rsync: string | null): string =>
  flags.direct
    ? 'as asked'
    : `as ${rsync === null ? 'rsync' : 'gitlab-ci-local'} is not on this machine and could not be fetched`;

async function main(): Promise<number> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const isStaying = process.stdout.isTTY === true && !flags.exit;
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
  if (!existsSync(join(root, 'dist/main.js'))) execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'inherit' });
  mkdirSync(home, { recursive: true });

  const tower = await startDemoTower(version);
  const offline = createOffline();
  let isPassed = true;
  try {
    say(`Control Tower is up at ${pc.cyan(tower.url)} ${pc.dim(`(${tower.engine}, ${shown(join(home, 'tower'))})`)}\n`);
    const rsync = flags.direct ? null : rsyncFolder(root);
    const hasPipelines = rsync !== null && canRunPipelines();
    if (!hasPipelines)
      say(`${pc.yellow('Left out:')} the pipelines, ${whyDirect(rsync)}; the same runners are called directly.\n`);
    // The token stands in for the id_token that GitLab mints for the report job alone.
    const path = [commandFolder(offline.folder, join(home, 'token')), ...(rsync ? [rsync] : [])];
    for (const example of examples) {
      if (interruption.signal.aborted) break;
      const isFine = await showExample(example, offline, tower, path, hasPipelines, interruption.signal);
      isPassed &&= isFine;
    }
    if (interruption.signal.aborted) return 130;
    say(`The fleet: ${pc.cyan(tower.url)}`);
    for (const model of await modelsOf(tower)) say(`  ${model.name.padEnd(20)} ${pc.cyan(`${tower.url}${model.url}`)}`);
    if (isStaying) {
      say(pc.dim(`Ctrl-C ends the demo; what it recorded stays in ${shown(home)}.`));
      await new Promise<void>((resolve) => interruption.signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    return isPassed ? 0 : 1;
  } finally {
    await tower.close();
    offline.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof FlightcheckError)) throw error;
  console.error(`${error.message}\n  -> ${error.hint}`);
  process.exitCode = error.exitCode;
}
