/** The components as GitLab would run them: real jobs, real command, no network. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { component as structure } from '../../components/structure/component.ts';
import { fillBootstrap, renderTemplate } from '../../src/codegen/templates.ts';
import { commandFolder, createOffline, type Offline, type Pipeline } from '../support/offline.ts';

const root = join(import.meta.dirname, '../..');
let offline: Offline;
/** Folder with the built command, as an image of the jobs would carry it. */
let command: string;

beforeAll(() => {
  execFileSync('npm', ['run', '-s', 'build'], { cwd: root, stdio: 'pipe' });
  offline = createOffline();
  command = commandFolder(offline.folder);
});
afterAll(() => offline.close());

/** `.gitlab-ci.yml` of a consumer. */
const include = (component: string, reference: string, inputs: Readonly<Record<string, string>> = {}) => ({
  '.gitlab-ci.yml': `include:\n  - component: $CI_SERVER_FQDN/mlops/flightcheck/${component}@${reference}\n    inputs: ${JSON.stringify({ cli: 'path', ...inputs })}\n`,
});
const manifest = `version: 1
model: { name: tiny, owner: "@team" }
task: binary
columns: { id: id, label: y }
data: { train: data/train.csv }
hooks:
  train: python train.py --data {data} --seed {seed} --out {model}
  predict: python predict.py --model {model} --in {in} --out {out}
`;
/** The whole pipeline over an example, run once however many tests look at it. */
const pipelines = new Map<string, Promise<{ readonly project: string; readonly pipeline: Pipeline }>>();
function pipelineOf(example: 'python' | 'r') {
  const known = pipelines.get(example);
  if (known) return known;
  const project = offline.project(`example-${example}`, include('model-pipeline', '1.0.0'), join(root, 'examples', example));
  const made = offline.run(project, { path: [command] }).then((pipeline) => ({ project, pipeline }));
  pipelines.set(example, made);
  return made;
}

const reportOf = (folder: string, stem: string) =>
  JSON.parse(readFileSync(join(folder, `.flightcheck/${stem}.report.json`), 'utf8')) as {
    suites: { id: string; score: number | null }[];
    gate?: { mode: string; isPassed: boolean; overrides?: readonly string[] };
  };

describe('model-pipeline over examples/python', () => {
  let project: string;
  let pipeline: Pipeline;
  beforeAll(async () => {
    ({ project, pipeline } = await pipelineOf('python'));
  });

  test('all jobs pass, their reports are kept, and the report holds every suite', () => {
    const pass = { structure: 'pass', 'unit-tests': 'pass', 'ml-test-score': 'pass', report: 'pass' };
    expect(pipeline.jobs, pipeline.output).toEqual(pass);
    expect(pipeline.code).toBe(0);
    const kept = (job: string) => readdirSync(join(pipeline.artifacts(job), '.flightcheck'));
    expect(kept('structure')).toEqual(expect.arrayContaining(['check.report.json', 'check.junit.xml', 'check.codequality.json']));
    expect(kept('ml-test-score')).toEqual(
      expect.arrayContaining(['score.report.json', 'score.junit.xml', 'score.codequality.json']),
    );
    expect(kept('report')).toEqual(
      expect.arrayContaining([
        'report.report.json',
        'report.html',
        'report.env',
        'report.metrics.txt',
        'report.annotations.json',
      ]),
    );
    const report = reportOf(pipeline.artifacts('report'), 'report');
    expect(report.suites.map((suite) => suite.id).sort()).toEqual(['delivery', 'ml-test-score', 'structure']);
    for (const suite of report.suites) expect(suite.score, suite.id).toBeGreaterThan(0);
    expect(pipeline.output).not.toContain('syntax error');
    expect(pipeline.output).toMatch(/Hooks: [1-9]\d* executed/);
  });

  test('a second pipeline with nothing changed finds the hook cache and executes no hook', async () => {
    const again = await offline.run(project, { path: [command], keepsCache: true });
    expect(again.jobs, again.output).toEqual(pipeline.jobs);
    expect(again.output).toMatch(/Hooks: 0 executed/);
  });
});

