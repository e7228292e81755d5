/** Builds an image, tries it, pushes it and reads back what the registry really holds. */
import { FlightcheckError } from '../../kernel/failure.ts';
import type { Builder, BuildRequest, ImageReference } from '../../kernel/image.ts';
import type { Step } from '../steps.ts';

export type BuildStepId =
  | 'builder'
  | 'sbom'
  | 'lint'
  | 'image'
  | 'reproducible'
  | 'smoke'
  | 'push'
  | 'digest'
  | 'source'
  | 'previous'
  | 'tag';
export type BuildStep = Step<BuildStepId>;

export interface ImageBuild {
  readonly isBuilt: boolean;
  /** `registry/repository@sha256:...` as the registry holds it; null when nothing was pushed. */
  readonly image: string | null;
  readonly digest: string | null;
  readonly steps: readonly BuildStep[];
  /** What ended it, when that was a tool or a service; the step that it ended says the same. */
  readonly failure: FlightcheckError | null;
}

export interface ImageBuildOptions {
  readonly builder: Builder;
  readonly request: BuildRequest;
  /** Null builds without pushing. */
  readonly to: ImageReference | null;
  /** Null: no smoke run. */
  readonly smoke: readonly string[] | null;
  readonly reproducible: 'report' | 'require' | 'off';
  readonly steps: StepLog;
  /** The digest that the registry holds for a tag; null when there is none. */
  digestOf(image: ImageReference): Promise<string | null>;
}

/** Takes the steps of an action down, in turn, with their times. */
export interface StepLog {
  readonly steps: readonly BuildStep[];
  note(step: BuildStep): void;
  /** Does one; when it meets a FlightcheckError, the step has failed with these words, and the error goes on. */
  timed<T>(id: BuildStepId, work: () => Promise<T>, words: (done: T) => Omit<BuildStep, 'id' | 'seconds'>): Promise<T>;
}

export function startSteps(onStep: (step: BuildStep) => void = () => undefined): StepLog {
  const steps: BuildStep[] = [];
  const note = (step: BuildStep): void => {
    steps.push(step);
    onStep(step);
  };
  return {
    steps,
    note,
    async timed(id, work, words) {
      const started = performance.now();
      const seconds = (): number => (performance.now() - started) / 1000;
      try {
        const done = await work();
        note({ id, seconds: seconds(), ...words(done) });
        return done;
      } catch (error) {
        if (error instanceof FlightcheckError) {
          const { message, hint, place } = error;
          const findings = [{ message, fix: hint, ...(place && { place }) }];
          note({ id, seconds: seconds(), outcome: 'fail', words: message.split('\n')[0] ?? '', findings });
        }
        throw error;
      }
    },
  };
}

/** What was done until a tool or a service ended it; any other error is a bug and goes on. */
export async function untilFailure<T>(log: StepLog, work: () => Promise<T>): Promise<T | ImageBuild> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FlightcheckError)) throw error;
    return { isBuilt: false, image: null, digest: null, steps: log.steps, failure: error };
  }
}

/** Rejects with BUILD_* and REGISTRY_* errors, which stand in the steps too; a smoke run that fails and a digest that differs are steps that fail. */
export async function buildImage(options: ImageBuildOptions): Promise<ImageBuild> {
  const { builder, request, to } = options;
  const { steps, timed } = options.steps;
  const end = (isBuilt: boolean, digest: string | null = null): ImageBuild => ({
    isBuilt,
    digest,
    image: digest === null || to === null ? null : `${to.registry}/${to.repository}@${digest}`,
    steps,
    failure: null,
  });
  const image = await timed(
    'image',
    // A layer of an older build, out of a cache, keeps older stamps.
    () => builder.build(request, { isFresh: options.reproducible !== 'off' }),
    ({ id }) => ({ outcome: 'pass', words: `${builder.name} built ${id.slice(0, 19)}` }),
  );
  if (options.reproducible !== 'off') {
    const again = await timed(
      'reproducible',
      () => builder.build(request, { isFresh: true }),
      (second) => ({
        outcome: second.id === image.id ? 'pass' : options.reproducible === 'require' ? 'fail' : 'skipped',
        words:
          second.id === image.id ? 'built twice, the same digest' : `built twice, and the second is ${second.id.slice(0, 19)}`,
      }),
    );
    if (again.id !== image.id && options.reproducible === 'require') return end(false);
  }
  if (options.smoke !== null) {
    const { smoke } = options;
    const tried = await timed(
      'smoke',
      () => builder.run(image, smoke),
      (run) =>
        run === null
          ? { outcome: 'skipped', words: `${builder.name} cannot run an image; its first task will` }
          : run.exitCode === 0
            ? { outcome: 'pass', words: `${smoke.join(' ')} ended well` }
            : { outcome: 'fail', words: `${smoke.join(' ')} ended with exit code ${run.exitCode}`, trace: run.tail.join('\n') },
    );
    if (tried !== null && tried.exitCode !== 0) return end(false);
  }
  if (to === null) return end(true);
  const pushed = await timed(
    'push',
    () => builder.push(image, to),
    (digest) => ({ outcome: 'pass', words: `${digest.slice(0, 19)} pushed to ${to.registry}/${to.repository}:${to.tag}` }),
  );
  const held = await timed(
    'digest',
    () => options.digestOf(to),
    (digest) =>
      digest === pushed
        ? { outcome: 'pass', words: 'the registry holds the digest that was pushed' }
        : { outcome: 'fail', words: `the registry holds ${digest ?? 'nothing'} under ${to.tag}, pushed was ${pushed}` },
  );
  return held === pushed ? end(true, pushed) : end(false);
}
