import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commitAll, git, makeRepo, temporaryFolder } from '../../helpers/repo.ts';
import { judgeFolder, structureCheck, testRule } from '../../helpers/rule.ts';

const large = new Uint8Array(6_000_000).fill(65);
const model = new Uint8Array(20_000).fill(65);
const many = (extension: string) => Object.fromEntries('abcdef'.split('').map((name) => [`${name}.${extension}`, 'x']));

testRule('layout-source-in-package', {
  accept: [
    { 'src/risk/train.py': '', 'train.py': '', 'setup.py': '' },
    { 'R/train.R': '', 'main.R': '' },
  ],
  reject: [
    [many('py'), { path: 'a.py', says: '6 source files' }],
    [many('R'), { path: 'a.R', says: '6 source files' }],
  ],
  leave: [[{ 'a.sql': '' }, 'not-applicable', 'no Python or R']],
});

testRule('layout-tests-python', {
  accept: [
    { 'a.py': '', 'tests/test_a.py': 'def test_a():\n    assert True\n' },
    { 'a.py': '', 'pkg/a_test.py': 'class A(unittest.TestCase):\n    pass\n' },
    { 'a.py': '', 'tests/test_b.py': 'class TestB:\n    async def test_b(self): ...\n' },
  ],
  reject: [
    [{ 'a.py': 'x = 1\n' }, { path: 'tests/test_model.py' }],
    [{ 'a.py': '', 'tests/test_a.py': '# def test_a():\n' }, { path: 'tests/test_model.py' }],
  ],
  leave: [[{ 'a.R': '' }, 'not-applicable', 'no Python']],
});

testRule('layout-tests-r', {
  accept: [
    { 'R/a.R': '', 'tests/testthat/test-a.R': 'test_that("a", {\n  expect_equal(1, 1)\n})\n' },
    { 'a.R': '', 'tests/run.R': 'stopifnot(identical(f(1), 2))\n' },
  ],
  reject: [
    [{ 'a.R': 'f <- function(x) stopifnot(x > 0)\n' }, { path: 'tests/testthat/test-model.R' }],
    [{ 'a.R': '', 'tests/testthat.R': '# test_that(\n' }, { path: 'tests/testthat/test-model.R' }],
  ],
  leave: [[{ 'a.py': '' }, 'not-applicable', 'no R code']],
});

const notebook = (outputs: string, source = 'x = 1') =>
  `{\n "cells": [\n  {\n   "cell_type": "code",\n   "outputs": [${outputs}],\n   "source": [\n    ${JSON.stringify(source)}\n   ]\n  }\n ]\n}\n`;

testRule('layout-notebooks-stripped', {
  accept: [{ 'a.ipynb': notebook('') }, { 'a.ipynb': notebook('', 'd["output_type"] = "output_type": 1') }],
  reject: [
    [
      { 'nb/a.ipynb': notebook('{"output_type": "stream", "text": "secret"}') },
      { path: 'nb/a.ipynb', line: 5, says: '1 output' },
    ],
    [{ 'broken.ipynb': '{"cells": [{"outputs": [{"output_type": "stre' }, { path: 'broken.ipynb', line: 1 }],
  ],
  leave: [[{ 'a.py': '' }, 'not-applicable', 'no notebooks']],
});

testRule('layout-no-data', {
  accept: [
    { 'data/train.csv': 'a\n1\n', 'tests/data/model.pkl': model, 'scaler.pkl': 'tiny' },
    { '.gitattributes': '*.onnx filter=lfs diff=lfs merge=lfs -text\n', 'm/model.onnx': model },
    { DESCRIPTION: 'Package: x\n', 'R/sysdata.rda': model, 'inst/extdata/x.rds': model },
  ],
  reject: [
    [
      { 'data/train.csv': large, 'data/train.csv.dvc': 'x' },
      { path: 'data/train.csv', says: 'data (6.0 MB)' },
    ],
    [
      { 'model.joblib': model, 'old.zip': model },
      { path: 'model.joblib', says: 'a model' },
      { path: 'old.zip', says: 'an archive' },
    ],
  ],
});

test('layout-no-data leaves alone what is not committed', async () => {
  const repo = makeRepo({ 'a.py': '' });
  writeFileSync(join(repo, 'model.pkl'), model);
  expect(await judgeFolder(await structureCheck('layout-no-data'), repo)).toMatchObject({ outcome: 'pass' });
});

