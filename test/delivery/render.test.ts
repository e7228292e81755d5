import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importProblem } from '../../src/adapters/delivery/python-import.ts';
import { cronProblem } from '../../src/delivery/dag/cron.ts';
import { metricsTaskId } from '../../src/delivery/dag/metrics-task.ts';
import { python } from '../../src/delivery/dag/python.ts';
import { renderAirflow, renderedIn, renderHash } from '../../src/delivery/dag/render-airflow.ts';
import { resolveDag } from '../../src/delivery/dag/resolve.ts';
import type { DagSpec, TaskSpec } from '../../src/delivery/dag/spec.ts';
import { changesOf, changesSince } from '../../src/delivery/deploy/changes.ts';
import { manifestOf } from '../support/manifest.ts';

const image = `registry.example.com/team/risk@sha256:${'a'.repeat(64)}`;
const delivery = { environment: 'prod', image, commit: 'b'.repeat(40), version: '1.2.0' };
const given = {
  model: { name: 'risk', owner: '@team', description: 'Who pays late.' },
  dag: {
    schedule: { assets: ['s3://lake/claims'], cron: '0 3 * * 1-5' },
    timezone: 'Australia/Sydney',
    timeout: '4h',
    params: { days: 7 },
    tags: ['debt'],
  },
  defaults: {
    timeout: '1h',
    retries: 2,
    resources: { cpu: 1, memory: '2Gi' },
    secrets: [{ env: 'TOKEN', secret: 'risk', key: 'token' }],
  },
  tasks: {
    drift: { command: ['python', '-m', 'risk.drift'], skipOnExit: 99, produces: ['risk://drift'] },
    retrain: {
      command: 'python -m risk.train',
      args: ['{{ ds }}'],
      dependsOn: 'drift',
      resources: { gpu: 1 },
      tolerations: [{ key: 'gpu', operator: 'Exists' }],
    },
    tell: { command: ['echo', '{{ ds }}'], template: true, dependsOn: ['retrain'], when: 'all_done' },
  },
  environments: {
    prod: {
      airflow: { url: 'https://airflow.example.com' },
      deliver: { git: { url: 'https://git.example.com/dags.git' } },
      namespace: 'models',
    },
    dev: {
      executor: 'local',
      airflow: { url: 'http://127.0.0.1:8080' },
      deliver: { dir: '/dags' },
      dagIdSuffix: '__dev',
      metrics: { url: 'https://tower.example.com/' },
      overrides: { dag: { schedule: null }, tasks: { retrain: { timeout: '5m' } } },
    },
  },
};
const resolve = (more: object = {}, environment = 'prod', withImage: string | null = image) =>
  resolveDag(manifestOf({ ...given, ...more }), { ...delivery, environment, image: withImage }, (key) => ({
    path: 'flightcheck.yml',
    line: key.length,
  }));

