/** The unit tests' results as data of another job: believed only when they are of this very state of the repo. */
import { readCobertura } from '../../facts/cobertura.ts';
import { readJunit } from '../../facts/junit.ts';
import { FlightcheckError, toFailure } from '../../kernel/failure.ts';
import type { TestCase, UnitTestRun } from '../../kernel/unit-tests.ts';
import type { Answer, UnitTests } from '../../kernel/world.ts';

export const resultFiles = { junit: 'test.junit.xml', coverage: 'test.coverage.xml' } as const;

export interface StoredTests {
  /** Output folder inside the repo. */
  readonly folder: string;
  /** Text of a file by its path inside the repo; null when it is not there. Throws a FlightcheckError when it cannot be read. */
  read(path: string): Promise<string | null>;
  isFile(path: string): boolean;
  /** What is judged now. */
  readonly commit: string | null;
  /** Hash of the working tree; null in a pipeline, where jobs leave files of their own beside the commit's. */
  readonly tree: (() => Promise<string>) | null;
}

const howTo = 'run flightcheck test on this state of the repo first; in a pipeline, include the component unit-tests';

/** Reads at once, before any code of the repo could change the files. */
export function storedUnitTests(stored: StoredTests): UnitTests {
  const read = readStored(stored).catch((error: unknown): Answer<UnitTestRun> => {
    if (!(error instanceof FlightcheckError)) throw error;
    return { ok: false, isAbsent: false, reason: `the results of the unit tests cannot be read: ${toFailure(error).message}` };
  });
  read.catch(() => {});
  return { latest: () => read };
}

async function readStored({ folder, read, isFile, commit, tree }: StoredTests): Promise<Answer<UnitTestRun>> {
  const [junit, coverage] = [`${folder}/${resultFiles.junit}`, `${folder}/${resultFiles.coverage}`];
  const absent = (reason: string): Answer<UnitTestRun> => ({ ok: false, isAbsent: true, reason: `${reason}: ${howTo}` });
  const xml = await read(junit);
  if (xml === null) return absent(`the unit tests were not run (there is no ${junit})`);
  const facts = new Map<string, string>();
  const notes: string[] = [];
  const fileOf = (name: string): string | null => (isFile(name) ? name : null);
  const all = readJunit(xml, {
    ...{ path: junit, fileOf, firstLine: 1 },
    onProperty: (name, value) => (name === 'flightcheck.note' ? void notes.push(value) : void facts.set(name, value)),
  });
  const of = facts.get('flightcheck.commit');
  if (of === undefined) return absent(`${junit} was not written by flightcheck test`);
  if (of !== (commit ?? ''))
    return absent(
      `the unit tests were last run on ${of === '' ? 'no commit' : `commit ${of.slice(0, 8)}`}, and this is ${commit?.slice(0, 8) ?? 'none'}`,
    );
  if (tree !== null && facts.get('flightcheck.tree') !== (await tree()))
    return absent('files have changed since the unit tests were run');
  const isOurs = ({ suite, status }: TestCase): boolean => suite === 'flightcheck' && status === 'error';
  const lines = await read(coverage);
  return {
    ok: true,
    value: {
      at: facts.get('flightcheck.at') ?? '',
      commit,
      tree: facts.get('flightcheck.tree') ?? '',
      cases: all.filter((test) => !isOurs(test)),
      coverage: lines === null ? null : readCobertura(lines, { path: coverage, fileOf }),
      problems: all
        .filter(isOurs)
        .map(({ name, message }) => ({ code: name, message, hint: 'Run flightcheck test and see what it says.' })),
      notes,
    },
  };
}