const manifest =
  'version: 1\nmodel:\n  name: risk\n  owner: "@team"\nhooks:\n  train: t {data} {model}\n  predict: p {model} {in} {out}\n';

testRule('layout-file-size', {
  accept: [{ 'a.bin': model }, { 'a.bin': large, 'flightcheck.yml': `${manifest}structure:\n  max-file-size: 10MiB\n` }],
  reject: [
    [{ 'a.bin': large }, { path: 'a.bin', says: 'limit is 5MiB' }],
    [
      { 'a.bin': model, 'flightcheck.yml': `${manifest}structure:\n  max-file-size: 10KiB\n` },
      { path: 'a.bin', says: '10KiB' },
    ],
  ],
});

test('layout-history-size finds what was deleted, and does not judge a shallow clone or no repository', async () => {
  const check = await structureCheck('layout-history-size');
  const options = { 'max-megabytes': 5 };
  const repo = makeRepo({ 'a.py': '', 'old.bin': large });
  git(repo, 'rm', '--quiet', 'old.bin');
  commitAll(repo);
  expect(await judgeFolder(check, repo, { options })).toMatchObject({
    outcome: 'fail',
    findings: [{ place: { path: 'old.bin' } }],
  });
  expect(await judgeFolder(check, repo)).toMatchObject({ outcome: 'pass' });
  const folder = temporaryFolder();
  git(folder, 'clone', '--quiet', '--depth=1', `file://${repo}`, 'shallow');
  expect(await judgeFolder(check, join(folder, 'shallow'), { options })).toMatchObject({
    outcome: 'skipped',
    nextStep: expect.stringContaining('GIT_DEPTH'),
  });
  expect(await judgeFolder(check, makeRepo({}, { git: false }))).toMatchObject({
    outcome: 'skipped',
    reason: 'not a Git repository',
  });
});

testRule('layout-no-caches', {
  accept: [{ 'a.py': '', 'R/a.R': '' }],
  reject: [
    [{ 'p/__pycache__.txt/x': '', 'p/a.pyc': 'x', '.RData': 'x' }, { path: '.RData' }, { path: 'p/a.pyc' }],
    [{ 'x.egg-info/PKG-INFO': '' }, { path: 'x.egg-info/PKG-INFO' }],
  ],
});

testRule('layout-portable-names', {
  accept: [{ 'src/a-b_c.1.py': '', 'données/é.csv': '' }],
  reject: [
    [{ 'my data.csv': '' }, { path: 'my data.csv', says: 'space' }],
    [
      { 'dir name/a': '', 'dir name/b': '' },
      { path: 'dir name/a', says: '"dir name" holds a space' },
    ],
    [
      { 'Data/a': '', 'data/b': '' },
      { path: 'data/b', says: 'only in case' },
    ],
    [{ 'aux.py': '' }, { path: 'aux.py', says: 'device' }],
    [{ 'a:b': '' }, { path: 'a:b', says: 'Windows' }],
    [{ '-rf': '' }, { path: '-rf', says: 'dash' }],
    [{ '$(id)': '' }, { path: '$(id)', says: 'shells' }],
    [{ 'new\nline': '' }, { path: 'new\nline', says: 'control' }],
  ],
});

testRule('layout-gitignore-python', {
  accept: [
    { 'a.py': '', '.gitignore': '__pycache__/\n.venv/\n.env\n' },
    { 'a.py': '', '.gitignore': '*.py[cod]\n/venv\n*.env\n' },
  ],
  reject: [
    [{ 'a.py': '' }, { path: '.gitignore', says: 'no .gitignore' }],
    [
      { 'a.py': '', '.gitignore': '__pycache__/\n.venv\n.env\n!.env\n# .venv\n' },
      { path: '.gitignore', says: '.env' },
    ],
  ],
  leave: [[{ 'a.R': '' }, 'not-applicable', 'no Python']],
});

testRule('layout-gitignore-r', {
  accept: [{ 'a.R': '', '.gitignore': '.Rproj.user\n.Rhistory\n.RData\n' }],
  reject: [
    [
      { 'a.R': '', '.gitignore': '.R*\n!.RData\n' },
      { path: '.gitignore', says: '.RData' },
    ],
  ],
  leave: [[{ 'a.py': '' }, 'not-applicable', 'no R']],
});
