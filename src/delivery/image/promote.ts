/** Gives an image that is there another name: the same digest, nothing is built or pulled. */
import { UsageError } from '../../kernel/failure.ts';
import { formatImage, type ImageReference } from '../../kernel/image.ts';
import type { ImageBuild, StepLog } from './build.ts';

export interface PromotionOptions {
  readonly from: ImageReference;
  /** With a tag. */
  readonly to: ImageReference;
  readonly steps: StepLog;
  /** The digest that the registry holds for a name; null when there is none. */
  digestOf(image: ImageReference): Promise<string | null>;
  /** Puts `digest`, of `from`, under the name `to`. */
  copy(digest: string, from: ImageReference, to: ImageReference): Promise<void>;
}

/** What was released under a version stays what it was. */
const isVersion = (tag: string): boolean => /^v?\d+\.\d+\.\d+/.test(tag);

/** Of a tag, as the distribution specification has it. */
const mostCharacters = 128;

const short = (digest: string): string => digest.slice(0, 19);

/** Rejects with REGISTRY_* and PROMOTE_* errors, which stand in the steps too. */
export async function promoteImage({ from, to, steps: log, digestOf, copy }: PromotionOptions): Promise<ImageBuild> {
  const { timed, steps } = log;
  const tag = to.tag ?? '';
  const digest = await timed(
    'source',
    async () => {
      const found = await digestOf(from);
      if (found !== null) return found;
      throw new UsageError('PROMOTE_NO_IMAGE', `The image ${formatImage(from)} does not exist`, {
        hint: 'Name an image that the registry holds, as container-build handed it over (FLIGHTCHECK_RESULT_IMAGE).',
      });
    },
    (found) => ({ outcome: 'pass', words: `${formatImage(from)} is ${short(found)}` }),
  );
  const before = await timed(
    'previous',
    async () => {
      const held = await digestOf(to);
      if (held === null || held === digest) return held;
      if (isVersion(tag))
        throw new UsageError('PROMOTE_RELEASED', `${tag} is ${short(held)} already, and a released version never moves`, {
          hint: 'Release it under a version of its own.',
        });
      const kept = `${tag}-previous`;
      if (kept.length > mostCharacters)
        throw new UsageError(
          'PROMOTE_TAG',
          `${tag} is ${short(held)} already, and ${kept}, which would keep it, has more than ${mostCharacters} characters`,
          { hint: `Give a tag of at most ${mostCharacters - '-previous'.length} characters: --image-tag.` },
        );
      await copy(held, to, { ...to, tag: kept });
      return held;
    },
    (held) => ({
      outcome: 'pass',
      words:
        held === null
          ? `${tag} is new`
          : held === digest
            ? `${tag} is this image already`
            : `what was ${tag} is kept as ${tag}-previous (${short(held)})`,
    }),
  );
  await timed(
    'tag',
    async () => (before === digest ? undefined : copy(digest, from, to)),
    () => ({ outcome: 'pass', words: `${formatImage(to)} is ${short(digest)}` }),
  );
  const held = await timed(
    'digest',
    () => digestOf(to),
    (now) =>
      now === digest
        ? { outcome: 'pass', words: 'the registry holds the same digest under the new name' }
        : { outcome: 'fail', words: `the registry holds ${now ?? 'nothing'} under ${tag}, promoted was ${digest}` },
  );
  const isDone = held === digest;
  return {
    isBuilt: isDone,
    digest: isDone ? digest : null,
    image: isDone ? formatImage({ ...to, tag: null, digest }) : null,
    steps,
    failure: null,
  };
}
