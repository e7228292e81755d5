/** Tests that people executed by hand: written, reviewed, counted, and every way in which they must not count. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { suite as rubric } from '../../rules/ml-test-score/index.generated.ts';
import type { Report, Result } from '../../src/kernel/report.ts';
import { scoreSuite } from '../../src/kernel/score.ts';
import { call as run } from '../helpers/call.ts';
import { commitAll, type FileMap, git, makeRepo, writeFiles } from '../helpers/repo.ts';
import { goldenReport } from '../reports/golden.ts';
import { type FakeMergeRequest, fakeGitLab } from '../support/gitlab.ts';

const path = 'flightcheck/attestations/data-5.yml';
const code = 'def features(row): return row\n';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const manifest = 'version: 1\nmodel: { name: flight-delays, owner: "@models/flights" }\ncolumns: { id: id }\n';
const base = { 'flightcheck.yml': manifest, '.gitignore': '.flightcheck/\n', 'src/features.py': code };

const attested = (change: object = {}): string =>
  stringify({
    version: 1,
    test: 'data-5',
    by: '@ada',
    date: day(3),
    method: 'Went through the access list with the data owner',
    result: 'passed',
    link: 'https://gitlab.example.com/risk/-/issues/12',
    covers: { 'src/features.py': sha256(code) },
    ...change,
  });

const call = (root: string, argv: readonly string[], env: Record<string, string> = {}) =>
  run(argv, env, { cwd: root, width: 80 });

const result = (check: string, more: Partial<Result> = {}): Result => ({
  ...{ check, title: check, why: 'w', fix: 'f', severity: 'major', weight: 1, findings: [], seconds: 0 },
  ...{ outcome: 'skipped', reason: 'there is no features hook', manifestLine: 'hooks: { features: python f.py {in} {out} }' },
  ...more,
});

/** What the score job left: nothing but data-5, as told. */
function leave(root: string, results: readonly Result[]): void {
  const { gate: _g, waivers: _w, notices: _n, attestations: _a, ...golden } = goldenReport;
  const sections = rubric.sections.map(({ id, title }) => ({
    id,
    title,
    results: results.filter(({ check }) => check.startsWith(id)),
  }));
  const report: Report = {
    ...golden,
    runner: 'score',
    complete: true,
    source: { ...golden.source, commit: git(root, 'rev-parse', 'HEAD').trim() },
    run: { trigger: 'push' },
    suites: [scoreSuite(rubric, sections, 'push')],
  };
  mkdirSync(join(root, '.flightcheck'), { recursive: true });
  writeFileSync(join(root, '.flightcheck/score.report.json'), JSON.stringify(report));
}

interface Story {
  readonly files?: FileMap;
  /** Of the merge request that brought the last commit; null: pushed directly. */
  readonly request?: Partial<FakeMergeRequest> | null;
  readonly results?: readonly Result[];
  readonly change?: (root: string) => void;
  readonly env?: Record<string, string>;
}

/** What the report job makes of a repo with attestations. */
async function report({ files = { [path]: attested() }, request = {}, results = [result('data-5')], change, env }: Story) {
  const root = makeRepo(base);
  writeFiles(root, files);
  change?.(root);
  commitAll(root, 'Attest');
  const head = git(root, 'rev-parse', 'HEAD').trim();
  leave(root, results);
  const given = { iid: 12, author: 'ada', approvedBy: ['bob'], mergedAt: `${day(1)}T10:00:00.000Z`, commits: [head], ...request };
  const fake = await fakeGitLab({ mergeRequests: request === null ? [] : [given] });
  const told = await call(root, ['report'], { CI: 'true', CI_PIPELINE_SOURCE: 'push', ...(env ?? fake.env) });
  const written = JSON.parse(readFileSync(join(root, '.flightcheck/report.report.json'), 'utf8')) as Report;
  const data5 = written.suites[0]?.sections[0]?.results.find(({ check }) => check === 'data-5');
  return { root, told, written, data5, entries: written.attestations ?? [], requests: fake.requests };
}

