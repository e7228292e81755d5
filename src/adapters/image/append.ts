/**
 * The builder without privileges: a layer of code put onto a base image through the registry's API. No RUN, so the base
 * holds the dependencies; the same code on the same base gives the same digest, on every runner.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../kernel/failure.ts';
import { type Builder, type BuildRequest, type ImageReference, parseImage } from '../../kernel/image.ts';
import type { BlobFile } from '../registry/blob.ts';
import { carryBlob } from '../registry/copy.ts';
import { digestOf, type Manifest, type Registry } from '../registry/registry.ts';
import { makeTemporary } from '../temporary.ts';
import { codeLayer } from './layer.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}
interface ImageManifest {
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}
interface Config {
  readonly config?: Readonly<Record<string, unknown>> & { readonly Labels?: Readonly<Record<string, string>> };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history?: readonly unknown[];
}

interface Made {
  readonly base: ImageReference;
  readonly baseLayers: readonly Descriptor[];
  readonly config: Buffer;
  readonly layer: BlobFile;
  readonly manifest: Pick<Manifest, 'mediaType' | 'bytes'>;
}

const json = <T>(bytes: Buffer): T => JSON.parse(bytes.toString('utf8')) as T;
const isDocker = (mediaType: string): boolean => mediaType.includes('docker');

/** The manifest of one platform, whatever the base is. */
async function platformManifest(registry: Registry, base: ImageReference, platform: string): Promise<Manifest> {
  const reference = base.digest ?? base.tag ?? 'latest';
  const found = await registry.manifest(base, reference);
  if (found === null)
    throw new UsageError('BUILD_NO_BASE', `The base image ${base.registry}/${base.repository}@${reference} does not exist`, {
      hint: 'Check image.base in flightcheck.yml.',
    });
  if (!/index|list/.test(found.mediaType)) return found;
  const [os, architecture] = platform.split('/');
  const { manifests } = json<{ manifests: readonly Descriptor[] }>(found.bytes);
  const one = manifests.find((each) => each.platform?.os === os && each.platform?.architecture === architecture);
  const manifest = one ? await registry.manifest(base, one.digest) : null;
  if (manifest === null)
    throw new UsageError('BUILD_NO_BASE', `The base image has nothing for ${platform}`, {
      hint: 'Choose another base or image.platform.',
    });
  return manifest;
}

async function make(registry: Registry, request: BuildRequest, path: string): Promise<Made> {
  const base = request.base === null ? null : parseImage(request.base);
  if (!base?.digest)
    throw new UsageError(
      'BUILD_BASE_UNPINNED',
      `append needs a base image by digest${request.base === null ? '' : `, found ${request.base}`}`,
      {
        hint: 'Build the dependencies once, and name that image: `image: { base: registry.example.com/team/model-base@sha256:... }`.',
      },
    );
  const found = await platformManifest(registry, base, request.platform);
  const old = json<ImageManifest>(found.bytes);
  const config = json<Config>(await registry.blob(base, old.config.digest));
  const { diffId, gzip } = await codeLayer(request.context, request.files, request.code, request.timestamp, path);
  const created = new Date(request.timestamp * 1000).toISOString();
  const docker = isDocker(found.mediaType);
  const newConfig = Buffer.from(
    JSON.stringify({
      ...config,
      created,
      config: {
        ...config.config,
        WorkingDir: request.code,
        ...(request.entrypoint.length > 0 && { Entrypoint: request.entrypoint, Cmd: [] }),
        Labels: { ...config.config?.Labels, ...request.labels },
      },
      rootfs: { ...config.rootfs, diff_ids: [...config.rootfs.diff_ids, diffId] },
      history: [...(config.history ?? []), { created, created_by: 'flightcheck build: code', comment: `base ${base.digest}` }],
    }),
  );
  const layer: Descriptor = {
    mediaType: docker ? 'application/vnd.docker.image.rootfs.diff.tar.gzip' : 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: gzip.digest,
    size: gzip.size,
  };
  const bytes = Buffer.from(
    JSON.stringify({
      ...old,
      config: { ...old.config, digest: digestOf(newConfig), size: newConfig.byteLength },
      layers: [...old.layers, layer],
    }),
  );
  return { base, baseLayers: old.layers, config: newConfig, layer: gzip, manifest: { mediaType: found.mediaType, bytes } };
}

export function appendBuilder(registry: Registry): Builder {
  const made = new Map<string, Made>();
  let folder: Promise<string> | undefined;
  return {
    name: 'append',
    async build(request) {
      folder ??= makeTemporary('layer');
      const image = await make(registry, request, join(await folder, `${made.size}.tar.gz`));
      const id = digestOf(image.manifest.bytes);
      made.set(id, image);
      return { id, bytes: image.config.byteLength + image.layer.size };
    },
    run: async () => null,
    async push({ id }, to) {
      const image = made.get(id);
      if (!image) throw new Error(`${id} was not built here`);
      for (const layer of image.baseLayers) await carryBlob(registry, layer, image.base, to);
      for (const blob of [image.config, image.layer]) {
        const digest = 'path' in blob ? blob.digest : digestOf(blob);
        if (!(await registry.hasBlob(to, digest))) await registry.putBlob(to, blob);
      }
      await registry.putManifest(to, to.tag ?? id, image.manifest);
      return id;
    },
    async close() {
      if (folder) await rm(await folder, { recursive: true, force: true });
    },
  };
}