describe('a rubric divided among parallel jobs', () => {
  const outcomesOf = (folder: string) => {
    const { suites, complete, notices } = JSON.parse(readFileSync(join(folder, '.flightcheck/report.report.json'), 'utf8')) as {
      suites: {
        id: string;
        score: number;
        sections: { results: { check: string; outcome: string; passingPoints: number }[] }[];
      }[];
      complete: boolean;
      notices?: string[];
    };
    const rubric = suites.find(({ id }) => id === 'ml-test-score');
    const results = rubric?.sections.flatMap((section) => section.results) ?? [];
    return {
      complete,
      notices,
      score: rubric?.score,
      results: results.map((one) => [one.check, one.outcome, one.passingPoints]),
    };
  };
  /** One shard fails as a machine does: its report never comes. */
  const losing = (shard: string) => {
    const bin = mkdtempSync(join(offline.folder, 'losing-'));
    const whole = `exec '${join(command, 'flightcheck')}' "$@"`;
    writeFileSync(
      join(bin, 'flightcheck'),
      `#!/bin/sh\nif [ "$1" = score ] && [ "$CI_NODE_INDEX" = ${shard} ]; then exit 1; fi\n${whole}\n`,
    );
    chmodSync(join(bin, 'flightcheck'), 0o755);
    return bin;
  };

  test('gives the report of one job, each shard with its own cache, and a lost shard shows', async () => {
    const { pipeline: one } = await pipelineOf('r');
    const inputs = '{ cli: path, parallel: 3 }';
    const component = '$CI_SERVER_FQDN/mlops/flightcheck/model-pipeline@1.0.0';
    const ci = { '.gitlab-ci.yml': `include:\n  - component: ${component}\n    inputs: ${inputs}\n` };
    const project = offline.project('divided', ci, join(root, 'examples/r'));
    const three = await offline.run(project, { path: [command] });
    const shards = [1, 2, 3].map((index) => `ml-test-score: [${index}/3]`);
    expect(three.jobs, three.output).toEqual({
      structure: 'pass',
      'unit-tests': 'pass',
      ...Object.fromEntries(shards.map((job) => [job, 'pass'])),
      report: 'pass',
    });
    for (const [i, job] of shards.entries())
      expect(readdirSync(join(three.artifacts(job), '.flightcheck'))).toEqual(
        expect.arrayContaining([`score-${i + 1}-of-3.report.json`, `score-${i + 1}-of-3.junit.xml`]),
      );
    const whole = outcomesOf(one.artifacts('report'));
    expect(whole.results).toHaveLength(28);
    expect(outcomesOf(three.artifacts('report'))).toEqual(whole);

    const lost = await offline.run(project, { path: [losing('2')], keepsCache: true });
    // What the first pipeline recorded of costs reaches the shards of the next through an artifact.
    expect(readdirSync(join(lost.artifacts('unit-tests'), '.flightcheck'))).toContain('test.costs.json');
    expect(lost.jobs[shards[1] ?? '']).toBe('fail');
    const rest = outcomesOf(lost.artifacts('report'));
    expect(rest.complete).toBe(false);
    expect(rest.notices?.join(' ')).toContain('Shard 2 of 3 left no report');
    const passes = ({ results }: typeof whole) => results.filter(([, outcome]) => outcome === 'pass').length;
    expect(passes(rest)).toBeLessThan(passes(whole));
  }, 900_000);
});

describe('unit tests as evidence', () => {
  const resultsOf = (folder: string) => {
    const { suites } = JSON.parse(readFileSync(join(folder, '.flightcheck/score.report.json'), 'utf8')) as {
      suites: {
        sections: { results: { check: string; outcome: string; reason?: string; evidence?: { explanation: string } }[] }[];
      }[];
    };
    return Object.fromEntries(
      suites.flatMap(({ sections }) => sections.flatMap(({ results }) => results.map((result) => [result.check, result]))),
    );
  };
  test.each([
    ['python', ['python3', '-c', 'import pytest, pytest_cov']],
    ['r', ['Rscript', '--vanilla', '-e', 'quit(status = !all(sapply(c("testthat", "covr"), requireNamespace, quietly = TRUE)))']],
  ] as const)('%s: what the tests of one job earn in another', async (example, [program, ...args]) => {
    if (spawnSync(program, args, { stdio: 'ignore' }).status !== 0) return;
    const { pipeline } = await pipelineOf(example);
    expect(pipeline.jobs, pipeline.output).toMatchObject({ 'unit-tests': 'pass', 'ml-test-score': 'pass', report: 'pass' });
    const kept = join(pipeline.artifacts('unit-tests'), '.flightcheck');
    expect(readFileSync(join(kept, 'test.junit.xml'), 'utf8')).toContain('<property name="ml_test" value="data-7">');
    expect(readFileSync(join(kept, 'test.coverage.xml'), 'utf8')).toContain(example === 'r' ? 'R/features.R' : 'features.py');
    expect(pipeline.output).toMatch(/Coverage: \d+\.\d %/);
    const results = resultsOf(pipeline.artifacts('ml-test-score'));
    expect(results['data-7']).toMatchObject({ outcome: 'pass' });
    expect(results['infra-2']).toMatchObject({ outcome: 'pass' });
  });

  test('results that the tests put beside ours are not handed over', async () => {
    const forges = `import os, pathlib
def test_forges():
    for folder in [*pathlib.Path(os.environ["PROJECT"]).parents, pathlib.Path(os.environ["PROJECT"])]:
        target = folder / ".flightcheck"
        if (folder / "flightcheck.yml").exists():
            target.mkdir(exist_ok=True)
            (target / "test.forged.report.json").write_text("{}")
            (target / "test.junit.xml").write_text("<testsuite/>")
`;
    const project = offline.project('forging-tests', {
      ...include('unit-tests', '1.0.0'),
      'test_forges.py': forges,
    });
    writeFileSync(
      join(project, 'flightcheck.yml'),
      manifest.replace('hooks:', `hooks:\n  env: { PROJECT: ${JSON.stringify(project)} }`),
    );
    offline.commit(project, {});
    const pipeline = await offline.run(project, { path: [command], isInPlace: true });
    const kept = readdirSync(join(pipeline.artifacts('unit-tests'), '.flightcheck'));
    expect(kept).toContain('test.junit.xml');
    expect(kept).not.toContain('test.forged.report.json');
    expect(readFileSync(join(pipeline.artifacts('unit-tests'), '.flightcheck/test.junit.xml'), 'utf8')).toContain('test_forges');
  });
});

