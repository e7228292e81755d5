/** buildah with layers that outlive a build. When something is wrong with them, the image is built anew without, and that is said. */
import { rm } from 'node:fs/promises';
import { FlightcheckError, UsageError } from '../../kernel/failure.ts';
import type { Builder, BuildRequest, BuiltImage } from '../../kernel/image.ts';
import { runCommand } from '../process.ts';
import { type BuildahOptions, openBuildah } from './buildah.ts';
import { type KeptStore, takeStore } from './kept-store.ts';

export interface KeptOptions extends Omit<BuildahOptions, 'store'> {
  /** Absolute folder of the kept layers. */
  readonly cache: string;
  /** Told when the layers of earlier builds are of no use. */
  onNote(words: string): void;
}

/** Without root, files of a store belong to ids that only buildah's namespace has. */
const remover =
  ({ env, signal }: KeptOptions) =>
  async (path: string): Promise<void> => {
    try {
      await rm(path, { recursive: true, force: true });
    } catch {
      const limits = { seconds: 600, memoryBytes: 2 ** 30, outputBytes: 2 ** 20 };
      const argv = ['buildah', 'unshare', 'rm', '-rf', '--', path];
      await runCommand({ argv, cwd: '/', folder: path, env, limits, signal }).catch(() => undefined);
    }
  };

const isDamaged = (error: unknown): error is FlightcheckError =>
  error instanceof FlightcheckError && error.code === 'BUILD_STORE_DAMAGED';

export async function openKeptBuildah(options: KeptOptions): Promise<Builder & { readonly isWarm: boolean }> {
  const taken = await takeStore(options.cache, remover(options)).catch((error: Error) => {
    options.onNote(`No layers are kept in ${options.cache}: ${error.message}`);
    return null;
  });
  const { cache: _, onNote, ...plain } = options;
  let kept: KeptStore | null = taken;
  let builder = await openBuildah({ ...plain, ...(taken && { store: taken.path }) });
  let request: BuildRequest | undefined;
  let tried: readonly string[] | null = null;
  /** What took the place of an image that was built on damaged layers. */
  let instead: BuiltImage | null = null;

  const orAnew = async <T>(work: () => Promise<T>, again: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!isDamaged(error) || kept === null) throw error;
      onNote(`${error.message}\nThe kept layers are thrown away, and the image is built anew.`);
      await builder.close();
      await kept.discard();
      kept = null;
      builder = await openBuildah(plain);
      return again();
    }
  };
  const rebuilt = async (): Promise<BuiltImage> => {
    if (!request) throw new Error('nothing was built');
    instead = await builder.build(request);
    return instead;
  };
  /** A trial of the image that was built on damaged layers is none of this one. */
  const retried = async (): Promise<BuiltImage> => {
    const image = await rebuilt();
    const run = tried && (await builder.run(image, tried));
    if (run && run.exitCode !== 0)
      throw new UsageError('BUILD_FAILED', `${tried?.join(' ')} ended with exit code ${run.exitCode} in the image built anew`, {
        hint: `Its last lines: ${run.tail.slice(-5).join('\n')}`,
      });
    return image;
  };

  return {
    name: 'buildah',
    isWarm: taken?.isWarm === true,
    async build(asked, how) {
      request = asked;
      return orAnew(
        () => builder.build(asked, how),
        () => builder.build(asked, how),
      );
    },
    async run(image, command) {
      tried = command;
      return orAnew(
        () => builder.run(instead ?? image, command),
        async () => builder.run(await rebuilt(), command),
      );
    },
    push: (image, to) =>
      orAnew(
        () => builder.push(instead ?? image, to),
        async () => builder.push(await retried(), to),
      ),
    async close() {
      await builder.close();
      // What a killed command left behind is not what the next build should stand on.
      await (options.signal.aborted ? kept?.discard() : kept?.keep());
    },
  };
}
