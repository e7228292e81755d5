/** JUnit XML as pytest, testthat and others write it -> test cases. The file is data of unknown origin: nothing in it is believed but read. */
import { UsageError } from '../kernel/failure.ts';
import type { TestCase, TestStatus } from '../kernel/unit-tests.ts';
import { type Attributes, readXml } from './xml.ts';

export const mostCases = 500_000;
const longestName = 1000;
const longestText = 8000;

/** Property that our plugin for pytest and our reporter for testthat write, one for each mark. */
export const markProperty = 'ml_test';
/** What a marked test asserts, where our plugin saw that it is `nothing`. */
export const assertsProperty = 'ml_test_asserts';

export interface JunitOptions {
  /** Path of the file, for messages. */
  readonly path: string;
  /** Path inside the repo of a file that a case names; null when it is none. */
  fileOf(name: string): string | null;
  /** pytest counts lines from 0. */
  readonly firstLine: 0 | 1;
  /** A property of the whole, not of one case. */
  onProperty?(name: string, value: string): void;
}

const statusOf: Readonly<Record<string, TestStatus>> = { failure: 'failed', error: 'error', skipped: 'skipped' };
const order: readonly TestStatus[] = ['passed', 'skipped', 'failed', 'error'];

const clean = (text: string | undefined, most: number): string => (text ?? '').slice(0, most);
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** Marks in a name: `[data-7] hours are in range`, or as testthat's own JUnit rewrites it, `_data_7_hours_are_in_range`. */
export function marksOf(name: string): readonly string[] {
  const marks: string[] = [];
  let rest = name.trimStart();
  for (let found = /^\[([a-z]+-\d{1,3})\]\s*/i.exec(rest); found; found = /^\[([a-z]+-\d{1,3})\]\s*/i.exec(rest)) {
    marks.push((found[1] ?? '').toLowerCase());
    rest = rest.slice(found[0].length);
  }
  const rewritten = /^_(data|model|infra|monitor)_(\d{1,3})_/.exec(rest);
  if (marks.length === 0 && rewritten) marks.push(`${rewritten[1]}-${rewritten[2]}`);
  return marks;
}

/** The case that is being read. */
interface Draft {
  readonly attributes: Attributes;
  readonly suite: string;
  readonly marks: Set<string>;
  assertsNothing: boolean;
  line: string | undefined;
  status: TestStatus;
  message: string;
  text: string;
}

/** `tests/test_a.py:12: AssertionError` at the beginning of a line of a traceback; the last one in the test's own file. */
function failingLine(text: string, file: string | null): number | null {
  if (file === null) return null;
  let line: number | null = null;
  for (const found of text.matchAll(/^(?:File ")?([^\s:"]+)(?:", line |:)(\d{1,7})\b/gm))
    if (found[1] === file || found[1]?.endsWith(`/${file}`)) line = Number(found[2]);
  return line;
}

function caseOf(draft: Draft, options: JunitOptions): TestCase {
  const { attributes, suite, status } = draft;
  const name = clean(oneLine(attributes.name ?? ''), longestName);
  const file = attributes.file === undefined ? null : options.fileOf(attributes.file);
  const given = Number(draft.line ?? attributes.line);
  const written = Number.isSafeInteger(given) && given >= options.firstLine ? given + 1 - options.firstLine : null;
  const seconds = Number(attributes.time ?? 0);
  const text = clean(draft.text.trim(), longestText);
  return {
    suite: clean(oneLine(attributes.classname ?? suite), longestName),
    name,
    status,
    file,
    line: file === null ? null : status === 'failed' || status === 'error' ? (failingLine(text, file) ?? written) : written,
    seconds: Number.isFinite(seconds) && seconds >= 0 ? seconds : 0,
    marks: [...new Set([...draft.marks, ...marksOf(attributes.name ?? '')])].slice(0, 28),
    ...(draft.assertsNothing && { assertsNothing: true }),
    message: clean(oneLine(draft.message === '' ? (text.split('\n').at(-1) ?? '') : draft.message), longestName),
    text,
  };
}

/** Reads cases in their order; a name may come more than once. Throws a UsageError: XML_INVALID, JUNIT_TOO_LARGE. */
export function readJunit(xml: string, options: JunitOptions): readonly TestCase[] {
  const cases: TestCase[] = [];
  const suites: string[] = [];
  let draft: Draft | null = null;
  let isMessage = false;
  let isRoot = true;
  readXml(xml, options.path, {
    open(name, attributes) {
      if (isRoot && name !== 'testsuites' && name !== 'testsuite')
        throw new UsageError('JUNIT_INVALID', `${options.path} is not JUnit: it begins with <${name.slice(0, 60)}>`, {
          hint: 'Let the command write JUnit XML to {junit}.',
          place: { path: options.path, line: 1 },
        });
      isRoot = false;
      if (name === 'testsuite') suites.push(clean(attributes.name, longestName));
      else if (name === 'testcase')
        draft = {
          attributes,
          suite: suites.at(-1) ?? '',
          marks: new Set(),
          assertsNothing: false,
          line: undefined,
          status: 'passed',
          message: '',
          text: '',
        };
      else if (!draft && name === 'property')
        options.onProperty?.(clean(attributes.name, longestName), clean(attributes.value, longestName));
      else if (draft) {
        const status = statusOf[name];
        if (status !== undefined) {
          isMessage = order.indexOf(status) > order.indexOf(draft.status);
          if (isMessage) Object.assign(draft, { status, message: attributes.message ?? '', text: '' });
        } else if (name === 'property' && attributes.name === markProperty)
          draft.marks.add(clean(attributes.value, 40).trim().toLowerCase());
        else if (name === 'property' && attributes.name === assertsProperty)
          draft.assertsNothing ||= attributes.value === 'nothing';
        else if (name === 'property' && attributes.name === 'line') draft.line = attributes.value;
      }
    },
    close(name) {
      if (name === 'testsuite') suites.pop();
      if (statusOf[name] !== undefined) isMessage = false;
      if (name !== 'testcase' || !draft) return;
      // pytest leaves one without a name for the test during which it was stopped: that one has not passed.
      if (draft.attributes.name === undefined) {
        draft = null;
        return;
      }
      if (cases.length >= mostCases)
        throw new UsageError('JUNIT_TOO_LARGE', `${options.path} holds more than ${mostCases.toLocaleString('en')} cases`, {
          hint: 'Run fewer tests at a time: tests.paths.',
        });
      cases.push(caseOf(draft, options));
      draft = null;
    },
    text(part) {
      if (draft && isMessage && draft.text.length < longestText) draft.text += part;
    },
  });
  return cases;
}