describe('the report job', () => {
  it('counts one that another person approved: half a point, with who and until when in every format', async () => {
    const { root, told, written, data5, entries } = await report({});
    const until = day(3 - 90);
    expect(data5).toMatchObject({
      outcome: 'manual',
      execution: 'manual',
      passingPoints: 0.5,
      paperPoints: 0.5,
      attested: { by: '@ada', until, approvedBy: ['@bob'], mergeRequest: '!12', path },
      evidence: { inputs: [{ path: 'src/features.py', sha256: sha256(code) }] },
    });
    expect(data5?.evidence?.nextStep).toContain('hooks: { features');
    expect(entries).toMatchObject([{ test: 'data-5', state: 'counted', problems: [] }]);
    expect(written.suites[0]?.sections[0]).toMatchObject({ score: 0.5 });
    expect(told.text).toContain(`@ada until ${until}`);
    const html = readFileSync(join(root, '.flightcheck/report.html'), 'utf8');
    for (const words of ['@ada', until, '@bob', '!12']) expect(html).toContain(words);
  });

  it('gives the same when it runs again over its own report', async () => {
    const { root, data5 } = await report({});
    const again = await call(root, ['report', '--json'], {});
    const [suite] = (JSON.parse(again.text) as Report).suites;
    expect(data5?.outcome).toBe('manual');
    // Without a token nobody can be asked, and nothing of the former run is believed.
    expect(suite?.sections[0]?.results.find(({ check }) => check === 'data-5')).toMatchObject({
      outcome: 'skipped',
      passingPoints: 0,
    });
  });

  it.each<[string, Story, string, string]>([
    ['its own author approved it', { request: { approvedBy: ['Ada'] } }, 'refused', 'only its own author or executor'],
    [
      'who executed it approved it',
      { request: { author: 'eve', approvedBy: ['ada'] } },
      'refused',
      'only its own author or executor',
    ],
    ['nobody approved it', { request: { approvedBy: [] } }, 'refused', 'nobody approved'],
    ['a token approved it', { request: { approvedBy: ['project_7_bot_ab12'] } }, 'refused', 'only a token'],
    ['it was pushed directly', { request: null }, 'refused', 'came through no merge request'],
    ['its merge request is open', { request: { state: 'opened' } }, 'refused', 'came through no merge request'],
    ['it went into another branch', { request: { target: 'next' } }, 'refused', 'came through no merge request into main'],
    [
      'it was written before the test',
      { files: { [path]: attested({ date: day(0) }) }, request: { mergedAt: `${day(9)}T10:00:00Z` } },
      'refused',
      'after !12 brought it',
    ],
    ['it failed', { files: { [path]: attested({ result: 'failed' }) } }, 'refused', 'failed when it was executed by hand'],
    ['no token was given', { env: {} }, 'unproven', 'no API access'],
    ['the test passed', { results: [result('data-5', { outcome: 'pass' })] }, 'unused', 'was executed and passed'],
    ['the test failed', { results: [result('data-5', { outcome: 'fail' })] }, 'unused', 'which no attestation heals'],
    ['the test broke', { results: [result('data-5', { outcome: 'error' })] }, 'unused', 'which no attestation heals'],
    ['the test does not apply', { results: [result('data-5', { outcome: 'not-applicable' })] }, 'unused', 'does not apply'],
  ])('gives nothing when %s', async (_name, story, state, words) => {
    const { data5, entries, told, root } = await report(story);
    expect(entries).toMatchObject([{ state, problems: [{ message: expect.stringContaining(words), place: { path } }] }]);
    expect(entries[0]?.problems[0]?.place?.line).toBeGreaterThan(0);
    expect(data5?.outcome).toBe(story.results?.[0]?.outcome ?? 'skipped');
    expect(data5?.passingPoints).toBe(data5?.outcome === 'pass' ? 1 : 0);
    expect(told.text).toContain(path);
    expect(readFileSync(join(root, '.flightcheck/report.html'), 'utf8')).toContain(path);
  });

  it('gives nothing for a file that changed after it was approved, without a commit or by a merge', async () => {
    const root = makeRepo(base);
    writeFiles(root, { [path]: attested() });
    commitAll(root, 'Attest');
    const head = git(root, 'rev-parse', 'HEAD').trim();
    writeFiles(root, { [path]: attested({ date: day(0) }) });
    leave(root, [result('data-5')]);
    const { env } = await fakeGitLab({ mergeRequests: [{ iid: 1, author: 'ada', approvedBy: ['bob'], commits: [head] }] });
    await call(root, ['report'], env);
    const written = JSON.parse(readFileSync(join(root, '.flightcheck/report.report.json'), 'utf8')) as Report;
    expect(written.attestations).toMatchObject([
      { state: 'refused', problems: [{ message: expect.stringContaining('without a commit') }] },
    ]);
  });
});