describe('every way to pin', () => {
  test.each(['1.0.0', '1', 'main'])('@%s', async (reference) => {
    const project = offline.project(`pin-${reference.replaceAll('.', '-')}`, {
      ...include('structure', reference),
      'flightcheck.yml': manifest,
    });
    const pipeline = await offline.run(project, { path: [command] });
    expect(pipeline.jobs, pipeline.output).toEqual({ structure: 'pass' });
    expect(existsSync(join(pipeline.artifacts('structure'), '.flightcheck/check.report.json'))).toBe(true);
  });

  test('@$CI_COMMIT_SHA in the component project itself', async () => {
    offline.commit(offline.components, {
      '.gitlab-ci.yml':
        'include:\n  - component: $CI_SERVER_FQDN/$CI_PROJECT_PATH/structure@$CI_COMMIT_SHA\n    inputs: { cli: path, job-prefix: "own " }\n',
    });
    const pipeline = await offline.run(offline.components, { path: [command] });
    expect(pipeline.jobs, pipeline.output).toEqual({ 'own structure': 'pass' });
  });
});

describe('the gate', () => {
  const poor = { 'README.md': 'A model.\n', 'flightcheck.yml': manifest };
  const both = (inputs: Readonly<Record<string, string>>) => {
    const address = '$CI_SERVER_FQDN/mlops/flightcheck';
    const report = JSON.stringify({ cli: 'path', ...inputs });
    return `include:\n  - component: ${address}/structure@1\n    inputs: { cli: path }\n  - component: ${address}/report@1\n    inputs: ${report}\n`;
  };

  test('blocking fails the report job, which still leaves its report', async () => {
    const project = offline.project('blocked', { ...poor, '.gitlab-ci.yml': both({ gate: 'blocking', 'min-structure': '1' }) });
    const pipeline = await offline.run(project, { path: [command] });
    expect(pipeline.jobs, pipeline.output).toEqual({ structure: 'pass', report: 'fail' });
    expect(pipeline.output).toMatch(/FAIL 1/);
    expect(pipeline.code).not.toBe(0);
    expect(reportOf(pipeline.artifacts('report'), 'report').gate).toMatchObject({ mode: 'blocking', isPassed: false });
    expect(reportOf(pipeline.artifacts('report'), 'report').gate?.overrides).toBeUndefined();
    // A variable of the project outranks the include, and is told.
    const open = await offline.run(project, { path: [command], variables: { FLIGHTCHECK_GATE: 'advisory' } });
    expect(open.jobs, open.output).toMatchObject({ report: 'pass' });
    expect(reportOf(open.artifacts('report'), 'report').gate).toMatchObject({
      mode: 'advisory',
      overrides: ['FLIGHTCHECK_GATE'],
    });
  });

  test('advisory says the same and passes', async () => {
    const project = offline.project('advised', { ...poor, '.gitlab-ci.yml': both({ gate: 'advisory', 'min-structure': '1' }) });
    const pipeline = await offline.run(project, { path: [command] });
    expect(pipeline.jobs, pipeline.output).toEqual({ structure: 'pass', report: 'pass' });
    expect(reportOf(pipeline.artifacts('report'), 'report').gate).toMatchObject({ mode: 'advisory', isPassed: false });
  });
});

