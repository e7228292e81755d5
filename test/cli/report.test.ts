import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { command } from '../../src/cli/commands/report.ts';
import { runProgram } from '../../src/cli/program.ts';
import { rulesOf } from '../../src/cli/tower/rules.ts';
import type { Report } from '../../src/kernel/report.ts';
import { scoreSuite } from '../../src/kernel/score.ts';
import { git, temporaryFolder, writeFiles } from '../helpers/repo.ts';
import { goldenReport } from '../reports/golden.ts';
import { sendJson, serve, stored, type TestServer } from '../support/http-server.ts';

const manifest = (more = ''): string => `version: 1
model: { name: flight-delays, owner: "@models/flights" }
columns: { id: id }
${more}`;

let root: string;
let servers: TestServer[];
beforeEach(() => {
  root = temporaryFolder();
  servers = [];
  writeFiles(root, { 'flightcheck.yml': manifest(), '.gitignore': '.flightcheck/\n' });
  git(root, 'init', '-q', '-b', 'main');
  git(root, 'add', '.');
  git(root, 'commit', '-qm', 'One');
});
afterEach(() => Promise.all(servers.map((server) => server.close())));

const tower = async (...answer: Parameters<typeof serve>): Promise<TestServer> => {
  const server = await serve(...answer);
  servers.push(server);
  return server;
};

/** An address where nothing listens. */
async function gone(): Promise<string> {
  const server = await serve(() => undefined);
  await server.close();
  return server.url;
}

/** A report of a job on this commit. */
function leave(runner: string, change: Partial<Report> = {}): void {
  const { gate: _g, waivers: _w, notices: _n, ...golden } = goldenReport;
  const report = {
    ...golden,
    runner,
    complete: true,
    source: { ...golden.source, commit: git(root, 'rev-parse', 'HEAD').trim() },
    run: { trigger: 'push' },
    suites: golden.suites.filter((suite) => (runner === 'check') === (suite.id === 'structure')),
    ...change,
  };
  mkdirSync(join(root, '.flightcheck'), { recursive: true });
  writeFileSync(join(root, `.flightcheck/${runner}.report.json`), JSON.stringify(report));
}

async function run(argv: string[] = [], env: Record<string, string> = {}) {
  const printed: string[] = [];
  const errors: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
  const say = (text: string): void => void errors.push(text);
  const code = await runProgram([command], ['report', ...argv, root], '0.1.0', ({ json = false, debug = false }) => ({
    cwd: root,
    env,
    print: (text) => void printed.push(text),
    log: { info: say, warn: say, debug() {}, step: async (_title, work) => work(() => {}) },
    isJson: json,
    isDebug: debug,
    isColor: false,
    width: 100,
    signal: new AbortController().signal,
    version: '0.1.0',
  }));
  stderr.mockRestore();
  const text = printed.join('');
  return { code, text, errors: errors.join('\n') };
}
const written = (): Report => JSON.parse(readFileSync(join(root, '.flightcheck/report.report.json'), 'utf8'));
const unsent = (): string[] => {
  try {
    return readdirSync(join(root, '.flightcheck/unsent'));
  } catch {
    return [];
  }
};
const withTower = { FLIGHTCHECK_TOWER_TOKEN: 'a.very-secret.token' };

