/** A Dockerfile for a repo that has none: non-root, dependencies before code, lock file only, no development files. */

export interface DockerfileFacts {
  readonly language: 'python' | 'r';
  /** By digest, or the language's official image with its version. */
  readonly base: string;
  /** Folder in the image that holds the code. */
  readonly code: string;
  /** Lock file that pip or renv installs from; null when the code needs no package. */
  readonly lock: string | null;
  /** Files and folders of the repo that the model needs at run time. */
  readonly paths: readonly string[];
  readonly entrypoint: readonly string[];
}

/** Official images; the version is the repo's own where it names one. */
export const officialBase = (language: 'python' | 'r', version: string | null): string =>
  language === 'python'
    ? `docker.io/library/python:${version ?? '3.11'}-slim-bookworm`
    : `docker.io/rocker/r-ver:${version ?? '4.2.2'}`;

/** 1980, the earliest time of a zip: packages get the same bytes on any day, and a new commit does not install them again. */
const sameDay = 'export SOURCE_DATE_EPOCH=315532800 &&';

const installs = (language: 'python' | 'r', lock: string): readonly string[] => {
  if (language === 'r')
    return [
      `COPY ${JSON.stringify([lock, './'])}`,
      `RUN ${sameDay} Rscript -e 'install.packages("renv"); renv::restore(lockfile = "${lock}", library = .libPaths()[1], prompt = FALSE)'`,
    ];
  if (lock === 'uv.lock')
    return [
      'COPY ["pyproject.toml", "uv.lock", "./"]',
      `RUN ${sameDay} pip install --no-cache-dir uv && uv sync --frozen --no-dev --no-install-project`,
    ];
  if (lock === 'poetry.lock')
    return [
      'COPY ["pyproject.toml", "poetry.lock", "./"]',
      `RUN ${sameDay} pip install --no-cache-dir poetry && poetry config virtualenvs.create false && poetry install --only main --no-root`,
    ];
  return [`COPY ${JSON.stringify([lock, './'])}`, `RUN ${sameDay} pip install --no-cache-dir --no-compile -r ${lock}`];
};

/** The text; the same facts give the same bytes. */
export function generateDockerfile({ language, base, code, lock, paths, entrypoint }: DockerfileFacts): string {
  const lines = [
    '# Written by flightcheck build; copy it into the repo as Dockerfile to change it.',
    `FROM ${base}`,
    `WORKDIR ${code}`,
    ...(language === 'python' ? ['ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1', `ENV PYTHONPATH=${code}/src:${code}`] : []),
    `RUN ${sameDay} useradd --uid 10001 --no-create-home model`,
    ...(lock === null ? [] : installs(language, lock)),
    ...paths.map((path) => `COPY ${JSON.stringify([path, `./${path}`])}`),
    'USER 10001',
    ...(entrypoint.length === 0 ? [] : [`ENTRYPOINT ${JSON.stringify(entrypoint)}`]),
  ];
  return `${lines.join('\n')}\n`;
}
