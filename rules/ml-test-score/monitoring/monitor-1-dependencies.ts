import { defineCheck, type Finding, judge, skipped, type Verdict } from '../../../src/kernel/check.ts';
import { asks, sources } from '../lib/asks.ts';
import { type WatchedFile, watchDependencies } from '../lib/dependency-watch.ts';
import { isVerdict, manifestOr, rubric } from '../lib/manifest.ts';
import { periodSeconds } from '../lib/periods.ts';

const sum = (files: readonly WatchedFile[], of: (file: WatchedFile) => number): number =>
  files.reduce((total, file) => total + of(file), 0);

function findingsOf(files: readonly WatchedFile[]): readonly Finding[] {
  return files.flatMap(({ path, missed, floating }) => [
    ...(missed.length > 0
      ? [{ message: `a trial change of ${missed.slice(0, 5).join(', ')} in ${path} was not told apart`, place: { path } }]
      : []),
    ...(floating.length > 0
      ? [
          {
            message: `${floating.slice(0, 5).join(', ')} in ${path} can change without any change of a file: no version is fixed`,
            place: { path },
          },
        ]
      : []),
  ]);
}

/** Changes since the release before, then what is watched where. */
function itemsOf(files: readonly WatchedFile[]) {
  const changes = files.flatMap(({ path, changes: found }) =>
    (found ?? []).map(({ kind, name, before, after }) => ({
      file: path,
      kind,
      name,
      before,
      after,
      watched: null,
      trials: null,
    })),
  );
  const watched = files.map(({ path, dependencies, trials }) => ({
    file: path,
    kind: null,
    name: null,
    before: null,
    after: null,
    watched: dependencies.length,
    trials,
  }));
  return [...changes.slice(0, 200), ...watched.slice(0, 100)];
}

/**
 * What is sent: the report itself, which lists every change and how many trial changes were told apart (the value). What
 * arrived: that value of an earlier run, as Control Tower has it. The job that runs the model's code can send nothing
 * itself, because it holds no token; so the first run can never pass.
 */
export default defineCheck({
  title: 'Dependency changes result in notification',
  why: 'A library, a base image or an upstream table that changes in silence changes the model, and whoever must mend it learns it last.',
  fix: 'Commit lock files and fixed image versions, and let the pipeline send its reports to Control Tower.',
  about: {
    does: 'Reads lock files, base images and the feature schema, compares them with the release before, tries whether changes are seen, and asks Control Tower whether the notice arrived.',
    asks: asks('locks', 'tower'),
    thresholds: [
      { what: 'trial changes that are not told apart', value: 0, source: sources.ours },
      { what: 'age of the last notice, at most twice', setting: 'policy.cadence', source: sources.ours },
    ],
    languages: { python: 'uv.lock, poetry.lock, Pipfile.lock, or requirements with exact versions.', r: 'renv.lock.' },
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'files', 'git', 'history'],
  async run({ files, git, history, ...world }): Promise<Verdict> {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const watched = await watchDependencies(files, git, manifest.data.schema);
    const locks = watched.filter((file) => file.dependencies.some((one) => one.kind === 'package'));
    if (locks.length === 0)
      return skipped('no lock file fixes the versions of the packages, so their changes cannot be seen', {
        nextStep: 'Commit a lock file: uv lock, pip-compile --generate-hashes, renv::snapshot().',
      });
    if (git.isShallow)
      return skipped('this clone is shallow, so nothing can be compared with the release before', {
        nextStep: 'Let CI fetch tags and history: variables: { GIT_DEPTH: "0" }.',
      });
    const trials = sum(watched, (file) => file.trials);
    const seen = trials - sum(watched, (file) => file.missed.length);
    const changed = sum(watched, (file) => file.changes?.length ?? 0);
    const previous = await git.previousRelease();
    const arrived = await history.values('check.value', { labels: { check: 'monitor-1' }, limit: 1 });
    const last = arrived.ok ? arrived.value.at(-1) : undefined;
    const evidence = {
      explanation: `${sum(watched, (file) => file.dependencies.length)} dependencies in ${watched.length} files are watched${previous ? `; ${changed} changed since ${previous.name}` : ''}. ${seen} of ${trials} trial changes were told apart${last ? `, and the notice of ${last.at.slice(0, 16)} arrived in Control Tower` : ''}.`,
      value: seen,
      threshold: trials,
      unit: '1',
      n: trials,
      items: itemsOf(watched),
      nextStep: last
        ? 'Watch for the changes that the next report lists.'
        : 'Send the reports of this pipeline to Control Tower.',
    };
    const findings = findingsOf(watched);
    if (findings.length > 0) return judge(findings, evidence);
    if (!last)
      return skipped(
        `inconclusive: all ${trials} trial changes were told apart, but no notice of an earlier run has arrived (${arrived.ok ? 'Control Tower has none of this model' : arrived.reason})`,
        {
          nextStep:
            !arrived.ok && !arrived.isAbsent
              ? 'Set tower-url of the report component; the notice of this run then counts in the next.'
              : 'Run the pipeline again: the notice of this run counts in the next.',
          evidence,
        },
      );
    const age = (Date.now() - Date.parse(last.at)) / 1000;
    const late = `the last notice that arrived in Control Tower is ${Math.round(age / 86_400)} days old; policy.cadence is ${manifest.policy.cadence}`;
    return judge(age > 2 * periodSeconds(manifest.policy.cadence) ? [{ message: late }] : [], evidence);
  },
});