describe('merging', () => {
  it('unites the jobs, prints the card, writes every format', async () => {
    leave('check');
    leave('score');
    const { code, text } = await run();
    expect(code).toBe(0);
    expect(text).toContain('ML Test Score');
    expect(text).toContain('Project structure');
    expect(written().suites.map((suite) => suite.id)).toEqual(['structure', 'ml-test-score']);
    expect(readdirSync(join(root, '.flightcheck')).filter((name) => name.startsWith('report.'))).toHaveLength(8);
  });

  it('gives the same when it runs again over its own report', async () => {
    leave('score');
    await run();
    // What services are asked is judged anew, and takes its own time.
    const untimed = () => JSON.parse(JSON.stringify(written().suites, (key, value) => (key === 'seconds' ? 0 : value)));
    const first = untimed();
    await run();
    expect(untimed()).toEqual(first);
  });

  it('counts a run outside CI as by hand, whatever the artifacts say', async () => {
    leave('score', { run: { trigger: 'schedule' } });
    await run();
    expect(written().run.trigger).toBe('local');
    expect(written().suites[0]?.sections[0]?.results[0]).toMatchObject({ outcome: 'pass', passingPoints: 0.5 });
  });

  it('names a broken report, counts the others and leaves the report incomplete', async () => {
    leave('score');
    writeFileSync(join(root, '.flightcheck/check.report.json'), '{"schema": 1}');
    const { code, errors } = await run(['--gate', 'blocking']);
    expect(code).toBe(1);
    expect(errors).toContain('.flightcheck/check.report.json is not a valid report: /');
    expect(written().complete).toBe(false);
    expect(written().notices?.[0]).toContain('check.report.json');
  });

  it.each([
    ['no report at all', () => undefined, 'There is no report to merge'],
    [
      'a report of another commit',
      () => leave('score', { source: { ...goldenReport.source, commit: 'f'.repeat(40) } }),
      'the commit is ffff',
    ],
    [
      'a report of another model',
      () => leave('score', { model: { ...goldenReport.model, name: 'other' } }),
      'the model is other',
    ],
  ])('ends with one clear error on %s', async (_, prepare, words) => {
    prepare();
    const { code, errors } = await run();
    expect(code).toBe(2);
    expect(errors).toContain(words);
    expect(errors).not.toMatch(/\n\s+at /);
  });
});

describe('rules for Control Tower', () => {
  const rules = `monitor:
  rules:
    - { name: drift, metric: model.drift.psi, where: { feature: [age] }, when: { is: above, limit: 0.2, times: 3 }, actions: [{ do: pipeline, ref: main }] }
    - { name: silence, metric: model.drift.psi, when: { absentHours: 48 } }
`;
  const commit = (more: string): void => {
    writeFiles(root, { 'flightcheck.yml': manifest(more) });
    git(root, 'commit', '-qam', 'Rules');
    leave('score');
  };

  it('travel with the report, and what is not kept is told', async () => {
    commit(rules);
    const reason = 'the operator does not let rules of this project do pipeline';
    const server = await tower((response) =>
      sendJson(response, 201, {
        ...stored,
        rules: {
          kept: 1,
          refused: [{ name: 'drift', reason }],
          warnings: [{ name: 'silence', reason: 'this server knows no webhook ops' }],
        },
      }),
    );
    const { errors, text } = await run(['--tower-url', server.url], { FLIGHTCHECK_TOWER_TOKEN: 'a-token' });
    const sent = server.received.find(({ method, url }) => method === 'POST' && url === '/v1/reports');
    const defaults = { severity: 'warning', cooldownHours: 24, pipelinesPerDay: 2, retrainsInARow: 2 };
    expect(JSON.parse(sent?.body ?? '{}').rules).toEqual([
      {
        ...{ name: 'drift', metric: 'model.drift.psi', where: { feature: ['age'] }, ...defaults },
        when: { of: 'value', is: 'above', limit: 0.2, times: 3 },
        actions: [{ do: 'pipeline', ref: 'main' }],
      },
      { name: 'silence', metric: 'model.drift.psi', where: {}, ...defaults, when: { absentHours: 48 }, actions: [] },
    ]);
    expect(text + errors).toContain('does not keep the rule drift');
    expect(text + errors).toContain('Control Tower keeps the rule silence: this server knows no webhook ops');
    expect(written().notices?.join()).toContain(reason);
  });

  it('end when none is named, and are not spoken of where the manifest cannot be read', async () => {
    leave('score');
    await run();
    expect(written()).toMatchObject({ rules: [] });
    commit('monitor: { rules: [{ name: drift, metric: m, when: { limit: 1 } }] }\n');
    const { errors } = await run();
    expect(errors).toMatch(/flightcheck.yml cannot be used.*\bis\b/);
    expect(rulesOf(null)).toBeUndefined();
  });
});