/** Files that are refused wherever they are read: line and words of what is said. */
const bad: Readonly<Record<string, readonly [files: FileMap, line: number, says: string]>> = {
  'from the future': [{ [path]: attested({ date: day(-3) }) }, 4, 'is in the future'],
  'of a day that is none': [{ [path]: attested({ date: '2026-02-30' }) }, 4, 'date'],
  expired: [{ [path]: attested({ date: day(91) }) }, 4, `expired on ${day(1)}`],
  'expired as it asked': [{ [path]: attested({ date: day(8), valid_for: '7d' }) }, 10, 'expired'],
  'valid for longer than a year': [{ [path]: attested({ valid_for: '366d' }) }, 10, 'valid_for'],
  'covering a deleted file': [
    { [path]: attested({ covers: { 'src/gone.py': sha256('') } }) },
    9,
    'covers src/gone.py, which does not exist',
  ],
  'covering a changed file': [{ [path]: attested(), 'src/features.py': `${code}#` }, 9, 'src/features.py has changed since'],
  'covering nothing': [{ [path]: attested({ covers: {} }) }, 8, 'covers'],
  'covering a path that leaves': [{ [path]: attested({ covers: { '../../etc/passwd': sha256('') } }) }, 9, 'no path inside'],
  'covering an absolute path': [{ [path]: attested({ covers: { '/etc/passwd': sha256('') } }) }, 9, 'no path inside'],
  'with a hash that is none': [{ [path]: attested({ covers: { 'src/features.py': 'abc' } }) }, 9, 'abc'],
  'of no test': [{ [path]: attested({ test: 'data-8' }) }, 2, 'data-8'],
  'with an unknown key': [{ [path]: attested({ aproved_by: '@bob' }) }, 10, 'aproved_by'],
  'with a link that is none': [{ [path]: attested({ link: 'javascript:alert(1)' }) }, 7, 'link'],
  'a list': [{ [path]: '- a\n' }, 1, 'expected object'],
  empty: [{ [path]: '' }, 1, 'expected object'],
  garbage: [{ [path]: '{{{{\u0001' }, 1, ''],
  'a bomb of aliases': [
    {
      [path]: `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefgh'
        .split('')
        .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'[i]}`).join(',')}]`)
        .join('\n')}\n`,
    },
    1,
    '',
  ],
  binary: [{ [path]: new Uint8Array([0, 1, 2, 255]) }, 0, 'cannot be read as text'],
  'far too long': [{ [path]: `# ${'x'.repeat(70_000)}\n` }, 0, 'larger than'],
};

describe('a file', () => {
  it.each(Object.entries(bad))('%s earns nothing, says where, and breaks nothing', async (_name, [files, line, says]) => {
    const { entries, data5, told } = await report({ files });
    expect(told.code).toBe(0);
    expect(told.errors).not.toMatch(/error|warning|\n\s+at /);
    expect(data5).toMatchObject({ outcome: 'skipped', passingPoints: 0 });
    const [entry] = entries;
    expect(entry?.state).toBe('refused');
    expect(entry?.problems.map(({ message }) => message).join('\n')).toContain(says);
    expect(entry?.problems[0]?.place?.path).toBe(path);
    if (line > 1) expect(entry?.problems.map(({ place }) => place?.line)).toContain(line);
  });

  it('is refused beside another of the same test, both of them', async () => {
    const files = { [path]: attested(), 'flightcheck/attestations/more.yml': attested({ by: '@eve' }) };
    const { entries, data5 } = await report({ files });
    expect(data5?.passingPoints).toBe(0);
    expect(entries.map(({ state, problems }) => [state, problems[0]?.message])).toEqual([
      ['refused', 'data-5 is attested in flightcheck/attestations/more.yml too'],
      ['refused', `data-5 is attested in ${path} too`],
    ]);
  });

  it('that is a link is refused, and a link that is covered too, whatever they lead to', async () => {
    const change = (root: string): void => {
      writeFiles(root, { 'elsewhere.yml': attested() });
      mkdirSync(join(root, 'flightcheck/attestations'), { recursive: true });
      symlinkSync('../../elsewhere.yml', join(root, path));
      symlinkSync('/etc/hostname', join(root, 'host'));
      const covers = { host: sha256(readFileSync('/etc/hostname', 'utf8')) };
      writeFiles(root, { 'flightcheck/attestations/model-7.yml': attested({ test: 'model-7', covers }) });
    };
    const { entries } = await report({ files: {}, change, results: [result('data-5'), result('model-7')] });
    expect(entries.map(({ state, problems }) => [state, problems[0]?.message])).toEqual([
      ['refused', 'it is a symbolic link'],
      ['refused', 'covers host, which is a symbolic link'],
    ]);
  });

  it('a glob that cannot be matched costs the attestations, not the report', async () => {
    const { entries, told } = await report({ files: { 'flightcheck.yml': `${manifest}attestations: "a*b*c*d*e*f*.yml"\n` } });
    expect(told.code).toBe(0);
    expect(entries).toMatchObject([{ state: 'refused', problems: [{ message: expect.stringContaining('too slow') }] }]);
  });
});

