/** Files of ours that are read again and again: a hook runs as the same user and could write to them between two statements. */
import { stat } from 'node:fs/promises';
import { EnvironmentError } from '../../kernel/failure.ts';

export interface KeptFiles {
  /** From now on nothing counts once the file has changed. @param what - the file as its owner knows it, for messages */
  keep(path: string, what: string): Promise<void>;
  release(path: string): void;
  /** @throws EnvironmentError TABLE_CHANGED */
  requireUnchanged(): Promise<void>;
}

/** Changes with every write, also one that sets the old times again: nobody sets the time of the change itself. */
async function stampOf(path: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

export function keptFiles(): KeptFiles {
  const kept = new Map<string, { readonly what: string; readonly stamp: string }>();
  return {
    async keep(path, what) {
      kept.set(path, { what, stamp: await stampOf(path) });
    },
    release: (path) => void kept.delete(path),
    async requireUnchanged() {
      for (const [path, { what, stamp }] of kept)
        if ((await stampOf(path).catch(() => null)) !== stamp)
          throw new EnvironmentError('TABLE_CHANGED', `${what}: our copy of it was changed or removed while the checks ran`, {
            hint: 'A hook, or somebody else, wrote into the temporary folder of this run: hooks write where they are told to. Run again.',
          });
    },
  };
}