describe('the gate', () => {
  it('only reports when advisory, exits 1 when blocking', async () => {
    leave('score');
    expect((await run(['--min-score', '5'])).code).toBe(0);
    expect(written().gate).toMatchObject({ mode: 'advisory', isPassed: false });
    const blocking = await run([], { FLIGHTCHECK_GATE: 'blocking', FLIGHTCHECK_MIN_SCORE: '5' });
    expect(blocking.code).toBe(1);
    expect(blocking.text).toContain('below the 5 that the gate asks for');
  });

  it('comes from the manifest, and so do waivers', async () => {
    const failed = goldenReport.suites[0]?.sections[0]?.results[1];
    if (!failed) throw new Error('the golden report has a second rule');
    const suites = [
      scoreSuite(
        { id: 'structure', title: 'Structure', method: 'weighted-mean' },
        [{ id: 'layout', title: 'Layout', results: [{ ...failed, check: 'my-rule', severity: 'critical' }] }],
        'push',
      ),
    ];
    const gate = 'gate: { mode: blocking, max-severity: minor }\n';
    writeFiles(root, { 'flightcheck.yml': manifest(gate) });
    leave('check', { suites });
    expect((await run()).code).toBe(1);
    writeFiles(root, {
      'flightcheck.yml': manifest(
        `${gate}waivers: [{ check: my-rule, reason: "being mended", owner: "@ana", expires: "${soon()}" }]\n`,
      ),
    });
    expect((await run()).errors).not.toContain('error');
    expect(written().gate?.reasons).toEqual([]);
    expect(written().waivers).toHaveLength(1);
  });

  it('stays shut when the manifest is broken and the include asks for it', async () => {
    leave('check', { model: { ...goldenReport.model, name: root.split('/').pop() ?? '' } });
    writeFiles(root, { 'flightcheck.yml': 'version: 1\nmodel: [\n' });
    const { code } = await run(['--gate', 'blocking']);
    expect(code).toBe(1);
    expect(written().gate?.reasons.join()).toContain('incomplete');
  });
});

const soon = (): string => new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);

const posts = ({ received }: TestServer) => received.filter(({ method }) => method === 'POST');

describe('Control Tower', () => {
  it('is told the decided report, and the page is linked', async () => {
    const server = await tower((response) => sendJson(response, 201, stored));
    leave('score');
    const { code } = await run(['--tower-url', server.url], withTower);
    expect(code).toBe(0);
    const sent = JSON.parse(posts(server)[0]?.body ?? '') as Report;
    expect(sent.gate).toEqual(written().gate);
    expect(readFileSync(join(root, '.flightcheck/report.annotations.json'), 'utf8')).toContain(`${server.url}/models/3`);
    expect(unsent()).toEqual([]);
  });

  it('never sends a token to an address that only the manifest names, in a pipeline', async () => {
    const server = await tower((response) => sendJson(response, 201, stored));
    leave('score');
    writeFiles(root, { 'flightcheck.yml': manifest(`tower: { url: "${server.url}" }\n`) });
    const { code, errors } = await run([], { ...withTower, CI: 'true' });
    expect(code).toBe(0);
    expect(server.received).toEqual([]);
    expect(errors).toContain('set the input tower-url');
  });

  it.each([
    ['down', async () => gone(), 'it cannot be reached'],
    ['broken', async () => (await tower((response) => sendJson(response, 500, {}))).url, 'it answers 500'],
    [
      'full',
      async () => (await tower((response) => sendJson(response, 413, {}))).url,
      'sent again as it is, it would be refused',
    ],
    ['refusing', async () => (await tower((response) => sendJson(response, 401, {}))).url, 'it answers 401'],
    ['silent', async () => (await tower(() => undefined)).url, 'it does not answer in time'],
  ])('%s never fails the pipeline: the report is kept, the gate decides', async (_, address, reason) => {
    leave('score');
    const url = await address();
    const { code, text, errors } = await run(['--tower-url', url, '--tower-timeout', '0.3', '--gate', 'blocking'], withTower);
    expect(code).toBe(1);
    expect(written().notices?.join()).toContain(reason);
    expect(unsent()).toHaveLength(1);
    expect(text + errors + JSON.stringify(written())).not.toContain('very-secret');
    rmSync(join(root, '.flightcheck/unsent'), { recursive: true });
    leave('score');
    expect((await run(['--tower-url', url, '--tower-timeout', '0.3'], withTower)).code).toBe(0);
  });

  it('gets what was kept: exactly once, with its first job, by the next run or by --resend', async () => {
    leave('score');
    await run(['--tower-url', 'http://127.0.0.1:9', '--tower-timeout', '0.3'], { ...withTower, CI_JOB_ID: '1' });
    const [kept] = unsent();
    const server = await tower((response) => sendJson(response, 201, stored));
    const { code, text } = await run(['--resend', '--tower-url', server.url], { ...withTower, CI_JOB_ID: '2' });
    expect([code, text]).toEqual([0, 'Control Tower took 1 kept report\n']);
    expect(server.received.map((one) => `${one.headers['idempotency-key']}.json`)).toEqual([kept]);
    expect((JSON.parse(server.received[0]?.body ?? '') as Report).run.jobId).toBe('1');
    expect(unsent()).toEqual([]);
    expect((await run(['--resend', '--tower-url', server.url], withTower)).text).toBe('Nothing waits to be sent\n');
    expect(server.received).toHaveLength(1);
  });

  it('gets what was kept together with the next report', async () => {
    leave('score');
    await run(['--tower-url', 'http://127.0.0.1:9', '--tower-timeout', '0.3'], withTower);
    const server = await tower((response) => sendJson(response, 201, stored));
    await run(['--tower-url', server.url], withTower);
    expect(posts(server)).toHaveLength(2);
    expect(unsent()).toEqual([]);
  });

  it('that will never take a kept report does not hold up the others', async () => {
    mkdirSync(join(root, '.flightcheck'), { recursive: true });
    const { keepUnsent } = await import('../../src/adapters/unsent.ts');
    for (const body of ['{"a":1}', '{"b":2}']) await keepUnsent(root, '.flightcheck', body);
    const server = await tower((response, _before, { body }) => sendJson(response, body.includes('a') ? 422 : 201, stored));
    const { code, text } = await run(['--resend', '--tower-url', server.url], withTower);
    expect(code).toBe(0);
    expect(text).toContain('It was set aside');
    expect(unsent()).toEqual([expect.stringMatching(/\.refused\.json$/)]);
  });

  it('that is still down: --resend says so with exit code 3 and keeps everything', async () => {
    const { keepUnsent } = await import('../../src/adapters/unsent.ts');
    await keepUnsent(root, '.flightcheck', '{"a":1}');
    const { code, errors } = await run(['--resend', '--tower-url', 'http://127.0.0.1:9', '--tower-timeout', '0.3'], withTower);
    expect(code).toBe(3);
    expect(errors).toContain('1 report waits to be sent');
    expect(unsent()).toHaveLength(1);
  });

  it('without a token is not told, and the report says which variable is empty', async () => {
    const server = await tower((response) => sendJson(response, 201, stored));
    leave('score');
    expect((await run(['--tower-url', server.url])).code).toBe(0);
    expect(posts(server)).toHaveLength(0);
    expect(written().notices?.join()).toContain('FLIGHTCHECK_TOWER_TOKEN is empty');
  });
});