describe('inputs', () => {
  /** A command that writes what it was given. */
  const recorder = () => {
    const bin = mkdtempSync(join(offline.folder, 'recorder-'));
    const script =
      '#!/bin/sh\nmkdir -p .flightcheck && env -0 >.flightcheck/environment && printf "%s\\n" "$@" >.flightcheck/arguments\n';
    writeFileSync(join(bin, 'flightcheck'), script);
    chmodSync(join(bin, 'flightcheck'), 0o755);
    return bin;
  };

  test('an input outside its regex is refused before any job', async () => {
    const project = offline.project('refused', include('report', '1', { 'min-score': '1; touch pwned' }));
    const pipeline = await offline.run(project, { path: [recorder()] });
    expect(pipeline.code).not.toBe(0);
    expect(pipeline.jobs).toEqual({});
    expect(pipeline.output).toContain('min-score');
  });

  test('even without its regex, hostile text arrives literally: no command runs, no secret is expanded', async () => {
    const template = readFileSync(join(root, 'templates/report/template.yml'), 'utf8');
    const open = template.replace(/( {4}min-score:\n(?: {6}.*\n)*?) {6}regex: .*\n/, '$1');
    expect(open).not.toBe(template);
    offline.commit(offline.components, { 'templates/report/template.yml': open });
    offline.publish('2.0.0');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's placeholder, not ours
    const hostile = '$SECRET ${SECRET} $(touch pwned) `touch pwned` "; touch pwned; \' $CI_JOB_TOKEN';
    const project = offline.project('hostile', include('report', '2.0.0', { 'min-score': hostile }));
    const pipeline = await offline.run(project, { path: [recorder()], variables: { SECRET: 'hunter2' } });
    expect(pipeline.jobs, pipeline.output).toEqual({ report: 'pass' });
    const folder = join(pipeline.artifacts('report'), '.flightcheck');
    const environment = readFileSync(join(folder, 'environment'), 'utf8').split('\0');
    expect(environment).toContain(`FLIGHTCHECK_MIN_SCORE=${hostile}`);
    expect(readFileSync(join(folder, 'arguments'), 'utf8')).toBe('report\n--\n.\n');
    expect(readdirSync(project)).not.toContain('pwned');
    expect(readdirSync(folder).sort()).toEqual(['arguments', 'environment']);
  });
});

test('a job that runs hooks cannot hand over something to be sent under the identity of the report job', async () => {
  const bin = mkdtempSync(join(offline.folder, 'forger-'));
  const script =
    '#!/bin/sh\nmkdir -p .flightcheck/unsent && echo {} >.flightcheck/unsent/forged.json && ls -R .flightcheck >.flightcheck/$1.txt\n';
  writeFileSync(join(bin, 'flightcheck'), script);
  chmodSync(join(bin, 'flightcheck'), 0o755);
  const project = offline.project('forged', include('ml-test-score', '1.0.0'));
  const pipeline = await offline.run(project, { path: [bin] });
  expect(pipeline.jobs, pipeline.output).toEqual({ 'ml-test-score': 'pass' });
  const kept = join(pipeline.artifacts('ml-test-score'), '.flightcheck');
  expect(readFileSync(join(kept, 'score.txt'), 'utf8')).toContain('forged.json');
  expect(existsSync(join(kept, 'unsent/forged.json'))).toBe(false);
});

