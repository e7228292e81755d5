/**
 * `npm run demo:deploy`: from commit to scheduled DAG on this machine. The pipeline of an example repo under gitlab-ci-local
 * builds its image into a real registry and deploys its DAG to a real Airflow, which runs it and tells Control Tower; then a
 * change that Airflow cannot load, which is rolled back, with proof. Nothing stays behind.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { type FromCommit, startFromCommit } from '../test/support/from-commit.ts';
import type { Pipeline } from '../test/support/offline.ts';
import { airflowPrograms } from '../test/support/real-airflow.ts';
import { imagesAreMissing } from '../test/support/registry.ts';
import { rsyncFolder } from './lib/tools.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const say = (text = ''): void => void process.stdout.write(`${text}\n`);
const fact = (what: string, words: string): void => say(`  ${what.padEnd(16)} ${words}`);

/** A sentence that must be true; the demo ends with exit code 1 where one is not. */
function must(isTrue: boolean, words: string): void {
  say(`  ${isTrue ? pc.green('✓') : pc.red('✗')} ${words}`);
  if (!isTrue) process.exitCode = 1;
}

const shown = ['deliver:', 'verify:', 'unpause:', 'test-run:', 'roll-back:', 'verify-rollback:', 'Deployed', 'Rolled back'];

/** Runs the pipeline and tells what its jobs and the deployment say. */
async function pipeline({ run }: FromCommit, signal: AbortSignal): Promise<Pipeline> {
  const onLine = (line: string): void => {
    const finished = /^(\S+?)(?:: \[1\/1\])? +finished in ([\d.]+ \w+)(?: +(?:FAIL|WARN) +(\d+))?/.exec(line);
    if (finished?.[1] && finished[1] !== 'pipeline')
      fact(finished[1], finished[3] ? pc.red(`exit code ${finished[3]} after ${finished[2]}`) : `done in ${finished[2]}`);
    const said = /^dag-deploy\S* +> ?(?:warning: )?(.*)$/.exec(line)?.[1];
    if (said && shown.some((word) => said.startsWith(word))) say(pc.dim(`    ${said}`));
  };
  return run({ onLine, signal });
}

const hashIn = (dag: string): string => /render-hash: (\w{12})/.exec(dag)?.[1] ?? 'none';

async function demo(world: FromCommit, signal: AbortSignal): Promise<void> {
  const { airflow, registry, tower } = world;
  fact('registry', registry.host);
  fact('Airflow', airflow.url);
  fact('Control Tower', tower.url);

  say(`\n${pc.bold('A commit')}  ${pc.dim('model-pipeline with image and DAG')}`);
  const first = await pipeline(world, signal);
  const [before, dag] = [await world.scheduled(), world.dag()];
  must(first.jobs['dag-deploy'] === 'pass', 'its pipeline passed');
  must(
    /"IMAGE_DIGEST": "sha256:[0-9a-f]{64}"/.test(dag),
    `its image is in the registry: ${/sha256:[0-9a-f]{12}/.exec(dag)?.[0]}...`,
  );
  must(
    before.length === 3 && before.every((mark) => mark.includes(hashIn(dag))),
    `Airflow schedules it: render ${hashIn(dag)} in every task`,
  );
  must(existsSync(world.model), 'a run of it really trained the model');
  must(
    (await world.told('dag.run.success')) === 1,
    `the run told Control Tower: ${(await world.told('dag.run.seconds'))?.toFixed(1)} s`,
  );

  say(`\n${pc.bold('A change that Airflow cannot load')}  ${pc.dim('an asset of a scheme that Airflow keeps for itself')}`);
  world.commit('airflow://drift');
  const second = await pipeline(world, signal);
  must(second.jobs['dag-deploy'] === 'fail', 'its deployment failed');
  must(second.output.includes('Rolled back: Airflow has what it had before, proven.'), 'it was rolled back, with proof');
  must(
    world.dag() === dag && (await world.scheduled()).join() === before.join(),
    `Airflow schedules render ${hashIn(world.dag())}, as before`,
  );
}

const rsync = rsyncFolder(root);
const missing =
  airflowPrograms(3) === null ? 'Airflow is not installed' : rsync === null ? 'rsync is not installed' : imagesAreMissing;
if (missing !== null) {
  console.error(`${missing}\n  -> npm run setup:e2e installs what this needs.`);
  process.exitCode = 3;
} else {
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interruption.abort());
  execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'inherit' });
  say('Starting a registry, Airflow and Control Tower ...');
  const world = await startFromCommit(rsync ? [rsync] : []);
  try {
    await demo(world, interruption.signal);
    if (interruption.signal.aborted) process.exitCode = 130;
  } finally {
    await world.close();
  }
}