describe('monitoring tests outside a schedule', () => {
  const push = { CI: 'true', CI_PIPELINE_SOURCE: 'push', CI_COMMIT_REF_NAME: 'main', ...withTower };
  const monitored = (): void => {
    const golden = goldenReport.suites.find((suite) => suite.id === 'ml-test-score');
    const sample = golden?.sections.flatMap(({ results }) => results).find(({ outcome }) => outcome === 'pass');
    if (!golden || !sample) throw new Error('the golden report has no pass');
    const results = ['monitor-2', 'monitor-5'].map((check) => ({ ...sample, check }));
    leave('score', { suites: [{ ...golden, sections: [{ id: 'monitor', title: 'Monitoring', score: 7, results }] }] });
  };
  const last = (more: Record<string, unknown> = {}) => ({
    check: 'monitor-2',
    section: 'monitor',
    outcome: 'pass',
    at: new Date(Date.now() - 3 * 86_400_000).toISOString(),
    trigger: 'schedule',
    commit: git(root, 'rev-parse', 'HEAD').trim(),
    model: '3',
    ...more,
  });
  const answering = (items: unknown, status = 200) =>
    tower((response, _before, { url = '' }) => {
      if (url.startsWith('/v1/checks')) sendJson(response, status, { items });
      else sendJson(response, url.startsWith('/v1/reports') ? 201 : 404, stored);
    });
  const monitor = (id: string) =>
    written()
      .suites[0]?.sections.flatMap(({ results }) => results)
      .find(({ check }) => check === id);

  it('count in full by their last run on a schedule, asked from Control Tower with the token of the job', async () => {
    monitored();
    const server = await answering([last()]);
    const { text, code } = await run(['--tower-url', server.url], push);
    expect(code).toBe(0);
    expect(monitor('monitor-2')).toMatchObject({ execution: 'automatic', passingPoints: 1 });
    expect(monitor('monitor-5')).toMatchObject({ execution: 'manual', passingPoints: 0.5 });
    expect(text).toMatch(/monitor-2: By schedule, last on \d{4}-/);
    expect(text).toContain('monitor-5: No run by schedule is on record, so it counts half at most.');
    const [asked] = server.received.filter(({ url = '' }) => url.startsWith('/v1/checks'));
    expect(asked?.url).toBe('/v1/checks?model=flight-delays&section=monitor&trigger=schedule');
    expect(asked?.headers.authorization).toBe(`Bearer ${withTower.FLIGHTCHECK_TOWER_TOKEN}`);
  });

  it.each<readonly [string, () => unknown, number, string]>([
    ['a stale run', () => [last({ at: '2026-01-01T00:00:00Z' })], 200, 'policy.cadence allows 7d'],
    ['a run of a commit that is not in this history', () => [last({ commit: 'f'.repeat(40) })], 200, 'not in this history'],
    ['a commit that is no commit', () => [last({ commit: '--output=x' })], 200, 'not in this history'],
    ['a run that was no schedule', () => [last({ trigger: 'push' })], 200, 'is not one of Control Tower'],
    ['two models of one name', () => [last(), last({ check: 'monitor-5', model: '4' })], 200, 'several models of this name'],
    ['no list', () => 'no', 200, 'is not one of Control Tower'],
    ['401', () => [last()], 401, 'answered 401'],
    ['500', () => [last()], 500, 'answered 500'],
  ])('earn what this run earns for %s', async (_, items, status, words) => {
    monitored();
    const server = await answering(items(), status);
    const { text, code } = await run(['--tower-url', server.url], push);
    expect(code).toBe(0);
    expect(monitor('monitor-2')).toMatchObject({ outcome: 'pass', execution: 'manual', passingPoints: 0.5 });
    expect(text.replaceAll(/\s+/g, ' ')).toContain(words);
    expect(text).not.toContain(withTower.FLIGHTCHECK_TOWER_TOKEN);
  });

  it('wait no longer than they were told for a Control Tower that says nothing, and say that nobody answers', async () => {
    monitored();
    const silent = await tower(() => undefined);
    const slow = await run(['--tower-url', silent.url, '--tower-timeout', '1'], push);
    expect(slow.text.replaceAll(/\s+/g, ' ')).toContain('did not answer in time');
    expect(monitor('monitor-2')).toMatchObject({ passingPoints: 0.5 });
    const nobody = await run(['--tower-url', await gone(), '--tower-timeout', '1'], push);
    expect(nobody.text.replaceAll(/\s+/g, ' ')).toContain('cannot be reached');
    const none = await run([], push);
    expect(none.text.replaceAll(/\s+/g, ' ')).toContain('no Control Tower is named');
  });

  it('a run by hand says what a pipeline would count', async () => {
    monitored();
    const { text } = await run();
    expect(text.replaceAll(/\s+/g, ' ')).toMatch(
      /Started by hand \(local\), so whatever ran counts half\. The pipeline of a push or merge request would score 0\.0\. Its section Monitoring counts in full on a schedule: 2\.0\./,
    );
    const { text: pushed } = await run([], push);
    expect(pushed).not.toContain('by hand');
  });
});

