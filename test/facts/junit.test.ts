import { describe, expect, test } from 'vitest';
import { readCobertura } from '../../src/facts/cobertura.ts';
import { marksOf, readJunit } from '../../src/facts/junit.ts';
import { decodeXml } from '../../src/facts/xml.ts';
import { coverageOf, mergeCases, mergeCoverage } from '../../src/kernel/unit-tests.ts';

const read = (xml: string, firstLine: 0 | 1 = 1) =>
  readJunit(xml, { path: 'junit.xml', fileOf: (name) => (name.startsWith('tests/') ? name : null), firstLine });
const suite = (inner: string) => `<?xml version="1.0"?><testsuites><testsuite name="s">${inner}</testsuite></testsuites>`;

describe('JUnit', () => {
  test('a case has its status, place, marks and the last line of the traceback in its own file', () => {
    const xml = suite(`<testcase classname="tests.test_a" name="test_x[1]" file="tests/test_a.py" line="9" time="0.5">
      <properties><property name="ml_test" value="data-7"/></properties>
      <failure message="assert 1 == 2">helper\ntests/test_a.py:12: in test_x\n    f()\nother.py:3: AssertionError</failure>
    </testcase>`);
    expect(read(xml, 0)).toEqual([
      {
        suite: 'tests.test_a',
        name: 'test_x[1]',
        status: 'failed',
        file: 'tests/test_a.py',
        line: 12,
        seconds: 0.5,
        marks: ['data-7'],
        message: 'assert 1 == 2',
        text: 'helper\ntests/test_a.py:12: in test_x\n    f()\nother.py:3: AssertionError',
      },
    ]);
  });

  test('a passing case has the line of its definition, counted from 1 whatever the framework counts from', () => {
    const xml = suite('<testcase name="a" file="tests/test_a.py" line="0"/>');
    expect(read(xml, 0)[0]).toMatchObject({ line: 1, suite: 's', status: 'passed' });
    expect(read(xml, 1)[0]).toMatchObject({ line: null });
  });

  test('what lies outside the repo, numbers that are none and names of megabytes do no harm', () => {
    const [found] = read(suite(`<testcase name="${'n'.repeat(2_000_000)}" file="/etc/passwd" line="-3" time="NaN"/>`));
    expect(found).toMatchObject({ file: null, line: null, seconds: 0 });
    expect(found?.name.length).toBe(1000);
  });

  test('the worst of a name stands, times add up, marks join', () => {
    const cases = read(
      suite(`<testcase name="t" time="1"/><testcase name="t" time="2"><failure message="no">x</failure></testcase>
        <testcase name="t" time="3"><properties><property name="ml_test" value="infra-2"/></properties></testcase>`),
    );
    expect(mergeCases(cases)).toMatchObject([{ name: 't', status: 'failed', seconds: 6, message: 'no', marks: ['infra-2'] }]);
  });

  test('an error outranks a failure, a failure a skip, inside one case too', () => {
    const [found] = read(
      suite('<testcase name="t"><skipped message="later"/><error message="boom">trace</error><failure/></testcase>'),
    );
    expect(found).toMatchObject({ status: 'error', message: 'boom', text: 'trace' });
  });

  test('a case without a name is none', () => {
    expect(read(suite('<testcase time="0"/><testcase name=""/>'))).toMatchObject([{ name: '' }]);
  });

  test('100,000 cases are read, in their order', () => {
    const xml = suite(Array.from({ length: 100_000 }, (_, i) => `<testcase classname="c" name="t${i}" time="0"/>`).join(''));
    const cases = mergeCases(read(xml));
    expect(cases).toHaveLength(100_000);
    expect(cases[99_999]?.name).toBe('t99999');
  });

  test.each([
    [
      'billion laughs',
      '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><testsuites><testsuite><testcase name="&b;"/></testsuite></testsuites>',
      'document type',
    ],
    ['an external entity', '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuites/>', 'document type'],
    ['an entity nobody declared', suite('<testcase name="&xxe;"/>'), 'entity'],
    ['nesting without end', `${'<testsuite>'.repeat(100_000)}`, 'nested deeper than 100'],
    ['half a file', '<testsuites><testsuite><testcase name="a">', 'unclosed'],
    ['no XML', 'ok 1 - all well', 'XML'],
    ['other XML', '<html/>', 'begins with <html>'],
    ['nothing', '', 'XML'],
  ])('%s is refused in words', (_, xml, words) => {
    expect(() => read(xml)).toThrow(new RegExp(words, 'i'));
  });

  test('bytes that are not UTF-8 and characters that XML forbids are replaced; a declared encoding is used', () => {
    const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
    expect(read(decodeXml(bytes(suite('<testcase name="caf\u00e9 \u0007 &#0; &#x1b;"/>'))))[0]?.name).toBe(
      'caf\ufffd \ufffd \ufffd \ufffd',
    );
    const latin = '<?xml version="1.0" encoding="ISO-8859-1"?><testsuite><testcase name="caf\u00e9"/></testsuite>';
    expect(read(decodeXml(bytes(latin)))[0]?.name).toBe('café');
    const unheard = '<?xml version="1.0" encoding="x-klingon"?><testsuite><testcase name="a"/></testsuite>';
    expect(read(decodeXml(bytes(unheard)))[0]?.name).toBe('a');
  });

  test.each([
    ['[data-7] hours are in range', ['data-7']],
    ['[data-7] [Infra-2] both', ['data-7', 'infra-2']],
    ['_data_7_hours_are_in_0..23', ['data-7']],
    ['[data-9] no such test', ['data-9']],
    ['hours of [data-7]', []],
    ['[1:3] slices', []],
  ])('marks of the name %s', (name, marks) => {
    expect(marksOf(name)).toEqual(marks);
  });
});

