import { execFileSync } from 'node:child_process';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import schema from '../../src/kernel/report.schema.json' with { type: 'json' };
import { type Report, resultsOf, severities } from '../../src/kernel/report.ts';
import { renderAnnotations } from '../../src/reports/annotations.ts';
import { renderCodeQuality } from '../../src/reports/codequality.ts';
import { renderDotenv } from '../../src/reports/dotenv.ts';
import { renderJson } from '../../src/reports/json.ts';
import { renderJunit } from '../../src/reports/junit.tsx';
import { renderOpenMetrics } from '../../src/reports/open-metrics.ts';
import { goldenReport, withResult } from './golden.ts';

const links = { towerUrl: 'https://tower.example.com/models/1', htmlPath: '.flightcheck/report.html' };
const golden = (name: string) => `../golden/report.${name}`;
const results = [...resultsOf(goldenReport)].map(({ result }) => result);
const hostile = 'a]]>b<c>&"\' \u0000\u0007\u001b[31mred\u001b[0m \uD800 \uFFFE \u202Egnp.exe';

it('the golden report is valid and shows every outcome', () => {
  const ajv = new Ajv2020({ allowUnionTypes: true, formats: { 'date-time': true } });
  expect(ajv.validate(schema, goldenReport), JSON.stringify(ajv.errors)).toBe(true);
  expect(new Set(results.map((result) => result.outcome)).size).toBe(6);
});

it('JSON keeps the report as it is', async () => {
  expect(JSON.parse(renderJson(goldenReport))).toEqual(goldenReport);
  await expect(renderJson(goldenReport)).toMatchFileSnapshot('../golden/report.json');
});

/** Parses with Python's expat, which refuses what XML forbids. */
function parseXml(xml: string): { name: string; file: string; state: string; text: string }[] {
  const program = `
import sys, json, xml.etree.ElementTree as E
cases = E.fromstring(sys.stdin.buffer.read()).iter('testcase')
print(json.dumps([{'name': c.get('name'), 'file': c.get('file'), 'state': c[0].tag if len(c) else 'passed', 'text': (c[0].text or '') if len(c) else ''} for c in cases]))`;
  return JSON.parse(execFileSync('python3', ['-c', program], { input: xml, encoding: 'utf8' }));
}

describe('JUnit', () => {
  const cases = parseXml(renderJunit(goldenReport));

  it('is as before', () => expect(renderJunit(goldenReport)).toMatchFileSnapshot(golden('junit.xml')));

  it('has one uniquely named case per result, each with a file', () => {
    expect(cases).toHaveLength(results.length);
    expect(new Set(cases.map((c) => c.name)).size).toBe(cases.length);
    expect(cases.every((c) => c.file)).toBe(true);
  });

  it('never shows skipped, not applicable or broken as passed', () => {
    const states = {
      fail: 'failure',
      error: 'error',
      skipped: 'skipped',
      'not-applicable': 'skipped',
      pass: 'passed',
      manual: 'passed',
    };
    expect(cases.map((c) => c.state)).toEqual(results.map((result) => states[result.outcome]));
  });

  it('says how to mend a failure and why something was skipped', () => {
    expect(cases.find((c) => c.name.startsWith('layout-model-card'))?.text).toContain('Fix: Add the heading');
    expect(cases.find((c) => c.name.startsWith('monitor-3'))?.text).toContain('names no features hook');
  });

  it('makes names unique when two checks share one', () => {
    const twice: Report = { ...goldenReport, suites: [...goldenReport.suites, ...goldenReport.suites] };
    const names = parseXml(renderJunit(twice)).map((c) => c.name);
    expect(new Set(names).size).toBe(results.length * 2);
  });

  it('stays well-formed on anything a repo may say', () => {
    const report = withResult({ title: hostile, findings: [{ message: hostile, fix: hostile, place: { path: hostile } }] });
    const [first] = parseXml(renderJunit(report));
    expect(first?.text).toContain('a]]>b<c>&"\' ');
    expect(first?.text).toContain('red');
    expect(first?.name).not.toMatch(/\p{Cc}/u);
  });

  it('stays under the 30 MB that GitLab takes and says what it left out', () => {
    const [suite] = goldenReport.suites;
    const section = suite?.sections[0];
    const [result] = section?.results ?? [];
    if (!suite || !section || !result) throw new Error('the golden report has no results');
    const long = { ...result, findings: [{ message: '&'.repeat(4000) }, { message: '"'.repeat(4000) }] };
    const sections = [{ ...section, results: Array.from({ length: 1500 }, (_, i) => ({ ...long, check: `c-${i}` })) }];
    const xml = renderJunit({ ...goldenReport, suites: [{ ...suite, sections }] });
    expect(Buffer.byteLength(xml)).toBeLessThan(30_000_000);
    expect(xml).toMatch(/name="\d+ more results stand in the JSON report"/);
  });
});

