/** The images of a DAG, as their registries hold them before it is delivered: a pod whose image is gone never starts. */
import type { DagSpec } from '../dag/spec.ts';
import type { Result } from './deployment.ts';

export interface ImageStore {
  /** Whether its registry holds an image that is named by digest; why not, where that cannot be told. */
  has(image: string): Promise<boolean | { readonly unknown: string }>;
}

/** Rejects when a registry answers with something else than what a digest names. */
export async function judgeImages(store: ImageStore, { tasks }: DagSpec): Promise<Result> {
  const images = [...new Set(tasks.flatMap(({ image }) => image ?? []))];
  const found = await Promise.all(images.map(async (image) => ({ image, state: await store.has(image) })));
  const gone = found.filter(({ state }) => state === false).map(({ image }) => image);
  if (gone.length > 0) {
    const waiting = tasks.filter(({ image }) => image !== null && gone.includes(image)).map(({ id }) => id);
    const words = `${gone.join(', ')}: gone from the registry, and ${waiting.join(', ')} would wait for it`;
    return { outcome: 'fail', words: `${words}. Build it again, or give CI_REGISTRY_USER of an account that may see it` };
  }
  const unknown = found.flatMap(({ image, state }) => (typeof state === 'object' ? `${image}: ${state.unknown}` : []));
  return unknown.length > 0
    ? { outcome: 'skipped', words: `it is not known whether the registry holds ${unknown.join('; ')}` }
    : { outcome: 'pass', words: `the registry holds ${images.join(', ')}` };
}
