import { defineCheck, type Finding, fail, judge, skipped } from '../../../src/kernel/check.ts';
import { FlightcheckError } from '../../../src/kernel/failure.ts';
import type { ModelRequest, PredictRequest, ServeRequest, TableRef } from '../../../src/kernel/hooks.ts';
import type { ResolvedManifest } from '../../../src/kernel/manifest.ts';
import { answerTolerance, differenceOf } from '../lib/answers.ts';
import { asks, lines, sources, trained } from '../lib/asks.ts';
import { isTheirs } from '../lib/hook-faults.ts';
import { cell, inputsOf, isVerdict, lacks, manifestOr, rubric, tableOr } from '../lib/manifest.ts';
import { canPredict, canTrain, hooksOr, model } from '../lib/setting.ts';

const seed = 1;
const golden: TableRef = { derive: 'sample', from: { table: 'eval' }, rows: 100, seed };
/** Ours: an hour of harm is long. */
const mostSeconds = 3600;

/** What would be rolled back to: the registered version before the one in production, else the release before this commit. */
const previousOf = ({ mlflow }: ResolvedManifest): ModelRequest =>
  mlflow?.registeredModel !== undefined
    ? { hook: 'given', which: 'previous' }
    : { hook: 'train', data: { table: 'train' }, seed: 1, replicate: 0, release: 'previous' };

interface Drill {
  /** The release that fails. */
  readonly current: ServeRequest;
  readonly back: ServeRequest;
  /** What the previous model answered when it was made. */
  readonly recorded: PredictRequest;
}

const drillOf = (manifest: ResolvedManifest): Drill => {
  const previous = previousOf(manifest);
  return {
    current: { hook: 'serve', model, input: golden },
    back: { hook: 'serve', model: previous, input: golden },
    recorded: { hook: 'predict', model: previous, input: golden },
  };
};

export default defineCheck({
  title: 'Models can be quickly and safely rolled back to a previous serving version',
  why: 'The way back is needed when everything else has failed; one that was never walked in quiet times is not there in a storm.',
  fix: 'Keep the previous model where serve can load it, with the code that it was made for, and practise.',
  about: {
    does: 'Stops the server, brings back the previous model with the code that it was made for, times it, and compares golden answers.',
    asks: asks(...trained, 'serveHook', 'registeredModel?'),
    thresholds: [
      { what: 'seconds until the previous model answers', value: mostSeconds, source: sources.ours },
      { what: 'largest difference of a golden answer', value: answerTolerance, source: sources.ours },
    ],
  },
  reference: rubric,
  inputs: {},
  needs: ['manifest', 'tables', 'hooks', 'git'],
  plan: (manifest) => {
    if (!canPredict(manifest) || manifest.hooks.serve === undefined) return [];
    const { current, back, recorded } = drillOf(manifest);
    const sometimes = 'when there is a version before';
    const hasBack = canTrain(manifest) || back.model.hook === 'given';
    return [{ request: current }, ...(hasBack ? [back, recorded].map((request) => ({ request, sometimes })) : [])];
  },
  async run({ tables, hooks, git, ...world }) {
    const manifest = manifestOr(world);
    if (isVerdict(manifest)) return manifest;
    const missing = hooksOr(hooks, manifest);
    if (missing) return missing;
    if (!hooks.has('serve')) return lacks('how the model is served', lines.serveHook);
    const evaluation = await tableOr(tables, 'eval');
    if (isVerdict(evaluation)) return evaluation;
    if (evaluation.rows === 0)
      return skipped('inconclusive: data.eval has no rows to ask for', { nextStep: 'Hold out rows under data.eval.' });
    const { current, back, recorded } = drillOf(manifest);
    const release = await git.previousRelease();
    if (back.model.hook === 'train' && (!hooks.has('train') || release === null))
      return skipped('there is no version before this commit to go back to', {
        nextStep: hooks.has('train')
          ? 'Tag each release; the next commit then has one to go back to.'
          : 'Name the registry that keeps the versions: mlflow: { registeredModel: NAME }.',
      });
    const name = back.model.hook === 'given' ? 'the registered version before' : `the release before (${release?.name ?? ''})`;
    try {
      const failing = await hooks.serve(current);
      const [restored, known] = [await hooks.serve(back), await hooks.predict(recorded)];
      const { differing, largest, examples, rows } = await differenceOf(tables, restored, known);
      // Stop what fails, get the model, start it: the answers come after.
      const seconds = failing.stopSeconds + restored.modelSeconds + restored.startSeconds;
      const findings: Finding[] = [];
      if (differing > 0)
        findings.push({
          message: `rolled back to ${name}, ${differing} of ${rows} golden answers are not its own, by up to ${cell(largest)} (ids ${examples.join(', ')})`,
        });
      if (seconds > mostSeconds)
        findings.push({ message: `the way back to ${name} took ${Math.round(seconds)} s, at most ${mostSeconds} s` });
      return judge(findings, {
        explanation: `The server of this commit was stopped and that of ${name} started: ${cell(seconds)} s until it answered, and ${differing === 0 ? `all ${rows} golden answers are those of that model` : `${differing} of ${rows} golden answers differ`}.`,
        value: cell(seconds) as number,
        threshold: mostSeconds,
        unit: 's',
        n: rows,
        items: [
          { step: 'stop the server of this commit', seconds: cell(failing.stopSeconds) },
          {
            step: back.model.hook === 'given' ? 'download the model' : 'make the model of the release before',
            seconds: cell(restored.modelSeconds),
          },
          { step: 'start its server', seconds: cell(restored.startSeconds) },
          { step: `${rows} golden answers compared, ${differing} differ by more than ${answerTolerance}`, seconds: null },
        ],
        inputs: inputsOf(evaluation),
        seed,
        nextStep:
          back.model.hook === 'given'
            ? 'Run the drill on a schedule.'
            : 'Keep models in a registry, so that nothing has to be trained on the way back: mlflow: { registeredModel: NAME }.',
      });
    } catch (error) {
      if (!(error instanceof FlightcheckError) || !isTheirs(error)) throw error;
      return fail(
        [
          {
            message: `the way back to ${name} is blocked: ${error.message}`,
            fix: error.hint,
            ...(error.place && { place: error.place }),
          },
        ],
        {
          explanation: `The drill of a rollback to ${name} failed.`,
          inputs: inputsOf(evaluation),
          nextStep: error.hint,
        },
      );
    }
  },
});