describe('flightcheck attest', () => {
  const words = [
    '--by',
    '@ada',
    '--result',
    'passed',
    '--method',
    'Asked the owner of the data',
    '--link',
    'https://x.example/1',
  ];
  const attest = (root: string, ...argv: string[]) => call(root, ['attest', ...argv]);

  it('writes what the report job then counts, shows it, and says what to do next', async () => {
    const root = makeRepo(base);
    const { code: exit, text } = await attest(root, 'data-5', ...words, '--covers', 'src/**,flightcheck.yml');
    expect(exit).toBe(0);
    expect(text).toContain(`Wrote ${path}`);
    expect(text).toContain('  method: Asked the owner of the data');
    expect(text).toContain('open a merge request');
    const written = parse(readFileSync(join(root, path), 'utf8')) as { covers: object };
    expect(written).toMatchObject({ test: 'data-5', by: '@ada', date: day(0), covers: { 'src/features.py': sha256(code) } });
    expect(Object.keys(written.covers)).toEqual(['flightcheck.yml', 'src/features.py']);
    const { data5 } = await report({
      files: { [path]: readFileSync(join(root, path)) },
      request: { mergedAt: `${day(0)}T00:00:00Z` },
    });
    expect(data5).toMatchObject({ outcome: 'manual', passingPoints: 0.5 });
  });

  it('never writes over one unasked', async () => {
    const root = makeRepo({ ...base, [path]: 'by hand' });
    const first = await attest(root, 'data-5', ...words, '--covers', 'src/**');
    expect(first).toMatchObject({ code: 2, errors: expect.stringContaining('--replace') });
    expect(readFileSync(join(root, path), 'utf8')).toBe('by hand');
    expect(await attest(root, 'data-5', ...words, '--covers', 'src/**', '--replace')).toMatchObject({ code: 0 });
  });

  it('tells a program', async () => {
    const { text } = await attest(makeRepo(base), 'model-1', ...words, '--covers', 'src/**', '--json', '--valid-for', '30d');
    expect(JSON.parse(text)).toMatchObject({
      path: 'flightcheck/attestations/model-1.yml',
      until: day(-30),
      attestation: { test: 'model-1' },
    });
  });

  it.each<[string, readonly string[], string]>([
    ['no test', [], 'which test was executed'],
    ['an unknown test', ['data-55', ...words], 'Did you mean data-5?'],
    ['a rule of the structure', ['layout-no-data', ...words], 'only those can be attested'],
    ['no name', ['data-5', ...words.slice(2), '--covers', 'src/**'], '--by is missing'],
    ['nothing at all', ['data-5'], '--by, --result, --method, --link, --covers are missing'],
    ['nothing covered', ['data-5', ...words], '--covers is missing'],
    ['a glob that finds nothing', ['data-5', ...words, '--covers', '../**'], 'finds no file'],
    ['an untracked file', ['data-5', ...words, '--covers', 'new.py'], 'not committed'],
    ['another result', ['data-5', ...words.slice(0, 3), 'green', ...words.slice(4), '--covers', 'src/**'], 'passed, failed'],
    ['a link that is none', ['data-5', ...words.slice(0, 7), 'ftp://x', '--covers', 'src/**'], 'link'],
    ['the future', ['data-5', ...words, '--covers', 'src/**', '--date', day(-3)], 'in the future'],
    ['the far past', ['data-5', ...words, '--covers', 'src/**', '--date', day(300)], 'expired'],
    ['no date', ['data-5', ...words, '--covers', 'src/**', '--date', 'yesterday'], 'date'],
  ])('refuses %s and writes nothing', async (_name, argv, says) => {
    const root = makeRepo(base);
    writeFiles(root, { 'new.py': 'x' });
    const { code: exit, errors } = await attest(root, ...argv);
    expect(exit).toBe(2);
    expect(errors).toContain(says);
    expect(errors).not.toMatch(/\n\s+at /);
    expect(git(root, 'status', '--porcelain').trim()).toBe('?? new.py');
  });
});