describe('the rendered file', () => {
  test('for Kubernetes', async () => {
    await expect(renderAirflow(resolve())).toMatchFileSnapshot('../golden/dag.kubernetes.py');
    expect(await importProblem(renderAirflow(resolve()))).toBeNull();
  });

  test('for a worker of this machine, with what the environment overrides', async () => {
    await expect(renderAirflow(resolve({}, 'dev'))).toMatchFileSnapshot('../golden/dag.local.py');
  });

  test('tells Control Tower how each run went, after all that nothing else waits for', async () => {
    const text = renderAirflow(resolve({}, 'dev'));
    expect(await importProblem(text)).toBeNull();
    expect(text).toMatch(/ {4}task_3 >> task_4\n$/);
    expect(text).toContain('url="https://tower.example.com"');
    const { dev } = given.environments;
    expect(renderAirflow(resolve({ environments: { dev: { ...dev, metrics: {} } } }, 'dev'))).toContain('url=None');
    const withoutIt = resolve(
      { environments: { ...given.environments, dev: { ...given.environments.dev, metrics: undefined } } },
      'dev',
    );
    expect(renderAirflow(withoutIt)).not.toContain('urllib');
    expect(changesOf(withoutIt, resolve({}, 'dev'))).toEqual([
      expect.objectContaining({ of: 'dag', what: 'changed', key: 'metrics', from: 'null' }),
    ]);
    expect(changesOf(resolve({}, 'dev'), withoutIt)).toEqual([expect.objectContaining({ key: 'metrics', to: 'null' })]);
  });

  test('holds its own specification, unless somebody changed it by hand', () => {
    const spec = resolve();
    const text = renderAirflow(spec);
    expect(renderedIn(text)).toEqual({ spec, hash: renderHash(spec) });
    expect(renderedIn(text.replaceAll(renderHash(spec), 'f'.repeat(64)))).toBeNull();
    expect(renderedIn('print(1)')).toBeNull();
  });

  test('of an older version is known as ours, and is a change although the specification is the same', () => {
    const spec = resolve();
    const hash = renderHash(spec, 1);
    const older = renderAirflow(spec).replaceAll(renderHash(spec), hash);
    expect(renderedIn(older)).toEqual({ spec, hash });
    expect(changesSince(renderedIn(older), spec)).toEqual([expect.objectContaining({ of: 'dag', key: 'file' })]);
    expect(changesSince(renderedIn(renderAirflow(spec)), spec)).toEqual([]);
    // Not of a format that is still to come.
    expect(renderedIn(older.replaceAll(hash, renderHash(spec, 99)))).toBeNull();
  });

  test('a file that cannot be imported is found before it leaves', async () => {
    expect(await importProblem('x = (')).toContain('SyntaxError');
    expect(await importProblem('raise ValueError("no")')).toBe('ValueError: no');
  });
});

const text = () =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom('{{ ds }}', '"""', "'", '\\', '\n', '\u2028', '$' + '{X}', '%s', '#', 'é🚀', '\ud800', '\u0000', '{% raw %}'),
  );
const task = (id: string): fc.Arbitrary<TaskSpec> =>
  fc.record({
    id: fc.constant(id),
    command: fc.array(text(), { maxLength: 4 }),
    args: fc.array(text(), { maxLength: 4 }),
    image: text(),
    dependsOn: fc.constant([]),
    when: fc.constantFrom('all_success', 'all_done'),
    requests: fc.constant({ cpu: '1' }),
    limits: fc.constant({}),
    env: fc.dictionary(text(), text(), { maxKeys: 3 }),
    secrets: fc.array(fc.record({ env: text(), secret: text(), key: text() }), { maxLength: 2 }),
    retries: fc.nat(9),
    retryDelaySeconds: fc.nat(),
    backoff: fc.boolean(),
    timeoutSeconds: fc.option(fc.nat()),
    startupTimeoutSeconds: fc.nat(),
    serviceAccount: fc.option(text()),
    nodeSelector: fc.dictionary(text(), text(), { maxKeys: 2 }),
    tolerations: fc.array(
      fc.dictionary(text(), fc.oneof(text(), fc.integer(), fc.boolean(), fc.constant(null)), { maxKeys: 2 }),
      { maxLength: 2 },
    ),
    affinity: fc.constant(null),
    pool: fc.option(text()),
    deferrable: fc.boolean(),
    skipOnExit: fc.option(fc.nat(255)),
    produces: fc.array(text(), { maxLength: 2 }),
    template: fc.boolean(),
  });
