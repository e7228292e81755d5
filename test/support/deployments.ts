/** Deployments for tests: two versions of a DAG, a folder or a repository, an Airflow that reads it, a clock that is never waited for. */
import { join } from 'node:path';
import { openAirflow } from '../../src/adapters/airflow/airflow.ts';
import { openFolder } from '../../src/adapters/delivery/folder.ts';
import { resolveDag } from '../../src/delivery/dag/resolve.ts';
import type { DagSpec } from '../../src/delivery/dag/spec.ts';
import { type ApplyOptions, apply } from '../../src/delivery/deploy/apply.ts';
import type { Deployment } from '../../src/delivery/deploy/deployment.ts';
import type { DagTarget } from '../../src/kernel/delivery.ts';
import { temporaryFolder } from '../helpers/repo.ts';
import { type FakeAirflow, type Faults, fakeAirflow } from './airflow.ts';
import { manifestOf } from './manifest.ts';

export const specOf = (word: string): DagSpec =>
  resolveDag(
    manifestOf({
      model: { name: 'risk', owner: '@team' },
      tasks: { drift: { command: ['python3', '-c', word] }, train: { command: 'python3 -m train', dependsOn: 'drift' } },
      environments: { dev: { executor: 'local', airflow: { url: 'http://127.0.0.1:1' }, deliver: { dir: '/x' } } },
    }),
    { environment: 'dev', image: null, commit: 'a'.repeat(40), version: '1' },
    () => undefined,
  );

/** A clock that runs as fast as it is asked to. */
export const fastClock = () => {
  let ahead = 0;
  return {
    now: () => new Date(Date.now() + ahead),
    sleep: async (seconds: number) => {
      ahead += seconds * 1000;
    },
  };
};

export async function world(faults: Faults = {}, more: { target?: DagTarget; airflow?: FakeAirflow } = {}) {
  const folder = temporaryFolder();
  const airflow = more.airflow ?? (await fakeAirflow(folder, faults));
  const target = more.target ?? (await openFolder(folder));
  const deploy = (spec: DagSpec, options: Partial<ApplyOptions> = {}): Promise<Deployment> =>
    apply({
      ...{ airflow: openAirflow({ url: airflow.url, major: 3, timeoutSeconds: 5 }), target, spec, commit: 'a'.repeat(40) },
      ...{
        imageDigest: null,
        paused: false,
        canary: false,
        testRun: false,
        attempt: '1',
        timeoutSeconds: 60,
        pollSeconds: 5,
        clock: fastClock(),
      },
      ...options,
    });
  return { folder, airflow, target, deploy, file: join(folder, 'risk.py') };
}

export const stepsOf = ({ steps }: Deployment): readonly string[] => steps.map(({ id, outcome }) => `${id} ${outcome}`);

/** Hashes that the tasks of the DAG carry in Airflow. */
export const hashIn = (airflow: FakeAirflow): readonly string[] | undefined =>
  airflow.dags.get('risk')?.tasks.map((task) => task.doc_md.slice('render-hash: '.length));

export const [first, second] = [specOf('one'), specOf('two')] as const;
