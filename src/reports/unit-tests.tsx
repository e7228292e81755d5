/** Unit tests in the two formats that GitLab reads: JUnit with one case for each test, and Cobertura. JSX does the escaping. */
import { coverageOf, type TestCase, type UnitTestRun } from '../kernel/unit-tests.ts';
import { cleanText, clip, oneLine } from './text.ts';

/** GitLab refuses a file over 30 MB. */
const largestFile = 29_000_000;

/** Class name of cases that are no tests: what kept the tests from ending as they should. */
const ours = 'flightcheck';

const elements = { failed: 'failure', error: 'error', skipped: 'skipped' } as const;

function Case({ test }: { readonly test: TestCase }) {
  const { suite, name, file, line, seconds, marks, assertsNothing, status, message, text } = test;
  const Tag = status === 'passed' ? null : elements[status];
  return (
    <testcase
      classname={oneLine(suite)}
      name={oneLine(name)}
      {...(file !== null && { file: oneLine(file) })}
      {...(line !== null && { line: String(line) })}
      time={seconds.toFixed(3)}
    >
      {marks.length > 0 && (
        <properties>
          {marks.map((mark) => (
            <property name="ml_test" value={oneLine(mark)} />
          ))}
          {assertsNothing && <property name="ml_test_asserts" value="nothing" />}
        </properties>
      )}
      {Tag && <Tag message={oneLine(clip(message, 500))}>{cleanText(text)}</Tag>}
    </testcase>
  );
}

const isBroken = ({ status }: TestCase): boolean => status === 'failed' || status === 'error';

/** What matters first, should the file grow too large: failures, then marked tests, then the rest, each in their order. */
function chosen(cases: readonly TestCase[]): { readonly kept: readonly string[]; readonly left: number } {
  const rank = (test: TestCase): number => (isBroken(test) ? 0 : test.marks.length > 0 ? 1 : 2);
  const kept: { index: number; xml: string }[] = [];
  let [bytes, left] = [0, 0];
  for (const { test, index } of cases.map((test, index) => ({ test, index })).sort((a, b) => rank(a.test) - rank(b.test))) {
    const xml = String(<Case test={test} />);
    bytes += Buffer.byteLength(xml) + 1;
    if (bytes > largestFile) left += 1;
    else kept.push({ index, xml });
  }
  return { kept: kept.sort((a, b) => a.index - b.index).map(({ xml }) => xml), left };
}

/** Names are unique in a suite, as GitLab shows the first of two only; the properties say what state of the repo was tested. */
export function renderUnitTestJunit({ at, commit, tree, cases, problems, notes }: UnitTestRun): string {
  const troubles = problems.map(({ code, message, hint }): TestCase => {
    const text = `${message}\nFix: ${hint}`;
    return { suite: ours, name: code, status: 'error', file: null, line: null, seconds: 0, marks: [], message, text };
  });
  const all = [...troubles, ...cases];
  const { kept, left } = chosen(all);
  const count = (status: TestCase['status']) => all.filter((test) => test.status === status).length;
  const seconds = cases.reduce((sum, test) => sum + test.seconds, 0).toFixed(3);
  const totals = `tests="${all.length}" failures="${count('failed')}" errors="${count('error')}" skipped="${count('skipped')}" time="${seconds}"`;
  const facts = { commit: commit ?? '', tree, at, ...(left > 0 && { left: String(left) }) };
  const properties = (
    <properties>
      {Object.entries(facts).map(([name, value]) => (
        <property name={`flightcheck.${name}`} value={value} />
      ))}
      {notes.map((note) => (
        <property name="flightcheck.note" value={oneLine(clip(note, 1000))} />
      ))}
    </properties>
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `<testsuite name="unit tests" timestamp="${at.slice(0, 19)}" ${totals}>`,
    String(properties),
    ...kept,
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** Paths are relative to the repo; null when nothing was measured. */
export function renderCobertura({ coverage, at }: Pick<UnitTestRun, 'coverage' | 'at'>): string | null {
  if (coverage === null) return null;
  const rate = (share: number | null): string => (share ?? 0).toFixed(4);
  const total = coverageOf(coverage);
  const lines = coverage.reduce((sum, file) => sum + file.lines.length, 0);
  const covered = coverage.reduce((sum, file) => sum + file.lines.filter(({ hits }) => hits > 0).length, 0);
  const classes = coverage.map((file) =>
    String(
      <class
        name={oneLine(file.path)}
        filename={oneLine(file.path)}
        line-rate={rate(coverageOf([file]))}
        branch-rate="0"
        complexity="0"
      >
        <methods />
        <lines>
          {file.lines.map(({ line, hits }) => (
            <line number={String(line)} hits={String(hits)} />
          ))}
        </lines>
      </class>,
    ),
  );
  const totals = `line-rate="${rate(total)}" lines-covered="${covered}" lines-valid="${lines}" branch-rate="0" branches-covered="0" branches-valid="0" complexity="0" version="1" timestamp="${Date.parse(at)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<coverage ${totals}>`,
    '<sources><source>.</source></sources>',
    `<packages><package name="." line-rate="${rate(total)}" branch-rate="0" complexity="0"><classes>`,
    ...classes,
    '</classes></package></packages>',
    '</coverage>',
    '',
  ].join('\n');
}