describe('Code Quality', () => {
  interface Issue {
    description: string;
    check_name: string;
    fingerprint: string;
    severity: string;
    location: { path: string; lines: { begin: number } };
  }
  const issuesOf = (report: Report): Issue[] => JSON.parse(renderCodeQuality(report));
  const issues = issuesOf(goldenReport);
  const withFinding = (message: string, path?: string): Issue | undefined =>
    issuesOf(withResult({ findings: [{ message, ...(path && { place: { path, line: 3 } }) }] }))[0];

  it('is as before', () => expect(renderCodeQuality(goldenReport)).toMatchFileSnapshot(golden('codequality.json')));

  it('has the documented shape and unique fingerprints', () => {
    for (const issue of issues) {
      expect(Object.keys(issue).sort()).toEqual(['check_name', 'description', 'fingerprint', 'location', 'severity']);
      expect(issue.fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(severities).toContain(issue.severity);
      expect(issue.location.path).not.toMatch(/^\/|^\.\/|\.\./);
      expect(issue.location.lines.begin).toBeGreaterThan(0);
    }
    expect(new Set(issues.map((issue) => issue.fingerprint)).size).toBe(issues.length);
  });

  it('keeps a fingerprint while only a number moves, and only then', () => {
    const first = withFinding('train.csv has 48.2 MB', 'train.csv')?.fingerprint;
    expect(withFinding('train.csv has 1,049.3 MB', 'train.csv')?.fingerprint).toBe(first);
    expect(withFinding('train.csv is not there', 'train.csv')?.fingerprint).not.toBe(first);
    expect(withFinding('train.csv has 48.2 MB', 'eval.csv')?.fingerprint).not.toBe(first);
  });

  it.each([
    ['no place', undefined],
    ['an absolute path', '/etc/passwd'],
    ['a path out of the repo', 'a/../../b'],
  ])('a finding with %s points at the manifest', (_, path) =>
    expect(withFinding('x', path)?.location).toEqual({ path: 'flightcheck.yml', lines: { begin: 1 } }),
  );

  it('makes a path relative', () =>
    expect(withFinding('x', './src/a.py')?.location).toEqual({ path: 'src/a.py', lines: { begin: 3 } }));
});

describe('OpenMetrics', () => {
  const text = renderOpenMetrics(goldenReport);
  it('is as before', () => expect(text).toMatchFileSnapshot(golden('metrics.txt')));

  it('has only lines of the format, each family once, each sample once, and ends in EOF', () => {
    const lines = text.trimEnd().split('\n');
    const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\.)*"';
    const sample = new RegExp(`^([a-z_][a-z0-9_]*)(\\{${label}(?:,${label})*\\})? -?[0-9.e+-]+$`);
    expect(lines.pop()).toBe('# EOF');
    for (const line of lines) expect(line.startsWith('#') || sample.test(line), line).toBe(true);
    const types = lines.filter((line) => line.startsWith('# TYPE'));
    expect(new Set(types).size).toBe(types.length);
    expect(new Set(lines).size).toBe(lines.length);
  });

  it('lets no label break out of its line', () => {
    const labels = { 'a"} 1\nforged 2': 'x"} 1\nforged 2', __name__: 'y' };
    const report = { ...goldenReport, metrics: [{ name: 'model.x', value: 1, labels }] };
    const lines = renderOpenMetrics(report)
      .split('\n')
      .filter((line) => line.startsWith('model_x'));
    expect(lines).toEqual(['model_x{_name__="y",a___1_forged_2="x\\"} 1 forged 2"} 1']);
  });
});

describe('annotations', () => {
  it('are as before', () => expect(renderAnnotations(goldenReport, links)).toMatchFileSnapshot(golden('annotations.json')));
  it('link nothing that is no web address', () => {
    const report = { ...goldenReport, run: { trigger: 'push', jobUrl: 'javascript:alert(1)' } };
    expect(JSON.parse(renderAnnotations(report, { ...links, towerUrl: 'data:text/html,x' }))).toEqual({});
  });
});

describe('dotenv', () => {
  it('is as before', () => expect(renderDotenv(goldenReport)).toMatchFileSnapshot(golden('env')));

  it('cannot be made to set another variable or to grow over the limits', () => {
    const evil = 'x\nLD_PRELOAD=/tmp/evil.so\r\nA="$(id)"';
    const [structure, rubric] = goldenReport.suites;
    if (!structure || !rubric) throw new Error('the golden report has two suites');
    const sections = Array.from({ length: 40 }, (_, i) => ({
      id: `s${i}-${'x'.repeat(300)}`,
      title: evil,
      score: 1,
      results: [],
    }));
    const report = {
      ...goldenReport,
      model: { ...goldenReport.model, name: evil },
      source: { ...goldenReport.source, commit: evil },
      suites: [structure, { ...rubric, sections }],
    };
    const lines = renderDotenv(report).trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^FLIGHTCHECK_RESULT_[A-Z0-9_]+=[A-Za-z0-9._/-]*$/);
    expect(lines.length).toBeLessThan(20);
    expect(renderDotenv(report).length).toBeLessThan(5000);
  });
});
