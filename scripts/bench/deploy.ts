/**
 * A deployment to a real Airflow with the bundled command: plan, apply until proven, roll back until proven, nothing to do.
 * Airflow's own delay is what `verify` waits for (its folder is looked into every 2 s here); what is beyond it is ours.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { airflowPrograms, type RealAirflow, startAirflow } from '../../test/support/real-airflow.ts';

const manifest = ({ url, dags }: RealAirflow, word: string): string => `version: 1
model: { name: risk, owner: "@team" }
dag: { schedule: null }
tasks:
  drift: { command: [echo, ${word}] }
  train: { command: [echo, ${word}], dependsOn: drift }
environments:
  dev: { executor: local, airflow: { url: "${url}" }, deliver: { dir: "${dags}" }, verifyTimeout: 300s }
`;

/** Seconds of the whole command, and those that it waited for Airflow. */
function deploy(folder: string, airflow: RealAirflow, action: string, expected: number): { whole: number; waited: number } {
  const started = performance.now();
  const done = spawnSync(process.execPath, [resolve('dist/main.js'), 'deploy', action, folder, '--env', 'dev'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: folder, AIRFLOW_USERNAME: 'deployer', AIRFLOW_PASSWORD: airflow.passwords.deployer },
  });
  const whole = (performance.now() - started) / 1000;
  if (done.status !== expected) throw new Error(`deploy ${action} ended with ${done.status}: ${done.stderr}`);
  return { whole, waited: Number(/verify(?:-rollback)?: .*\(([\d.]+) s\)/.exec(done.stderr)?.[1] ?? 0) };
}

export async function bench(): Promise<void> {
  if (airflowPrograms(3) === null) {
    console.log('left out: Airflow is not installed (npm run setup:e2e)');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-bench-'));
  const airflow = await startAirflow();
  try {
    execFileSync('git', ['init', '--quiet', folder]);
    const write = (word: string): void => writeFileSync(join(folder, 'flightcheck.yml'), manifest(airflow, word));
    const show = (name: string, { whole, waited }: { whole: number; waited: number }): void =>
      console.log(`${name.padEnd(36)} ${whole.toFixed(1)} s, beyond Airflow's own delay ${(whole - waited).toFixed(1)} s`);
    write('one');
    show('apply to proven, new', deploy(folder, airflow, 'apply', 0));
    write('two');
    show('plan', deploy(folder, airflow, 'plan', 0));
    show('apply to proven, update', deploy(folder, airflow, 'apply', 0));
    show('apply, nothing to do', deploy(folder, airflow, 'apply', 0));
    show('verify', deploy(folder, airflow, 'verify', 0));
    show('rollback to proven', deploy(folder, airflow, 'rollback', 4));
  } finally {
    await airflow.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
