/** Runs Flightcheck over a specimen as a pipeline does: `test`, `score`, then `report` with the services that it asks. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Report, Result } from '../../src/kernel/report.ts';
import { startTower, type Tower } from '../../src/tower/server.ts';
import { fakeGitLab } from '../support/gitlab.ts';
import { sampleReport } from '../tower/sample.ts';
import type { Fault, Language, Surroundings } from './fault.ts';
import { ages, daysAgo, type Specimen, specimenOf } from './specimen.ts';

const version = '0.0.0';
const model = 'late-payers';
const command = join(import.meta.dirname, '../../dist/main.js');

/** Is told what to do when a test is over. */
type OnEnd = (end: () => void | Promise<void>) => void;

/** The results of the 28 tests, by id. */
export type Found = ReadonlyMap<string, Result>;

export interface Keeper {
  /** What a pipeline finds in the good specimen. */
  readonly good: Found;
  /** What it finds in one with a fault. */
  run(fault: Fault, onEnd: OnEnd): Promise<Found>;
  close(): Promise<void>;
}

/** Runs the built command in a job of its own. */
function flightcheck(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { PATH, HOME } = process.env;
  const surroundings = { PATH, HOME, CI: 'true', CI_PIPELINE_SOURCE: 'merge_request_event', ...env };
  return new Promise((resolve, reject) =>
    execFile(process.execPath, [command, ...args], { env: surroundings, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      error ? reject(new Error(`flightcheck ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`)) : resolve(),
    ),
  );
}

const reportIn = (root: string, runner: string): Report =>
  JSON.parse(readFileSync(join(root, '.flightcheck', `${runner}.report.json`), 'utf8')) as Report;

/** GitLab as it would be: both commits of Ada came through a merge request, and the first was deployed. */
const gitLabOf = ({ release, head }: Specimen, { approvedBy = 'bea', deployedAfter = 5 }: Surroundings, onEnd: OnEnd) =>
  fakeGitLab(
    {
      mergeRequests:
        approvedBy === null
          ? []
          : [release, head].map((sha, i) => ({ iid: i + 1, author: 'ada', approvedBy: [approvedBy], commits: [sha] })),
      deployments: [{ sha: release, at: daysAgo(ages.release - deployedAfter) }],
    },
    onEnd,
  );

/** Control Tower with earlier runs of the model; training took about four times `memory` bytes. */
async function towerOf(folder: string, memory: number, { memory: shares, silentFor = 1 }: Surroundings = {}) {
  const tower = await startTower({ folder: mkdtempSync(join(folder, 'tower-')), port: 0, version });
  // Widely spread, as the peaks of short commands are on a busy machine.
  const past = shares ?? Array.from({ length: 12 }, (_, i) => 1 + 0.05 * ((i * 5) % 7));
  for (const [i, share] of past.entries()) {
    const metrics = [
      { name: 'check.value', value: 12, unit: '1', labels: { check: 'monitor-1' } },
      // Well above what is sampled now: the peak of a short command is read too low at one time and not at another.
      { name: 'train.memory', value: 4 * memory * share, unit: 'By' },
    ];
    const at = daysAgo(silentFor + past.length - 1 - i);
    const body = JSON.stringify(
      sampleReport({ name: model, at, jobId: `${i}`, passing: { data: 0, model: 0, infra: 0, monitor: 0 }, metrics }),
    );
    const headers = { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' };
    const { status } = await fetch(`${tower.url}/v1/reports`, { method: 'POST', headers, body });
    if (status >= 300) throw new Error(`Control Tower answers ${status}`);
  }
  // The first question is slow: it is not asked by the run that is judged.
  await fetch(`${tower.url}/v1/series?model=${model}&metric=train.memory`);
  return tower;
}

/** Opens the house of one language, and runs the good specimen, whose hook executions need not be made again. */
export async function openKeeper(folder: string, language: Language): Promise<Keeper> {
  const towers = new Map<string, Promise<Tower>>();
  const kept = (name: string) => join(folder, name);
  const ends: (() => void | Promise<void>)[] = [];

  const scored = async (specimen: Specimen): Promise<Report> => {
    const { root, head } = specimen;
    // Unit tests are of a commit: what they said of it is handed on.
    const tested = kept(`tested-${head}`);
    if (existsSync(tested)) cpSync(tested, join(root, '.flightcheck'), { recursive: true });
    else await flightcheck(['test', root]);
    if (existsSync(kept('cache'))) cpSync(kept('cache'), join(root, '.flightcheck-cache'), { recursive: true });
    await flightcheck(['score', root]);
    return reportIn(root, 'score');
  };
  const reported = async (
    { root, ...specimen }: Specimen,
    around: Surroundings,
    memory: number,
    onEnd: OnEnd,
  ): Promise<Found> => {
    const key = JSON.stringify([around.memory, around.silentFor]);
    const tower = towers.get(key) ?? towerOf(folder, memory, around);
    towers.set(key, tower);
    const gitlab = await gitLabOf({ root, ...specimen }, around, onEnd);
    await flightcheck(['report', root, '--tower-url', (await tower).url], gitlab.env);
    const suite = reportIn(root, 'report').suites.find(({ id }) => id === 'ml-test-score');
    return new Map(suite?.sections.flatMap(({ results }) => results).map((result) => [result.check, result]));
  };

  const specimen = specimenOf(kept('good'), language);
  const { metrics } = await scored(specimen);
  cpSync(join(specimen.root, '.flightcheck-cache'), kept('cache'), { recursive: true });
  cpSync(join(specimen.root, '.flightcheck'), kept(`tested-${specimen.head}`), { recursive: true });
  const memory = metrics.find(({ name }) => name === 'train.memory')?.value;
  if (memory === undefined) throw new Error('the memory of training was not measured');
  return {
    good: await reported(specimen, {}, memory, (end) => void ends.push(end)),
    async run(fault, onEnd) {
      const root = mkdtempSync(kept('specimen-'));
      onEnd(() => rmSync(root, { recursive: true, force: true }));
      const faulty = specimenOf(root, language, fault);
      await scored(faulty);
      return reported(faulty, fault.around ?? {}, memory, onEnd);
    },
    async close() {
      for (const end of ends) await end();
      for (const tower of towers.values()) await (await tower).close();
    },
  };
}
