/** Reads what a framework left behind: JUnit and Cobertura of unknown origin. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute, posix } from 'node:path';
import { readCobertura } from '../../facts/cobertura.ts';
import { readJunit } from '../../facts/junit.ts';
import { decodeXml } from '../../facts/xml.ts';
import { FlightcheckError } from '../../kernel/failure.ts';
import type { FileCoverage, TestCase, TestProblem } from '../../kernel/unit-tests.ts';
import type { Prepared, TestFiles } from './frameworks.ts';

const mostBytes = 200 * 2 ** 20;

export interface Left {
  readonly cases: readonly TestCase[];
  readonly coverage: readonly FileCoverage[] | null;
  readonly problems: readonly TestProblem[];
  readonly notes: readonly string[];
}

export interface LeftOptions {
  readonly prepared: Prepared;
  readonly files: TestFiles;
  /** The model repo, and the working copy that the tests ran in. */
  readonly root: string;
  readonly copy: string;
  isFile(path: string): boolean;
}

/** Files that hold tests; their own lines are no code that is tested. */
export const isTestFile = (path: string): boolean =>
  /(^|\/)(test_[^/]*|[^/]*_test)\.py$/.test(path) || /(^|\/)testthat\/test[^/]*\.[rR]$/.test(path);
const isTestCode = (path: string): boolean => isTestFile(path) || /(^|\/)(tests?\/|conftest\.py$)/.test(path);

/** The bytes of a plain file; null when it is not there. A link or a pipe in its place is not followed. */
async function bytesOf(path: string): Promise<Uint8Array | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
  if (!file) return null;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return null;
    if (stats.size > mostBytes)
      throw new FlightcheckError(
        'XML_TOO_LARGE',
        `the tests wrote ${Math.round(stats.size / 2 ** 20)} MiB of XML, at most ${mostBytes / 2 ** 20} are read`,
        {
          hint: 'Run fewer tests at a time: tests.paths.',
        },
        2,
      );
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Path inside the repo of a name that may be absolute (in the copy or, of an editable install, in the repo) or relative. */
function insider({ root, copy, isFile }: LeftOptions): (name: string) => string | null {
  return (name) => {
    const inside = [copy, root].find((folder) => name.startsWith(`${folder}/`));
    const relative = posix.normalize(inside === undefined ? name : name.slice(inside.length + 1));
    return !isAbsolute(relative) && isFile(relative) ? relative : null;
  };
}

export async function readLeft(options: LeftOptions): Promise<Left> {
  const { prepared, files } = options;
  const fileOf = insider(options);
  const problems: TestProblem[] = [];
  const notes: string[] = [];
  const attempt = async <T>(
    path: string,
    read: (text: string) => T,
    onFault: (problem: TestProblem) => void,
  ): Promise<T | null> => {
    try {
      const bytes = await bytesOf(path);
      return bytes === null ? null : read(decodeXml(bytes));
    } catch (error) {
      if (!(error instanceof FlightcheckError)) throw error;
      onFault({ code: error.code, message: `${prepared.words}: ${error.message}`, hint: error.hint });
      return null;
    }
  };
  const cases = await attempt(
    files.junit,
    (text) => readJunit(text, { path: 'the JUnit file', fileOf, firstLine: prepared.firstLine }),
    (problem) => problems.push(problem),
  );
  const anywhere = (name: string, sources: readonly string[]): string | null =>
    fileOf(name) ?? sources.map((source) => fileOf(posix.join(source, name))).find((path) => path !== null) ?? null;
  const coverage = await attempt(
    files.coverage,
    (text) => readCobertura(text, { path: 'the coverage file', fileOf: anywhere }),
    (problem) => notes.push(`Coverage was not read: ${problem.message}.`),
  );
  if (prepared.measuresCoverage && coverage === null && notes.length === 0)
    notes.push(`Coverage was not measured: ${prepared.words} left no coverage file.`);
  return { cases: cases ?? [], coverage: coverage?.filter(({ path }) => !isTestCode(path)) ?? null, problems, notes };
}