it('lists the variables that somebody set past the include, and only those', async () => {
  leave('check');
  leave('score');
  const included = {
    FLIGHTCHECK_INCLUDED_MIN_SCORE: '3',
    FLIGHTCHECK_INCLUDED_GATE: 'blocking',
    FLIGHTCHECK_INCLUDED_MIN_STRUCTURE: '',
  };
  const asIncluded = { ...included, FLIGHTCHECK_MIN_SCORE: '3', FLIGHTCHECK_GATE: 'blocking' };
  const plain = await run([], asIncluded);
  expect(plain.code).toBe(1);
  expect(plain.text).not.toContain('differ from the include');
  const { text } = await run([], { ...asIncluded, FLIGHTCHECK_MIN_SCORE: '0', FLIGHTCHECK_GATE: 'advisory' });
  expect(text.replaceAll(/\s+/g, ' ')).toContain(
    'Variables that differ from the include: FLIGHTCHECK_GATE, FLIGHTCHECK_MIN_SCORE.',
  );
  const report = JSON.parse(readFileSync(join(root, '.flightcheck/report.report.json'), 'utf8')) as Report;
  expect(report.gate?.overrides).toEqual(['FLIGHTCHECK_GATE', 'FLIGHTCHECK_MIN_SCORE']);
  expect(readFileSync(join(root, '.flightcheck/report.md'), 'utf8')).toMatch(/differ from the include/);
});
