/** An image from one name to another with the same digest: layers are shared where the registry can, else carried over. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../kernel/failure.ts';
import { formatImage, type ImageReference } from '../../kernel/image.ts';
import { makeTemporary } from '../temporary.ts';
import type { BlobName } from './blob.ts';
import type { Manifest, Registry } from './registry.ts';

type Name = Pick<ImageReference, 'registry' | 'repository'>;

interface Parts {
  readonly config?: BlobName;
  readonly layers?: readonly BlobName[];
  /** Of an index: one for each platform. */
  readonly manifests?: readonly { readonly digest: string }[];
}

/** A blob that the target lacks; between two registries by way of a file. */
export async function carryBlob(registry: Registry, blob: BlobName, from: Name, to: Name): Promise<void> {
  if (await registry.hasBlob(to, blob.digest)) return;
  if (from.registry === to.registry && (await registry.mountBlob(to, blob.digest, from.repository))) return;
  const folder = await makeTemporary('blob');
  try {
    await registry.putBlob(to, await registry.fetchBlob(from, blob, join(folder, 'blob')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts the manifest of `from` under the tag of `to`, after all that it names. */
export async function copyImage(registry: Registry, manifest: Manifest, from: Name, to: ImageReference): Promise<void> {
  if (from.registry !== to.registry || from.repository !== to.repository) {
    const { config, layers = [], manifests = [] } = JSON.parse(manifest.bytes.toString('utf8')) as Parts;
    for (const { digest } of manifests) {
      const one = await registry.manifest(from, digest);
      if (one === null)
        throw new UsageError('PROMOTE_INCOMPLETE', `${formatImage({ ...from, tag: null, digest })} is missing`, {
          hint: 'A part of the image was removed from the registry: build it again.',
        });
      await copyImage(registry, one, from, { ...to, tag: null, digest });
    }
    for (const blob of [...(config ? [config] : []), ...layers]) await carryBlob(registry, blob, from, to);
  }
  await registry.putManifest(to, to.tag ?? manifest.digest, manifest);
}