const dag = fc.record({
  id: text(),
  description: text(),
  schedule: fc.record({ cron: fc.option(text()), assets: fc.array(text(), { maxLength: 2 }) }),
  timezone: fc.constant('UTC'),
  start: fc.constant('2024-01-01'),
  catchup: fc.boolean(),
  maxActiveRuns: fc.nat(9),
  timeoutSeconds: fc.option(fc.nat()),
  params: fc.dictionary(
    text(),
    fc.oneof(text(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
    { maxKeys: 3 },
  ),
  tags: fc.array(text(), { maxLength: 2 }),
  owner: text(),
  executor: fc.constantFrom('kubernetes' as const, 'local' as const),
  namespace: fc.option(text()),
  labels: fc.dictionary(text(), text(), { maxKeys: 3 }),
  tasks: fc.tuple(task('a'), task('b')).map((tasks) => [...tasks]),
  metrics: fc.option(fc.record({ url: text(), connection: text(), model: text() }), { nil: undefined }),
}) as fc.Arbitrary<DagSpec>;

/** Runs each file with operators that write down what they were given. */
const recorder = `
import sys, json, types, importlib.abc, importlib.machinery
from datetime import timedelta
class Meta(type):
    def __getattr__(cls, name):
        if name.startswith("__"): raise AttributeError(name)
        return type(name, (Any,), {})
class Any(metaclass=Meta):
    def __init__(self, *a, **k): self.a, self.k = a, k; calls.append((type(self).__name__, self, k))
    def __init_subclass__(cls, **k): pass
    def __enter__(self): return self
    def __exit__(self, *a): return False
    def __rshift__(self, o): return o
    def deserialize(self, answer, kind): return json.loads(answer.data)
class Stub(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        if name == "datetime": return lambda *a, **k: "start"
        return type(name, (Any,), {})
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in {"airflow", "kubernetes", "pendulum"} else None
    def create_module(self, spec): return Stub(spec.name)
    def exec_module(self, module): pass
sys.meta_path.insert(0, Finder())
def plain(o):
    if isinstance(o, timedelta): return o.total_seconds()
    return list(o.a) or o.k
for line in sys.stdin:
    calls = []
    exec(compile(json.loads(line), "dag.py", "exec"), {"__name__": "dag"})
    kept = {"argv", "env", "skip_on_exit", "url", "connection", "model"}
    named = [[n, {**k, **{x: v for x, v in vars(o).items() if x in kept}}] for n, o, k in calls if "task_id" in k or "dag_id" in k]
    print(json.dumps(named, default=plain))
`;

/** FLIGHTCHECK_FUZZ=20000 tries more than every run of the suite has time for. */
const atOnce = 1000;
const fuzzed = Array.from({ length: Math.ceil(Number(process.env.FLIGHTCHECK_FUZZ ?? 1000) / atOnce) }, (_, i) => 20_261_124 + i);

const wellFormed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_key, inner: unknown) => (typeof inner === 'string' ? inner.toWellFormed() : inner));
const keys = (value: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), inner]));