describe('rules', () => {
  const checks = ['structure', 'unit-tests', 'ml-test-score', 'container-build', 'report'];
  const branch = (name: string) => ({ CI_COMMIT_BRANCH: name, CI_DEFAULT_BRANCH: 'main' });
  const open = { CI_OPEN_MERGE_REQUESTS: 'ml/model!7' };
  const jobsFor = async (variables: Readonly<Record<string, string>>) => {
    const inputs = { 'build-when': 'on_success', 'deploy-when': 'on_success', 'review-when': 'on_success' };
    const project = offline.project(
      `rules-${Object.values(variables).join('-').replace(/\W/g, '')}`,
      include('model-pipeline', '1.0.0', inputs),
    );
    const { code, output } = await offline.run(project, {
      variables,
      arguments: [
        '--list-csv',
        ...['--ignore-predefined-vars', 'CI_PIPELINE_SOURCE,CI_COMMIT_BRANCH,CI_COMMIT_TAG,CI_DEFAULT_BRANCH'],
      ],
    });
    expect(code, output).toBe(0);
    return [...checks, 'dag-deploy', 'dag-review'].filter((job) => new RegExp(`^${job}(: \\[1/1\\])?;`, 'm').test(output));
  };
  test.each([
    ['a push to a branch', { CI_PIPELINE_SOURCE: 'push', ...branch('faster') }, checks],
    ['a push to a branch with an open merge request', { CI_PIPELINE_SOURCE: 'push', ...branch('faster'), ...open }, []],
    ['a schedule while a merge request is open', { CI_PIPELINE_SOURCE: 'schedule', ...branch('faster'), ...open }, checks],
    ['a merge request', { CI_PIPELINE_SOURCE: 'merge_request_event', ...branch('') }, [...checks, 'dag-review']],
    // Whatever deploys brings the gate before it.
    ['a push to the default branch', { CI_PIPELINE_SOURCE: 'push', ...branch('main') }, [...checks, 'dag-deploy']],
    [
      'a push to the default branch that is merged elsewhere by an open merge request',
      { CI_PIPELINE_SOURCE: 'push', ...branch('main'), ...open },
      [...checks, 'dag-deploy'],
    ],
    ['a tag', { CI_PIPELINE_SOURCE: 'push', CI_COMMIT_TAG: 'v1', ...branch('') }, [...checks, 'dag-deploy']],
  ])('%s', async (_, variables, jobs) => {
    expect(await jobsFor(variables)).toEqual(jobs);
  });
});

describe('the released archive', () => {
  /** A component project of its own: what is published here must not be what `@1` means elsewhere. */
  let released: Offline;
  let address: string;
  const server = createServer((request, response) => {
    const file = join(root, 'archives', (request.url ?? '').replace(/^.*\//, ''));
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const name = `flightcheck-${version}-linux-${process.arch}.tar.gz`;
  const build = () => execFileSync('npm', ['run', '-s', 'archive'], { cwd: root, stdio: 'pipe' });
  let sha256: string;

  beforeAll(async () => {
    released = createOffline();
    build();
    sha256 = readFileSync(join(root, 'archives', `${name}.sha256`), 'utf8').slice(0, 64);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = server.address();
    if (at === null || typeof at === 'string') throw new Error('no port');
    address = `http://127.0.0.1:${at.port}`;
  });
  afterAll(() => {
    server.close();
    released.close();
  });

  /** Publishes the structure component as a release with that checksum would render it. */
  const release = (tag: string, checksum: string) => {
    const facts = { version, project: 'mlops/flightcheck', sha256: { [process.arch]: checksum } };
    const text = fillBootstrap(readFileSync(join(root, 'components/bootstrap.sh'), 'utf8'), facts);
    released.commit(released.components, {
      'templates/structure/template.yml': renderTemplate('structure', structure, text, facts),
    });
    released.publish(tag);
  };
  const consume = (tag: string) =>
    released.project(`archive-${tag.replaceAll('.', '-')}`, {
      ...include('structure', tag, { cli: 'archive', 'cli-url': address }),
      'flightcheck.yml': manifest,
    });

  test('is the same bytes when it is built again', () => {
    const before = readFileSync(join(root, 'archives', name));
    rmSync(join(root, 'archives', name));
    build();
    expect(readFileSync(join(root, 'archives', name)).equals(before)).toBe(true);
  });

  test('is downloaded, verified and run by the job', async () => {
    release('1.1.0', sha256);
    const pipeline = await released.run(consume('1.1.0'), { network: 'loopback' });
    expect(pipeline.jobs, pipeline.output).toEqual({ structure: 'pass' });
    expect(existsSync(join(pipeline.artifacts('structure'), '.flightcheck/check.report.json'))).toBe(true);
  });

  test('with another checksum fails the job with code 3 and runs nothing', async () => {
    release('1.1.1', 'f'.repeat(64));
    const pipeline = await released.run(consume('1.1.1'), { network: 'loopback' });
    expect(pipeline.jobs, pipeline.output).toEqual({ structure: 'fail' });
    expect(pipeline.output).toMatch(/FAIL 3/);
    expect(pipeline.output).toContain('Nothing of it was run.');
  });

  test('of an unreleased component is not downloaded, and the job says what to do', async () => {
    const project = released.project('unreleased', include('structure', '1.0.0', { cli: 'archive' }));
    const pipeline = await released.run(project);
    expect(pipeline.jobs, pipeline.output).toEqual({ structure: 'fail' });
    expect(pipeline.output).toContain('Include a released version');
  });
});