describe('Cobertura', () => {
  const fileOf = (name: string, sources: readonly string[]) =>
    [name, ...sources.map((source) => `${source}/${name}`)]
      .map((path) => path.replace('/copy/', ''))
      .find((path) => path.startsWith('src/')) ?? null;
  const xml = (classes: string) =>
    `<?xml version="1.0"?><coverage><sources><source>/copy/src</source></sources><packages><package><classes>${classes}</classes></package></packages></coverage>`;

  test('lines by file, joined over classes and methods; other files are left out', () => {
    const found = readCobertura(
      xml(`<class filename="b.py"><methods><method><lines><line number="2" hits="1"/></lines></method></methods><lines><line number="2" hits="0"/><line number="1" hits="3"/></lines></class>
        <class filename="a.py"><lines><line number="1" hits="0"/></lines></class><class filename="/usr/lib/x.py"><lines><line number="1" hits="9"/></lines></class>`),
      { path: 'coverage.xml', fileOf: (name, sources) => (name.startsWith('/usr') ? null : fileOf(name, sources)) },
    );
    expect(found).toEqual([
      { path: 'src/a.py', lines: [{ line: 1, hits: 0 }] },
      {
        path: 'src/b.py',
        lines: [
          { line: 1, hits: 3 },
          { line: 2, hits: 1 },
        ],
      },
    ]);
    expect(coverageOf(found)).toBeCloseTo(2 / 3);
    expect(mergeCoverage([...found, { path: 'src/a.py', lines: [{ line: 1, hits: 4 }] }])[0]?.lines).toEqual([
      { line: 1, hits: 4 },
    ]);
  });

  test('lines that are none are left out, and other XML is refused', () => {
    const options = { path: 'coverage.xml', fileOf };
    expect(
      readCobertura(xml('<class filename="a.py"><lines><line number="-1" hits="x"/></lines></class>'), options)[0]?.lines,
    ).toEqual([]);
    expect(() => readCobertura('<testsuites/>', options)).toThrow(/not Cobertura/);
    expect(coverageOf([])).toBeNull();
  });
});
