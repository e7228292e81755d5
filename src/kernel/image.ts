/** Container images as data, and the port of whoever builds them. */

/** `registry.example.com:5000/group/model:1@sha256:...`, taken apart. */
export interface ImageReference {
  /** Host with its port. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | null;
  /** `sha256:<hex>`. */
  readonly digest: string | null;
}

/** Everything that a build depends on. The same request gives the same image on one class of runners. */
export interface BuildRequest {
  /** Absolute folder that is built from. */
  readonly context: string;
  /** Files of the context, sorted, relative to it: what Git tracks. */
  readonly files: readonly string[];
  /** Text of the Dockerfile. */
  readonly dockerfile: string;
  /** Base image, by digest; what `append` stands on. */
  readonly base: string | null;
  /** Folder in the image. */
  readonly code: string;
  readonly entrypoint: readonly string[];
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Build secrets by id; values never reach an argument or a log. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: string;
  /** Seconds since 1970: the commit's time, which every stamp in the image is set to. */
  readonly timestamp: number;
}

export interface BuiltImage {
  /** What the builder calls it. */
  readonly id: string;
  readonly bytes: number | null;
}

export type BuilderName = 'buildah' | 'buildkit' | 'append';

/** A way to make an image. Every member rejects with an EnvironmentError or UsageError `BUILD_*` with the tool's last lines. */
export interface Builder {
  readonly name: BuilderName;
  /** `isFresh` uses nothing of an earlier build. */
  build(request: BuildRequest, options?: { readonly isFresh: boolean }): Promise<BuiltImage>;
  /** Runs a command in the image; the exit code and the last lines. Null where this builder cannot run anything. */
  run(
    image: BuiltImage,
    command: readonly string[],
  ): Promise<{ readonly exitCode: number; readonly tail: readonly string[] } | null>;
  /** Pushes and returns the digest that the builder computed. */
  push(image: BuiltImage, to: ImageReference): Promise<string>;
  close(): Promise<void>;
}

const imagePattern =
  /^(?:((?:[a-z0-9-]+\.)+[a-z0-9-]+(?::\d+)?|[a-z0-9-]+:\d+|localhost)\/)?([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;

/** Reads a reference; null when it is none. Without a host it is Docker Hub's. */
export function parseImage(text: string): ImageReference | null {
  const match = imagePattern.exec(text);
  if (!match) return null;
  const [, registry, repository = '', tag, digest] = match;
  const isHub = registry === undefined;
  return {
    registry: registry ?? 'registry-1.docker.io',
    repository: isHub && !repository.includes('/') ? `library/${repository}` : repository,
    tag: tag ?? null,
    digest: digest ?? null,
  };
}

/** Whether a registry (host, with its port) is on this machine: it alone may be spoken to without TLS. */
export const isOnThisMachine = (registry: string): boolean => /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(registry);

export const formatImage = ({ registry, repository, tag, digest }: ImageReference): string =>
  `${registry}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
