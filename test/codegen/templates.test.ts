import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { interpolate, splitTemplate } from '../../src/facts/ci/interpolate.ts';
import headerSchema from '../../src/facts/ci/spec.schema.json' with { type: 'json' };
import { variableOf } from '../../src/kernel/options/index.ts';
import { ciSchema } from '../support/ci-schema.ts';

const root = join(import.meta.dirname, '../..');
const names = readdirSync(join(root, 'templates')).sort();
const templateOf = (name: string) => readFileSync(join(root, 'templates', name, 'template.yml'), 'utf8');

type Job = Readonly<Record<string, unknown>> & { readonly variables: Readonly<Record<string, unknown>> };
interface InputSpec {
  readonly type: string;
  readonly default: unknown;
  readonly options?: readonly string[];
  readonly regex?: string;
}

const inputsOf = (name: string) =>
  (splitTemplate(templateOf(name)).header as { spec: { inputs: Readonly<Record<string, InputSpec>> } }).spec.inputs;
const released = { name: 'x', version: '1.2.3', sha: 'a'.repeat(40), reference: '1' };
const jobsOf = (name: string, given: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, Job>> => {
  const result = interpolate(templateOf(name), given, released);
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.value as Readonly<Record<string, Job>>;
};

const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
const isValidHeader = ajv.compile(headerSchema);
const isValidBody = ajv.compile(ciSchema());

/** Every string in a value, with the keys that lead to it. */
function* strings(node: unknown, path: readonly string[] = []): Generator<readonly [string, string]> {
  if (typeof node === 'string') yield [path.join('.'), node];
  else if (node !== null && typeof node === 'object')
    for (const [key, value] of Object.entries(node)) yield* strings(value, [...path, key]);
}

test("the project's own pipeline follows GitLab's schema", () => {
  isValidBody(splitTemplate(readFileSync(join(root, '.gitlab-ci.yml'), 'utf8')).body);
  expect(isValidBody.errors).toBeNull();
});

test('every component has a template, and every template a component', () => {
  const folders = readdirSync(join(root, 'components'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map((entry) => entry.name).sort()).toEqual(names);
  expect(names).toEqual(expect.arrayContaining(['ml-test-score', 'model-pipeline', 'report', 'structure']));
});

describe.each(names)('template %s', (name) => {
  test('the header follows the specification of component headers', () => {
    isValidHeader(splitTemplate(templateOf(name)).header);
    expect(isValidHeader.errors).toBeNull();
  });

  test('the example includes components that exist, with inputs that they take', () => {
    const text = readFileSync(join(root, 'components', name, 'example.gitlab-ci.yml'), 'utf8');
    const { include } = parse(text) as { include: { component: string; inputs?: Record<string, unknown> }[] };
    for (const { component, inputs = {} } of include) {
      const [, included = ''] = /^\$CI_SERVER_FQDN\/mlops\/flightcheck\/([a-z-]+)@1$/.exec(component) ?? [];
      expect(jobsOf(included, inputs)).not.toEqual({});
    }
    expect(text).toContain(`/${name}@1`);
  });

  test("the interpolated body follows GitLab's schema", () => {
    isValidBody(jobsOf(name));
    expect(isValidBody.errors).toBeNull();
  });

  test('there is no global keyword: every top-level key is a job', () => {
    for (const job of Object.values(jobsOf(name, { 'job-prefix': 'fc: ' }))) expect(job).toHaveProperty('script');
    for (const key of Object.keys(jobsOf(name, { 'job-prefix': 'fc: ' }))) expect(key).toMatch(/^fc: /);
  });

  test('no input is interpolated in a script', () => {
    const { body } = splitTemplate(templateOf(name));
    const inScripts = [...strings(body)].filter(
      ([path, text]) => /\.(before_|after_)?script\./.test(path) && text.includes('$[['),
    );
    expect(inScripts).toEqual([]);
    expect([...strings(body)].filter(([path]) => path.includes('.script.')).length).toBeGreaterThan(1);
  });

  test('every string input has a regex or options, and a default', () => {
    for (const [input, spec] of Object.entries(inputsOf(name))) {
      if (spec.type === 'string') expect(spec.regex ?? spec.options, input).toBeDefined();
      expect(spec.default, input).toBeDefined();
    }
  });

  test('a variable with a string input is not expanded', () => {
    for (const job of Object.values((splitTemplate(templateOf(name)).body ?? {}) as Readonly<Record<string, Job>>))
      for (const [variable, value] of Object.entries(job.variables))
        if (typeof value === 'object') expect(value, variable).toMatchObject({ expand: false });
        else
          expect(
            ['GIT_DEPTH', 'FLIGHTCHECK_GATE', 'FLIGHTCHECK_TOWER_TIMEOUT', 'FLIGHTCHECK_INCLUDED_TOWER_TIMEOUT'],
            variable,
          ).toContain(variable);
  });

  test('only the report job holds an identity, minted for the Tower', () => {
    for (const [job, value] of Object.entries(
      jobsOf(name, 'tower-url' in inputsOf(name) ? { 'tower-url': 'https://t.example' } : {}),
    ))
      expect(value.id_tokens, job).toEqual(
        job === 'report' ? { FLIGHTCHECK_TOWER_TOKEN: { aud: ['flightcheck', 'https://t.example'] } } : undefined,
      );
  });

  test('reports are browsable too, kept when the job fails, and not for ever', () => {
    for (const job of Object.values(jobsOf(name, { 'model-dir': 'models/a', output: 'out' }))) {
      expect(job.artifacts).toMatchObject({
        when: 'always',
        expire_in: '30 days',
        paths: expect.arrayContaining([expect.stringMatching(/^models\/a\/out\//)]),
      });
      for (const path of (job.artifacts as { paths: string[] }).paths) expect(path).toMatch(/^models\/a\/out\//);
      for (const report of Object.values((job.artifacts as { reports: Record<string, string | { path: string }> }).reports))
        expect(typeof report === 'string' ? report : report.path).toMatch(/^models\/a\/out\//);
    }
  });

  test('hostile text in a string input arrives as that text or is refused', () => {
    const text = Object.entries(inputsOf(name)).filter(([, spec]) => spec.type === 'string');
    const hostile = fc
      .array(
        fc.constantFrom(
          '$(id)',
          '`id`',
          '$CI_JOB_TOKEN',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's placeholder, not ours
          '${CI_JOB_TOKEN}',
          '"',
          "'",
          '\n',
          '\\',
          ';',
          '|',
          '&',
          '..',
          '/',
          ' ',
          '-',
          '$[[ inputs.stage ]]',
          '\u0000',
          '\u2028',
          'a',
          '1',
          '.',
          ':',
          'http://',
          '#',
          '{',
          ']]',
          '*',
        ),
        { minLength: 1, maxLength: 5 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.constantFrom(...text.map(([input]) => input)), fc.oneof(hostile, fc.string()), (input, value) => {
        const result = interpolate(templateOf(name), { [input]: value }, released);
        if (!result.ok) return result.problems.every((problem) => problem.startsWith(`input \`${input}\`: `));
        const variables = Object.values(result.value as Record<string, Job>).map((job) => job.variables[variableOf(input)]);
        for (const found of variables) if (typeof found === 'object') expect(found).toEqual({ value, expand: false });
        // What passes can start no variable, leave no quotes and climb out of no folder, wherever it stands.
        expect(value).not.toMatch(/[$"'`\\\n\r\0;|&<>]/);
        if (['model-dir', 'output', 'cache'].includes(input)) expect(value.split('/')).not.toContain('..');
        return true;
      }),
      { numRuns: 150 },
    );
  });
});

test('model-pipeline runs the jobs of the other components, wired with needs', () => {
  const { structure, 'unit-tests': tests, 'ml-test-score': score, report } = jobsOf('model-pipeline');
  expect(structure).toEqual(jobsOf('structure').structure);
  expect(tests).toEqual(jobsOf('unit-tests')['unit-tests']);
  // It runs whatever became of the unit tests, whose results are its evidence.
  const { rules, needs, ...rest } = score as Job;
  expect(rest).toMatchObject(
    Object.fromEntries(Object.entries(jobsOf('ml-test-score')['ml-test-score'] ?? {}).filter(([key]) => key !== 'rules')),
  );
  expect(needs).toEqual([{ job: 'unit-tests', artifacts: true }]);
  expect(rules).toEqual(report?.rules);
  expect(report).toEqual({
    ...jobsOf('report').report,
    stage: 'test',
    needs: [
      { job: 'structure', artifacts: true },
      { job: 'unit-tests', artifacts: true },
      { job: 'ml-test-score', artifacts: true },
      { job: 'container-build', artifacts: true, optional: true },
    ],
  });
});

test('a folder for layers is a path, not a command', () => {
  const given = (value: string) => interpolate(templateOf('container-build'), { 'build-cache': value }, released).ok;
  expect(['', '/cache/flightcheck', '/mnt/c @1/layers'].map(given)).toEqual([true, true, true]);
  expect(['/$(id)', '/`id`', '/a;b', '/"', 'cache'].map(given)).toEqual([false, false, false, false, false]);
});

test('model-pipeline builds and deploys where asked: after the gate, in the image of this pipeline', () => {
  const jobs = jobsOf('model-pipeline');
  const follows = [
    { job: 'container-build', artifacts: true, optional: true },
    // Not optional: GitLab refuses a pipeline that would deploy without the gate.
    { job: 'report', artifacts: false },
  ];
  for (const [name, from] of [
    ['container-build', 'container-build'],
    ['dag-deploy', 'dag-deploy'],
    ['dag-review', 'dag-deploy'],
    ['dag-stop', 'dag-deploy'],
  ] as const) {
    const { rules: _, needs: __, stage: ___, ...rest } = jobs[name] as Job;
    expect(jobsOf(from)[name]).toMatchObject(rest);
  }
  for (const name of ['dag-deploy', 'dag-review']) expect(jobs[name]?.needs).toEqual(follows);
  const firstRule = (name: string, inputs = {}) => ((jobsOf('model-pipeline', inputs)[name] as Job).rules as object[])[0];
  expect(firstRule('container-build')).toEqual({ if: '"never" == "never"', when: 'never' });
  expect(firstRule('container-build', { 'build-when': 'on_success' })).toEqual({ if: '"on_success" == "never"', when: 'never' });
  expect(jobs['dag-deploy']?.rules).toContainEqual({
    if: '$CI_COMMIT_TAG || $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH',
    when: 'never',
  });
});

test('a job that stops an environment acts on that of the job that it is named by, and only when it is asked', () => {
  const jobs = jobsOf('dag-deploy', { 'job-prefix': 'x ', 'review-when': 'manual' });
  for (const job of Object.values(jobs)) {
    const environment = job.environment as { name: string; on_stop?: string };
    if (environment.on_stop === undefined) continue;
    const stop = jobs[environment.on_stop];
    expect(stop?.environment).toEqual({ name: environment.name, action: 'stop' });
    expect(stop?.resource_group).toBe(job.resource_group);
    expect(((stop as Job).rules as { when: string }[]).filter(({ when }) => when !== 'never')).toMatchObject([
      { when: 'manual', allow_failure: true },
    ]);
  }
  expect(Object.values(jobs).filter((job) => 'on_stop' in (job.environment as object))).toHaveLength(2);
});

test('only the report job decides the gate', () => {
  const { structure, 'ml-test-score': score, report } = jobsOf('model-pipeline', { gate: 'blocking' });
  expect(structure?.variables.FLIGHTCHECK_GATE).toBe('advisory');
  expect(score?.variables.FLIGHTCHECK_GATE).toBe('advisory');
  expect(report?.variables.FLIGHTCHECK_GATE).toEqual({ value: 'blocking', expand: false });
});

test('no job but the report can hand over what is sent to Control Tower under its identity', () => {
  const jobs = Object.values(jobsOf('model-pipeline', { 'model-dir': 'm', output: 'out' }));
  expect(jobs.map((job) => (job.artifacts as { paths: string[] }).paths)).toEqual([
    ['m/out/check.*'],
    ['m/out/test.*'],
    ['m/out/score.*', 'm/out/score-*-of-*.*'],
    ['m/out/build.*'],
    ['m/out/'],
    ...Array(5).fill(['m/out/deploy.*']),
  ]);
});

test.each(['ml-test-score', 'model-pipeline'])('%s divides the rubric among as many jobs as parallel says', (component) => {
  expect(jobsOf(component)['ml-test-score']).toMatchObject({ parallel: 1 });
  const jobs = jobsOf(component, { parallel: 4 });
  // A number, as GitLab demands, and no variable: which part a job runs, GitLab itself tells it.
  expect(jobs['ml-test-score']).toMatchObject({ parallel: 4 });
  expect(Object.keys(jobs['ml-test-score']?.variables ?? {})).not.toContain('FLIGHTCHECK_PARALLEL');
  for (const [job, { parallel }] of Object.entries(jobs)) if (job !== 'ml-test-score') expect(parallel, job).toBeUndefined();
});

test('the record of costs goes from the report of one pipeline through the unit tests of the next to all shards alike', () => {
  const cachesOf = (job: Job | undefined) => (job?.cache ?? []) as { key: unknown; paths: string[]; policy?: string }[];
  const { report, 'unit-tests': tests, 'ml-test-score': score } = jobsOf('model-pipeline');
  const costs = { key: 'flightcheck-costs-1', paths: ['./.flightcheck-cache/costs.json'] };
  expect(cachesOf(report)).toContainEqual({ ...costs, policy: 'pull-push' });
  expect(cachesOf(tests)).toContainEqual({ ...costs, policy: 'pull' });
  expect(cachesOf(score).map(({ key }) => key)).not.toContain('flightcheck-costs-1');
});

test('two models of one repo keep their caches apart: no key holds the folders of both', () => {
  const foldersByKey = new Map<string, string>();
  for (const model of ['fraud', 'churn'])
    for (const job of Object.values(jobsOf('model-pipeline', { 'job-prefix': `${model}:`, 'model-dir': `models/${model}` })))
      for (const { key, paths } of (job.cache ?? []) as { key: unknown; paths: string[] }[]) {
        if (paths.every((path) => path.startsWith('.flightcheck-cli/'))) continue;
        const text = JSON.stringify(key);
        expect(text, 'GitLab takes no slash').not.toContain('models/');
        expect(foldersByKey.get(text) ?? model, text).toBe(model);
        foldersByKey.set(text, model);
      }
  expect(foldersByKey.size).toBeGreaterThanOrEqual(4);
});

test('needs follow the prefix of the names', () => {
  const jobs = jobsOf('model-pipeline', { 'job-prefix': 'risk:' });
  for (const name of Object.keys(jobs)) expect(name).toMatch(/^risk:/);
  expect(jobs['risk:dag-deploy']?.environment).toMatchObject({ on_stop: 'risk:dag-stop' });
  expect(jobs['risk:report']?.needs).toMatchObject([
    { job: 'risk:structure' },
    { job: 'risk:unit-tests' },
    { job: 'risk:ml-test-score' },
    { job: 'risk:container-build' },
  ]);
});

test("the header's schema refuses what GitLab refuses", () => {
  const refused: readonly object[] = [
    { inputs: {} },
    { inputs: { 'a b': {} } },
    { inputs: { a: { type: 'number', default: '3' } } },
    { inputs: { a: { type: 'number', regex: '^3$' } } },
    { inputs: { a: { type: 'boolean', options: ['a'] } } },
    { inputs: { a: { default: 3 } } },
    { inputs: { a: { regex: '/^a$/' } } },
    { inputs: { a: { options: Array.from({ length: 51 }, (_, i) => `${i}`) } } },
    { inputs: { a: { default: 'b', rules: [{ options: ['b'] }] } } },
    { component: ['path'] },
    { include: [] },
  ];
  for (const spec of refused) expect(isValidHeader({ spec }), JSON.stringify(spec)).toBe(false);
  expect(isValidHeader({ spec: null })).toBe(true);
  expect(
    isValidHeader({
      spec: { inputs: { a: null, b: { rules: [{ if: '$[[ inputs.a ]] == "x"', default: 'y' }, { options: ['y'] }] } } },
    }),
  ).toBe(true);
});
