import { describe, expect, test } from 'vitest';
import { dependencyChanges, isWatched, lockNames, readDependencies, withChange } from '../../src/facts/dependencies.ts';

const schema = 'flightcheck/schema.yml';
const digest = `sha256:${'a'.repeat(64)}`;
/** Files as their tools write them, and what they name. */
const files: readonly (readonly [path: string, text: string, named: readonly string[]])[] = [
  [
    'requirements.txt',
    '# by pip-compile\nnumpy==2.4.6 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nScikit_Learn[extra]>=1.9,<2 ; python_version > "3"\n-r other.txt\n-e .\n',
    ['numpy ==2.4.6', 'scikit-learn >=1.9,<2'],
  ],
  [
    'uv.lock',
    'version = 1\n\n[[package]]\nname = "numpy"\nversion = "2.4.6"\nsource = { registry = "r" }\n\n[[package]]\nname = "own"\nsource = { editable = "." }\n\n[[package]]\nname = "scipy"\nversion = "1.17.1"\n',
    ['numpy 2.4.6', 'scipy 1.17.1'],
  ],
  ['model/poetry.lock', '[[package]]\nname = "ruff"\nversion = "0.9.1"\ndescription = "x"\n', ['ruff 0.9.1']],
  ['pylock.toml', 'lock-version = "1.0"\n[[packages]]\nname = "attrs"\nversion = "25.1.0"\n', ['attrs 25.1.0']],
  [
    'Pipfile.lock',
    JSON.stringify(
      {
        _meta: { hash: { sha256: 'x' } },
        default: { numpy: { hashes: ['sha256:a'], index: 'p', version: '==2.4.6' } },
        develop: {},
      },
      null,
      4,
    ),
    ['numpy ==2.4.6'],
  ],
  ['pixi.lock', 'packages:\n- conda: https://c/linux-64/numpy-base-2.4.6-py312h1_0.conda\n  sha256: aa\n', ['numpy-base 2.4.6']],
  ['conda-lock.yml', 'package:\n- name: numpy\n  version: 2.4.6\n  manager: conda\n', ['numpy 2.4.6']],
  [
    'renv.lock',
    JSON.stringify(
      {
        R: { Version: '4.2.2', Repositories: [] },
        Packages: { mgcv: { Package: 'mgcv', Version: '1.8-41', Source: 'Repository' } },
      },
      null,
      2,
    ),
    ['R 4.2.2', 'mgcv 1.8-41'],
  ],
  ['packrat/packrat.lock', 'PackratFormat: 1.4\n\nPackage: mgcv\nSource: CRAN\nVersion: 1.8-41\nHash: aa\n', ['mgcv 1.8-41']],
  [
    'Dockerfile',
    `ARG BASE=python:3.12-slim\nFROM ${'$'}{BASE}@${digest} AS build\nRUN x\nFROM r-base:4.2.2\nCOPY --from=build /a /a\nFROM build\n`,
    ['r-base 4.2.2'],
  ],
  [
    schema,
    'version: 1\ncolumns:\n  amount:\n    type: number\n    min: 0\n  state:\n    type: category\n',
    ['amount type: number min: 0', 'state type: category'],
  ],
];

describe.each(files)('%s', (path, text, named) => {
  const found = readDependencies(path, text, schema);
  test('is watched, and every name is read with its version and where it stands', () => {
    expect(isWatched(path, schema)).toBe(true);
    expect(found.map((one) => `${one.name} ${one.version}`)).toEqual(expect.arrayContaining([...named]));
    for (const one of found) if (one.kind !== 'feature') expect(text.slice(one.start, one.end)).toBe(one.version);
  });
  test('a change of any one of them is one change, told apart from the others', () => {
    for (const one of found) {
      const changes = dependencyChanges(found, readDependencies(path, withChange(text, one), schema));
      expect(changes).toMatchObject([{ kind: one.kind, name: one.name, before: one.version }]);
    }
    expect(dependencyChanges(found, found)).toEqual([]);
  });
});

test('added, removed, twice, renamed', () => {
  const of = (text: string) => readDependencies('requirements.txt', text, schema);
  expect(dependencyChanges(of('a==1\nb==2\n'), of('b==2\nc==3\n'))).toEqual([
    { kind: 'package', name: 'a', before: '==1', after: null },
    { kind: 'package', name: 'c', before: null, after: '==3' },
  ]);
  expect(dependencyChanges(of('a==1\na==2\n'), of('a==2\na==1\n'))).toEqual([]);
  expect(dependencyChanges(of('A_b==1\n'), of('a.B==1\n'))).toEqual([]);
});

test('every lock file that the structure rules know is read; other files and installed packages are not', () => {
  for (const name of lockNames) expect(isWatched(name, schema), name).toBe(true);
  for (const path of ['README.md', 'pyproject.toml', 'venv/lib/requirements.txt', 'other/schema.yml'])
    expect(isWatched(path, schema)).toBe(false);
});

test('hostile files are read in no time and give nothing', () => {
  const long = 'a'.repeat(200_000);
  for (const [path] of files)
    for (const text of [
      long,
      `name = "${long}`,
      `"Package": "${long}"`,
      `${'{'.repeat(50_000)}`,
      `\0${'\n'.repeat(100_000)}`,
      `columns:\n${'  a:\n'.repeat(5000)}`,
    ])
      expect(readDependencies(path, text, schema).length).toBeLessThanOrEqual(5000);
});
