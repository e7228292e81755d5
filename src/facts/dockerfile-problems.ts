/** What is wrong with a Dockerfile, by line: for the rules of the structure and for the build, which looks at what it builds. */
import type { Dockerfile } from './dockerfile.ts';
import { looseInstallsIn } from './pip-install.ts';
import { looksRandom, secretsIn } from './secrets.ts';

export interface DockerfileProblem {
  readonly message: string;
  readonly line: number;
}

/** Images whose content changes under their name. A version is enough unless `needsDigest`. */
export const unpinnedBases = ({ stages }: Dockerfile, needsDigest = false): readonly DockerfileProblem[] =>
  stages.flatMap(({ image, tag, digest, isInternal, line }) => {
    if (isInternal || digest !== null) return [];
    if (tag === null) return [{ message: `${image} has no version`, line }];
    if (!/\d/.test(tag)) return [{ message: `${image}:${tag} is no fixed version`, line }];
    return needsDigest ? [{ message: `${image}:${tag} has no digest`, line }] : [];
  });

/** Images that already run as somebody else. */
const unprivileged = /nonroot|distroless|chainguard|bitnami|jupyter\/|apache\/airflow|mambaorg\/micromamba|unprivileged/i;

/** A container that runs as root. */
export function rootUser({ stages }: Dockerfile, path: string): readonly DockerfileProblem[] {
  const last = stages.at(-1);
  if (!last) return [{ message: `${path} has no FROM`, line: 1 }];
  if (last.user === null && unprivileged.test(`${last.image}:${last.tag}`)) return [];
  if (last.user === null) return [{ message: `${path} sets no USER, the container runs as root`, line: last.line }];
  return /^(root|0)(:|$)/.test(last.user.name)
    ? [{ message: `${path} ends with USER ${last.user.name}`, line: last.user.line }]
    : [];
}

const telling = /\b(\w{0,60}(?:TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|ACCESS_KEY)\w{0,60})[= ]["']?([^\s"']+)/gi;

function secretOf(keyword: string, text: string): string | null {
  if (keyword !== 'ENV' && keyword !== 'ARG') return null;
  if (secretsIn(text).length > 0) return `${keyword} holds a secret`;
  const named = [...text.matchAll(telling)].find((match) => looksRandom(match[2] ?? '') && (match[2] ?? '').length >= 12);
  return named ? `${keyword} ${named[1]} holds a secret, which stays in the image's history` : null;
}

/** Secrets in clear: whoever can pull the image can read them. */
export const bakedSecrets = ({ instructions }: Dockerfile): readonly DockerfileProblem[] =>
  instructions.flatMap(({ keyword, arguments: text, line }) => {
    const message = secretOf(keyword, text);
    return message === null ? [] : [{ message, line }];
  });

function downloadOf(keyword: string, text: string): string | null {
  if (keyword === 'ADD' && /^(?:--(?!checksum)\S+\s+)*https?:\/\//.test(text.trim()))
    return 'ADD fetches a URL without a checksum';
  if (keyword === 'RUN' && /\b(?:curl|wget)\b[^|;&]{0,500}\|\s*(?:sudo\s+)?(?:ba|z)?sh\b/.test(text))
    return 'RUN pipes a download into a shell';
  return null;
}

/** Somebody else's files, which can be others tomorrow. */
export const uncheckedDownloads = ({ instructions }: Dockerfile): readonly DockerfileProblem[] =>
  instructions.flatMap(({ keyword, arguments: text, line }) => {
    const message = downloadOf(keyword, text);
    return message === null ? [] : [{ message, line }];
  });

/** Packages that RUN installs without a lock file or a version. */
export const looseInstalls = ({ instructions }: Dockerfile): readonly DockerfileProblem[] =>
  instructions
    .filter(({ keyword }) => keyword === 'RUN')
    .flatMap(({ arguments: text, line }) => {
      const names = looseInstallsIn(text);
      return names.length === 0
        ? []
        : [{ message: `RUN installs ${names.slice(0, 5).join(', ')} in whatever version there is`, line }];
    });