describe('every text of a manifest', () => {
  test.each(fuzzed)('means in Python what it means here, and nothing of it is executed: seed %i', (seed) => {
    const specs = fc.sample(dag, { numRuns: atOnce, seed });
    const ran = spawnSync('python3', ['-I', '-c', recorder], {
      input: specs.map((spec) => `${JSON.stringify(renderAirflow(spec))}\n`).join(''),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    expect(ran.stderr).toBe('');
    const lines = ran.stdout.trim().split('\n');
    expect(lines).toHaveLength(specs.length);
    for (const [i, spec] of specs.entries()) {
      const calls = JSON.parse(lines[i] ?? '') as [string, Record<string, unknown>][];
      const dagCall = calls.find(([, k]) => 'dag_id' in k)?.[1];
      expect(dagCall).toMatchObject(
        wellFormed({
          dag_id: spec.id,
          description: spec.description,
          tags: spec.tags,
          default_args: { owner: spec.owner },
        }) as object,
      );
      const told = calls.find(([, k]) => k.task_id === metricsTaskId)?.[1];
      expect(told === undefined).toBe(spec.metrics === undefined);
      if (spec.metrics) expect(told).toMatchObject(wellFormed(spec.metrics) as object);
      for (const one of spec.tasks) {
        const call = calls.find(([, k]) => k.task_id === one.id)?.[1];
        const wanted =
          spec.executor === 'local'
            ? { argv: [...one.command, ...one.args], env: one.env, skip_on_exit: one.skipOnExit }
            : {
                image: one.image,
                labels: spec.labels,
                ...(one.command.length > 0 && { cmds: one.command }),
                ...(one.args.length > 0 && { arguments: one.args }),
                ...(Object.keys(one.env).length > 0 && { env_vars: one.env }),
                ...(one.tolerations.length > 0 && {
                  tolerations: one.tolerations.map((each) => keys(each as Record<string, unknown>)),
                }),
              };
        for (const [key, value] of Object.entries(wanted)) {
          const expected = wellFormed(
            typeof value === 'object' && value !== null && !Array.isArray(value) ? keys(value as Record<string, unknown>) : value,
          );
          expect(call?.[key]).toEqual(expected);
        }
      }
    }
  });

  test('numbers, booleans and nothing', () => {
    expect(python({ a: [1, -0.5, 1e300, true, false, null] })).toBe('{"a": [1, -0.5, 1e+300, True, False, None]}');
  });
});

describe('what may not leave the machine', () => {
  const refused: readonly (readonly [string, () => unknown, string, string])[] = [
    ['a cycle', () => resolve({ tasks: { a: { dependsOn: 'b' }, b: { dependsOn: 'a' } } }), 'DAG_INVALID', 'a -> b -> a'],
    ['a task that waits for itself', () => resolve({ tasks: { a: { dependsOn: 'a' } } }), 'DAG_INVALID', 'a -> a'],
    [
      'an unknown dependency',
      () => resolve({ tasks: { train: {}, b: { dependsOn: 'trian' } } }),
      'DAG_INVALID',
      'did you mean train?',
    ],
    [
      'a task of the name of the one that posts metrics',
      () => resolve({ tasks: { 'control-tower': { command: 'true' } } }, 'dev'),
      'DAG_INVALID',
      'is that of the task that posts metrics',
    ],
    ['no tasks', () => resolve({ tasks: {} }), 'DAG_NO_TASKS', 'no tasks'],
    ['an image by tag', () => resolve({ tasks: { a: { image: 'python:3.11' } } }), 'DAG_INVALID', 'not pinned by digest'],
    ['no image at all', () => resolve({}, 'prod', null), 'DAG_INVALID', 'no image'],
    [
      'a secret in clear',
      () => resolve({ tasks: { a: { env: { GITLAB_TOKEN: 'glpat-abcdefghij0123456789' } } } }),
      'DAG_INVALID',
      'looks like a secret',
    ],
    ['a bad cron', () => resolve({ dag: { schedule: '61 3 * * *' } }), 'DAG_SCHEDULE', '"61" is no minute'],
    [
      'a time zone that is none',
      () => resolve({ dag: { timezone: 'Mars/Olympus' } }),
      'DAG_TIMEZONE',
      '"Mars/Olympus" is no time zone',
    ],
    ['an unknown environment', () => resolve({}, 'prdo'), 'ENVIRONMENT_UNKNOWN', 'did you mean prod?'],
  ];
  for (const [what, attempt, code, words] of refused)
    test(what, () => {
      expect(attempt).toThrowError(expect.objectContaining({ code, message: expect.stringContaining(words) }));
    });

  test.each([
    ['*/15 0-6,22 1,15 jan-mar mon', null],
    ['@daily', null],
    ['0 3 L * *', null],
    ['* * * *', 'has 4 fields'],
    ['0 24 * * *', 'hour'],
    ['5-1 * * * *', 'minute'],
    ['@fortnightly', 'none of'],
    ['0 3 * * mon; rm -rf /', 'fields'],
  ])('cron %s', (cron, problem) => {
    if (problem === null) expect(cronProblem(cron)).toBeNull();
    else expect(cronProblem(cron)).toContain(problem);
  });
});
