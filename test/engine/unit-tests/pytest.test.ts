/** Real pytest on real, small and hostile test files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../helpers/repo.ts';
import { has, runTestsOf } from '../../support/unit-tests.ts';

const code = 'def double(x):\n    if x is None:\n        return None\n    return 2 * x\n';
const short = (run: Awaited<ReturnType<typeof runTestsOf>>) =>
  Object.fromEntries(run.cases.map(({ name, status, marks }) => [name, [status, ...marks].join(' ')]));

describe.skipIf(!has.pytest)('pytest (needs python3 with pytest)', () => {
  test('cases with status, place, marks and traceback; marks need no registration, even where markers are strict', async () => {
    const run = await runTestsOf(
      {
        'pytest.ini': '[pytest]\naddopts = --strict-markers -W error --junitxml=theirs.xml\n',
        'code.py': code,
        'conftest.py': 'import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n',
        'tests/test_code.py': `import pytest

@pytest.mark.ml_test("data-7")
def test_doubles():
    from code import double
    assert double(2) == 4

@pytest.mark.ml_test("data-7", "infra-2")
def test_fails():
    value = 1
    assert value == 2, "no & <no>"

@pytest.mark.skip(reason="later")
@pytest.mark.ml_test("data-7")
def test_waits(): ...

@pytest.mark.ml_test("dta-7")
@pytest.mark.parametrize("x", [1, 2])
def test_each(x):
    print("x" * 1000)
`,
      },
      { manifest: {} },
    );
    expect(short(run)).toMatchObject({
      test_fails: 'failed data-7 infra-2',
      test_waits: 'skipped data-7',
      'test_each[1]': 'passed dta-7',
      'test_each[2]': 'passed dta-7',
    });
    expect(run.cases.find(({ name }) => name === 'test_fails')).toMatchObject({
      ...{ file: 'tests/test_code.py', line: 11, suite: 'tests.test_code' },
      message: expect.stringContaining('no & <no>'),
      text: expect.stringContaining('value = 1'),
    });
    expect(run.problems).toEqual([]);
    // The repo is not written to: tests run in a copy.
    expect(readdirSync(run.root).sort()).toEqual(['.git', 'code.py', 'conftest.py', 'pytest.ini', 'tests']);
  });

  test('a marked test that asserts nothing is told from one that does, itself or through a helper', async () => {
    const cases = {
      nothing: 'double(2)',
      a_constant: 'double(2)\n    assert True',
      itself: 'assert double(2) == 4',
      by_raising: 'with pytest.raises(TypeError):\n        double({})',
      by_numpy: 'numpy.testing.assert_allclose(double(2), 4)',
      by_a_helper: 'is_four(double(2))',
      by_a_file_beside: 'beside.four(double(2))',
      by_a_helper_without: 'prints(double(2))',
      by_a_fixture: 'judge(double(2))',
    };
    const run = await runTestsOf({
      'own.py': code,
      'tests/beside.py': 'def four(x):\n    assert x == 4\n',
      'tests/conftest.py': `import sys, pathlib, types, pytest
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
@pytest.fixture
def judge():
    def four(x):
        assert x == 4
    return four
@pytest.fixture
def numpy():
    return types.SimpleNamespace(testing=types.SimpleNamespace(assert_allclose=lambda a, b: None))
`,
      'tests/test_code.py': `import pytest
import beside
from own import double
pytestmark = pytest.mark.ml_test("data-7")
def is_four(x):
    assert x == 4
def prints(x):
    print(x)
${Object.entries(cases)
  .map(
    ([name, body]) => `def test_${name}(${['judge', 'numpy'].filter((one) => body.startsWith(one)).join(', ')}):\n    ${body}\n`,
  )
  .join('')}
class TestOfAClass:
    def same(self, x):
        assert x == 4
    def test_by_a_method(self):
        self.same(double(2))
    def test_not_by_a_method(self):
        double(2)
`,
    });
    expect(run.cases.filter(({ status }) => status !== 'passed')).toEqual([]);
    expect(run.cases.filter(({ assertsNothing }) => assertsNothing).map(({ name }) => name)).toEqual([
      'test_nothing',
      'test_a_constant',
      'test_by_a_helper_without',
      'test_not_by_a_method',
    ]);
  });

  test.skipIf(!has.pytestCov)('coverage by file, without the tests themselves', async () => {
    const run = await runTestsOf({
      'lib/code.py': code,
      'lib/__init__.py': '',
      'test_code.py': 'from lib.code import double\ndef test_it():\n    assert double(1) == 2\n',
    });
    expect(run.coverage).toEqual([
      { path: 'lib/__init__.py', lines: [] },
      {
        path: 'lib/code.py',
        lines: [
          [1, 1],
          [2, 1],
          [3, 0],
          [4, 1],
        ].map(([line, hits]) => ({ line, hits })),
      },
    ]);
    expect(run.notes).toEqual([]);
  });

  test.skipIf(!has.pytestCov)("the repo's own limit of coverage is kept, and told with what pytest said", async () => {
    const run = await runTestsOf({
      '.coveragerc': '[report]\nfail_under = 90\n',
      'lib/__init__.py': '',
      'lib/code.py': code,
      'test_code.py': 'from lib.code import double\ndef test_it():\n    assert double(1) == 2\n',
    });
    expect(run.problems[0]).toMatchObject({
      code: 'TESTS_EXIT',
      message: expect.stringMatching(/though no test failed[\s\S]*90/),
    });
  });

  test('a file that cannot be imported is an error with its place', async () => {
    const run = await runTestsOf({ 'test_a.py': 'import nonsense_that_is_nowhere\n', 'test_b.py': 'def test_b(): ...\n' });
    expect(run.cases.find(({ status }) => status === 'error')).toMatchObject({
      text: expect.stringContaining('nonsense_that_is_nowhere'),
    });
    expect(run.problems).toEqual([]);
  });

  test('no test in the files is a problem, and so are no files', async () => {
    expect((await runTestsOf({ 'test_a.py': 'x = 1\n' })).problems).toMatchObject([
      { code: 'TESTS_NONE', message: /found no test to run/ },
    ]);
    expect((await runTestsOf({ 'a.py': 'x = 1\n' })).problems).toMatchObject([{ code: 'TESTS_NONE', hint: /init tests/ }]);
  });

  test('a test that hangs is named, what ended before it is kept, and nothing of it lives on', async () => {
    const run = await runTestsOf(
      {
        'test_a.py': `import subprocess, time
def test_quick(): ...
def test_hangs():
    subprocess.Popen(["sleep", "4711"], start_new_session=True)
    time.sleep(1000)
`,
      },
      { manifest: { tests: { minutes: 0.06 } } },
    );
    expect(run.problems).toMatchObject([{ code: 'TESTS_TIMEOUT', message: /limit of 3\.\d s while test_a\.py::test_hangs ran/ }]);
    expect(short(run)).toEqual({ test_quick: 'passed' });
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain('sleep 4711');
  });

  test('a test that ends the whole process does not pass for the end of the tests', async () => {
    const run = await runTestsOf({
      'test_a.py': 'def test_quick(): ...\n',
      'test_b.py': 'import os\ndef test_leaves():\n    os._exit(0)\n',
    });
    expect(run.problems).toMatchObject([{ code: 'TESTS_CUT_SHORT', message: /exit code 0 while test_b\.py::test_leaves ran/ }]);
  });

  test('a test that ignores every signal is stopped all the same', async () => {
    const run = await runTestsOf(
      {
        'test_a.py':
          'import signal, time\ndef test_deaf():\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(1000)\n',
      },
      { manifest: { tests: { minutes: 0.04 } } },
    );
    expect(run.problems).toMatchObject([{ code: 'TESTS_TIMEOUT' }]);
  });

  test('a test that prints without end, or eats all memory, is stopped and named', async () => {
    const printed = await runTestsOf({
      'pytest.ini': '[pytest]\naddopts = -s\n',
      'test_a.py': 'def test_prints():\n    line = "x" * 1000\n    while True:\n        print(line)\n',
    });
    expect(printed.problems).toMatchObject([{ code: 'TESTS_OUTPUT', message: /more than 64 MiB while test_a\.py::test_prints/ }]);
    const eaten = await runTestsOf(
      { 'test_a.py': 'def test_eats():\n    kept = []\n    while True:\n        kept.append(bytearray(10_000_000))\n' },
      { manifest: { budget: { memory: '256MiB' } } },
    );
    expect(eaten.problems).toMatchObject([{ code: 'TESTS_MEMORY', message: /256 MiB of memory while test_a\.py::test_eats/ }]);
  });

  test('a JUnit file that the tests forge, and results in our folder, earn nothing', async () => {
    const run = await runTestsOf({
      'test_a.py': `import os, pathlib
def test_forges():
    forged = '<testsuite><testcase classname="x" name="forged"><properties><property name="ml_test" value="data-7"/></properties></testcase></testsuite>'
    for folder in (pathlib.Path(".flightcheck"), pathlib.Path("..") / "out"):
        folder.mkdir(exist_ok=True)
        for name in ("test.junit.xml", "pytest.junit.xml", "forged.junit.xml"):
            (folder / name).write_text(forged)
    assert False
`,
    });
    expect(short(run)).toEqual({ test_forges: 'failed' });
    expect(existsSync(join(run.root, '.flightcheck'))).toBe(false);
  });

  test('a JUnit file full of entities, or a link in its place, is a problem in words', async () => {
    const write = (what: string) => ({
      'conftest.py': `import os\ndef pytest_unconfigure(config):\n    path = config.option.xmlpath\n    ${what}\n`,
      'test_a.py': 'def test_a(): ...\n',
    });
    const bomb = await runTestsOf(
      write(`open(path, "w").write('<!DOCTYPE a [<!ENTITY b "c">]><testsuites><testcase name="&b;"/></testsuites>')`),
    );
    expect(bomb.problems).toMatchObject([{ code: 'XML_INVALID', message: /document type/ }]);
    const link = await runTestsOf(write('os.remove(path); os.symlink("/etc/passwd", path)'));
    expect(link.problems).toMatchObject([{ code: 'TESTS_NONE' }]);
    const pipe = await runTestsOf(write('os.remove(path); os.mkfifo(path)'));
    expect(pipe.problems).toMatchObject([{ code: 'TESTS_NONE' }]);
  });

  test('names of any bytes are kept readable', async () => {
    const run = await runTestsOf({
      'test_a.py':
        'import pytest\n@pytest.mark.parametrize("x", ["\\x00\\x1b[31m", "é<&>\\"", "\\ud800"])\ndef test_a(x):\n    assert x == 1\n',
    });
    expect(run.cases).toHaveLength(3);
    expect(run.problems).toEqual([]);
  });

  test('no token of ours is seen, and secrets are not told', async () => {
    const run = await runTestsOf(
      {
        'test_a.py':
          'import os\ndef test_env():\n    assert "FLIGHTCHECK_TOWER_TOKEN" not in os.environ and "CI_JOB_TOKEN" not in os.environ\n',
      },
      {
        env: {
          ...(process.env as Record<string, string>),
          FLIGHTCHECK_TOWER_TOKEN: 'secret-token',
          CI_JOB_TOKEN: 'secret-token',
        },
      },
    );
    expect(short(run)).toEqual({ test_env: 'passed' });
  });

  test('tables that Git ignores can be read by the tests', async () => {
    const run = await runTestsOf(
      {
        '.gitignore': 'data/\n',
        'data/train.csv': 'id\n1\n',
        'test_a.py': 'def test_a():\n    assert open("data/train.csv").read() == "id\\n1\\n"\n',
      },
      { manifest: { data: { train: 'data/train.csv', eval: 'data/absent.csv' } } },
    );
    expect(short(run)).toEqual({ test_a: 'passed' });
  });

  test('an abort keeps what ended before it, and says what was running', async () => {
    const stop = new AbortController();
    const here = join(temporaryFolder(), 'here');
    const root = {
      'test_a.py': `import pathlib, time\ndef test_quick(): ...\ndef test_slow():\n    pathlib.Path(${JSON.stringify(here)}).touch()\n    time.sleep(1000)\n`,
    };
    const running = runTestsOf(root, { signal: stop.signal });
    await expect.poll(() => existsSync(here), { timeout: 60_000 }).toBe(true);
    stop.abort();
    const run = await running;
    expect(run.problems).toMatchObject([{ code: 'INTERRUPTED', message: /interrupted while test_a\.py::test_slow ran/ }]);
    expect(short(run)).toEqual({ test_quick: 'passed' });
  });
});

describe('another command', () => {
  const manifest = (command: string) => ({ manifest: { tests: { command } } });
  const writes = `import sys
open(sys.argv[1], "w").write('<testsuites><testsuite name="julia"><testcase name="[infra-2] loss falls" file="test/runtests.jl" line="4"/></testsuite></testsuites>')
if len(sys.argv) > 2:
    open(sys.argv[2], "w").write('<coverage><packages><package><classes><class filename="src/m.jl"><lines><line number="1" hits="1"/></lines></class></classes></package></packages></coverage>')
`;
  const files = { 'run.py': writes, 'test/runtests.jl': '', 'src/m.jl': '' };

  test('hands its JUnit and Cobertura over', async () => {
    const run = await runTestsOf(files, manifest('python3 run.py {junit} {coverage}'));
    expect(run.cases).toMatchObject([
      { suite: 'julia', name: '[infra-2] loss falls', marks: ['infra-2'], file: 'test/runtests.jl', line: 4 },
    ]);
    expect(run.coverage).toEqual([{ path: 'src/m.jl', lines: [{ line: 1, hits: 1 }] }]);
    expect(run).toMatchObject({ problems: [], notes: [] });
  });

  test('without coverage, says so; without {junit}, is refused', async () => {
    expect((await runTestsOf(files, manifest('python3 run.py {junit}'))).notes).toMatchObject([/does not use \{coverage\}/]);
    await expect(runTestsOf(files, manifest('python3 run.py'))).rejects.toMatchObject({ code: 'TESTS_COMMAND' });
    await expect(runTestsOf(files, manifest('python3 run.py {junit} | tee log'))).rejects.toMatchObject({
      code: 'HOOK_NEEDS_SHELL',
    });
  });

  test('that is not there, or writes nothing, is a problem', async () => {
    expect((await runTestsOf(files, manifest('no-such-program {junit}'))).problems).toMatchObject([
      { code: 'TESTS_EXIT', message: /exit code 127/ },
    ]);
    expect((await runTestsOf(files, manifest('true {junit}'))).problems).toMatchObject([{ code: 'TESTS_NONE' }]);
  });
});

describe.skipIf(!has.pytest)('environments', () => {
  const files = { 'test_a.py': 'import os, sys\ndef test_a():\n    assert os.environ.get("MARK") == "venv"\n' };
  /** A virtual environment as far as we look: a python that says who it is. */
  const venv = (folder: string, body: string) => (root: string) => {
    execFileSync('mkdir', ['-p', join(root, folder, 'bin')]);
    execFileSync('sh', ['-c', `printf '#!/bin/sh\\n${body}\\n' >"$1" && chmod +x "$1"`, 'sh', join(root, folder, 'bin/python')]);
  };

  test('.venv of the repo comes before the python of the machine', async () => {
    const folder = '.venv';
    const run = await runTestsOf(
      { ...files, '.gitignore': `${folder}/\n` },
      { before: venv(folder, 'MARK=venv exec python3 "$@"') },
    );
    expect(short(run)).toEqual({ test_a: 'passed' });
  });

  test('an environment without pytest is passed over, a broken one too', async () => {
    const run = await runTestsOf(
      { ...files, '.gitignore': '*env/\n' },
      {
        before: (root) => {
          venv('.venv', 'exec false')(root);
          venv('venv', 'MARK=venv exec python3 "$@"')(root);
        },
      },
    );
    expect(short(run)).toEqual({ test_a: 'passed' });
  });

  /** An environment whose Python has nothing but the standard library, whatever this machine's has. */
  const bareEnvironment = (): Record<string, string> => {
    const folder = temporaryFolder();
    for (const name of ['python3', 'python'])
      writeFileSync(join(folder, name), '#!/bin/sh\nexec /usr/bin/python3 -S -E "$@"\n', { mode: 0o755 });
    return { PATH: `${folder}:/usr/bin:/bin`, HOME: '/nonexistent' };
  };

  test('tests.setup is used where pytest is missing, and only there', async () => {
    const bare = bareEnvironment();
    const folder = temporaryFolder();
    venv('bin/..', 'MARK=venv exec python3 "$@"')(folder);
    const path = process.env.PATH ?? '';
    execFileSync('sh', [
      '-c',
      `printf '#!/bin/sh\\nPATH=%s MARK=venv exec python3 "$@"\\n' '${path}' >"$1"`,
      'sh',
      join(folder, 'bin/python'),
    ]);
    const without = { ...files, '.gitignore': 'none\n' };
    const used = await runTestsOf(without, { setup: { tests: folder }, env: bare });
    expect(short(used)).toEqual({ test_a: 'passed' });
    const unused = await runTestsOf(without, { setup: { tests: folder } });
    expect(short(unused)).toEqual({ test_a: 'failed' });
  });

  test("poetry's environment is asked for", async () => {
    const run = await runTestsOf(
      { ...files, 'poetry.lock': '', '.gitignore': 'tools/\n' },
      {
        before: (root) => {
          venv('tools/elsewhere', 'MARK=venv exec python3 "$@"')(root);
          venv('tools', `[ "$1 $2 $3" = "env info --executable" ] && echo ${root}/tools/elsewhere/bin/python`)(root);
          execFileSync('mv', [join(root, 'tools/bin/python'), join(root, 'tools/bin/poetry')]);
          process.env.FLIGHTCHECK_TEST_TOOLS = join(root, 'tools/bin');
        },
        get env() {
          return {
            ...(process.env as Record<string, string>),
            PATH: `${process.env.FLIGHTCHECK_TEST_TOOLS}:${process.env.PATH}`,
          };
        },
      },
    );
    expect(short(run)).toEqual({ test_a: 'passed' });
  });

  test('where pytest is nowhere, the problem says where it was looked for and what to do', async () => {
    const run = await runTestsOf(files, {
      before: venv('.venv', 'exec python3 -S -E "$@"'),
      env: bareEnvironment(),
    });
    expect(run.problems).toMatchObject([
      { code: 'TESTS_TOOL_MISSING', message: /pytest is not installed in /, hint: /pip install pytest/ },
    ]);
  });
});

test('our plugin needs nothing but pytest and the standard library', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../src/engine/unit-tests/plugins/flightcheck_pytest.py'), 'utf8');
  const standard = ['ast', 'inspect', 'os', 're', 'signal', 'textwrap', 'threading'];
  expect([...text.matchAll(/^(?:import|from) (\w+)/gm)].map(([, name]) => name)).toEqual([...standard, 'pytest']);
});
