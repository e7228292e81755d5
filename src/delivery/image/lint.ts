/** What the Dockerfile that is about to be built says: a secret ends the build, the rest is told. */
import { readDockerfile } from '../../facts/dockerfile.ts';
import {
  bakedSecrets,
  type DockerfileProblem,
  looseInstalls,
  rootUser,
  uncheckedDownloads,
  unpinnedBases,
} from '../../facts/dockerfile-problems.ts';
import type { Finding } from '../../kernel/check.ts';
import type { BuildStep } from './build.ts';

const fixes = {
  secret: 'Take it out, replace the secret, and hand it over with RUN --mount=type=secret and image.secrets.',
  root: 'Add RUN useradd --uid 10001 --create-home app and USER 10001 at the end.',
  base: 'Name a version and its digest: FROM python:3.11.9-slim@sha256:…',
  download: 'ADD --checksum=sha256:… or fetch it, compare its checksum, then use it.',
  loose: 'Install from a lock file: COPY requirements.lock and RUN pip install --require-hashes -r requirements.lock.',
} as const;

export interface Linted {
  readonly step: BuildStep;
  /** Nothing may be built of it: whoever pulls the image could read the secret. */
  readonly holdsSecret: boolean;
}

/** `path` is where a person finds the text; null for one that was generated. */
export function lintDockerfile(text: string, path: string | null): Linted {
  const dockerfile = readDockerfile(text);
  const name = path ?? 'The generated Dockerfile';
  const as = (problems: readonly DockerfileProblem[], fix: string): readonly Finding[] =>
    problems.map(({ message, line }) => ({ message, fix, ...(path !== null && { place: { path, line } }) }));
  const secrets = as(bakedSecrets(dockerfile), fixes.secret);
  const findings = [
    ...secrets,
    ...as(unpinnedBases(dockerfile), fixes.base),
    ...as(rootUser(dockerfile, name), fixes.root),
    ...as(uncheckedDownloads(dockerfile), fixes.download),
    ...as(looseInstalls(dockerfile), fixes.loose),
  ];
  const step = { id: 'lint', seconds: 0 } as const;
  if (findings.length === 0)
    return { step: { ...step, outcome: 'pass', words: `nothing wrong with ${path ?? 'it'}` }, holdsSecret: false };
  const words = `${findings.length} ${findings.length === 1 ? 'problem' : 'problems'} in ${path ?? 'it'}${secrets.length > 0 ? ', a secret among them: nothing is built' : ''}`;
  return {
    step: { ...step, outcome: 'fail', words, findings, severity: secrets.length > 0 ? 'blocker' : 'major' },
    holdsSecret: secrets.length > 0,
  };
}
