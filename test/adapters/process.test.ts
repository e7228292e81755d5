import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { holdCommand, runCommand } from '../../src/adapters/process.ts';
import type { CommandRequest } from '../../src/kernel/hook-machine.ts';
import { temporaryFolder } from '../helpers/repo.ts';

/** Without the shims of version managers, which take longer to start than what they start. */
const path = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('/shims'))
  .join(':');

function run(
  argv: readonly string[],
  more: Omit<Partial<CommandRequest>, 'limits'> & { limits?: Partial<CommandRequest['limits']> } = {},
) {
  return runCommand({ argv, ...place(), ...more, limits: { ...limits, ...more.limits } });
}
const limits = { seconds: 20, memoryBytes: 2 ** 30, outputBytes: 2 ** 20 };
const hold = (argv: readonly string[]) => holdCommand({ argv, ...place() });
function place() {
  const folder = temporaryFolder();
  const cwd = join(folder, 'repo');
  mkdirSync(cwd);
  return { folder, cwd, env: { PATH: path } };
}
const shell = (script: string, more: Parameters<typeof run>[1] = {}) => run(['sh', '-c', script], more);

/** Every test has sleeps of its own length, so that survivors are recognised. */
let next = 0;
const uniqueSleep = (): string => {
  next += 1;
  return `${80_000 + process.pid}.${next}`;
};

const survivors = (seconds: string): string[] =>
  readdirSync('/proc').filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').includes(seconds);
    } catch {
      return false;
    }
  });

describe('a command', () => {
  test('gets its arguments as they are, no input, and only the environment it is given', async () => {
    const result = await run(['sh', '-c', 'printf "%s\\n" "$@"; cat; env', 'x', 'a b', '$(id)', '-n', "'"], {
      env: { PATH: path, GREETING: 'hello' },
    });
    expect(result).toMatchObject({ exitCode: 0, signal: null });
    expect(result.tail.slice(0, 4)).toEqual(['a b', '$(id)', '-n', "'"]);
    const names = result.tail.slice(4).map((line) => line.split('=')[0]);
    expect(names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? '')).sort()).toEqual([
      'FLIGHTCHECK_HOOK_ID',
      'GREETING',
      'PATH',
    ]);
  });

  test('tells its exit code, its signal, and a program that does not exist', async () => {
    expect(await shell('exit 3')).toMatchObject({ exitCode: 3, signal: null });
    expect(await shell('kill -SEGV $$')).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
    expect(await run(['no-such-program'])).toMatchObject({ exitCode: 127 });
    // Words that only a shell knows are no programs.
    expect(await run(['eval', 'echo hi'])).toMatchObject({ exitCode: 127 });
  });

  test('is told to be done before its result is there, and not before nothing of it is left', async () => {
    const told: string[][] = [];
    const seconds = uniqueSleep();
    await (await hold(['sh', '-c', 'exit 3'])).begin(limits, () => void told.push([])).then(() => told.push(['result']));
    await (await hold(['sh', '-c', `sleep ${seconds} & exit 0`])).begin(limits, () => void told.push(survivors(seconds)));
    expect(told).toEqual([[], ['result'], []]);
  });

  test('does nothing before it is told to begin, and its seconds are counted from then', async () => {
    const file = join(temporaryFolder(), 'begun');
    const held = await hold(['touch', file]);
    await sleep(300);
    expect(existsSync(file)).toBe(false);
    const told = performance.now();
    const { exitCode, seconds } = await held.begin(limits);
    expect([exitCode, existsSync(file)]).toEqual([0, true]);
    expect(seconds).toBeLessThanOrEqual((performance.now() - told) / 1000);
  });

  test('leaves no process when it is released, and says so when its process was killed before it began', async () => {
    const [first, second] = [uniqueSleep(), uniqueSleep()];
    const released = await hold(['sleep', first]);
    expect(survivors(first)).toHaveLength(1);
    released.release();
    await expect.poll(() => survivors(first)).toEqual([]);
    const killed = await hold(['sleep', second]);
    for (const id of survivors(second)) process.kill(Number(id), 'SIGKILL');
    await expect.poll(() => survivors(second)).toEqual([]);
    expect(await killed.begin(limits)).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  test('is logged line by line, without escapes and secrets', async () => {
    const lines: string[] = [];
    const script = `printf '\\033[31mred\\033[0m\\n'; printf 'key=hunter2hunter2\\n'; printf '10%%\\r100%%\\n'; printf 'section_start:1:x\\r\\033[0Kend' >&2`;
    const result = await shell(script, { secrets: ['hunter2hunter2'], onLine: (line) => lines.push(line) });
    for (const log of [lines, result.tail]) expect([...log].sort()).toEqual(['100%', 'end', 'key=[masked]', 'red']);
  });

  test('masks a secret in an endless line, wherever it stands', async () => {
    const lines: string[] = [];
    const script = `i=0; while [ $i -lt 3000 ]; do printf 'xxxxxhunter2hunter2'; i=$((i+1)); done`;
    const result = await shell(script, { secrets: ['hunter2hunter2'], onLine: (line) => lines.push(line) });
    expect(lines.join('') + result.tail.join('')).not.toContain('hunter2hunter2');
    expect(lines.length).toBeGreaterThan(1);
  });
});

describe('limits', () => {
  test('time: a command that ignores SIGTERM is killed', async () => {
    const result = await shell(`trap '' TERM; while :; do sleep ${uniqueSleep()}; done`, { limits: { seconds: 0.3 } });
    expect(result).toMatchObject({ exitCode: null, isTimedOut: true });
  });

  test('time: a command that minds SIGTERM may clean up', async () => {
    const result = await shell(`trap 'echo cleaned; exit 0' TERM; echo ready; sleep 30 & wait`, { limits: { seconds: 0.5 } });
    expect(result).toMatchObject({ isTimedOut: true });
    expect(result.tail).toContain('cleaned');
  });

  test('output: 1 GB is cut off without being kept', async () => {
    const before = process.memoryUsage().rss;
    const lines: string[] = [];
    const result = await shell('yes flightcheck | head -c 1000000000; echo finished', { onLine: (line) => lines.push(line) });
    expect(result).toMatchObject({ isOutputExceeded: true, exitCode: null });
    expect(result.tail.length).toBeLessThanOrEqual(40);
    expect(result.tail).not.toContain('finished');
    expect(lines.length).toBeLessThan(2100);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  test('memory: of the whole tree', async () => {
    const result = await run(['python3', '-c', 'import os,time\nos.fork()\nx = b"x" * 90_000_000\ntime.sleep(20)'], {
      limits: { memoryBytes: 128e6 },
    });
    expect(result).toMatchObject({ isOutOfMemory: true, exitCode: null });
    expect(result.maxRssBytes).toBeGreaterThan(128e6);
  });

  test('memory: shared pages count once', async () => {
    const script = 'import os,time\nx = b"x" * 60_000_000\nfor i in range(3):\n  if os.fork() == 0: break\ntime.sleep(1)';
    expect(await run(['python3', '-c', script], { limits: { memoryBytes: 128e6 } })).toMatchObject({
      isOutOfMemory: false,
      exitCode: 0,
    });
  });
});

describe.skipIf(process.platform !== 'linux')('nothing outlives a command', () => {
  test.each([
    ['in the background', (s: string) => `sleep ${s} & exit 0`],
    ['in a session of its own', (s: string) => `setsid sleep ${s} & exit 0`],
    ['orphaned by a double fork', (s: string) => `(setsid sh -c 'sleep ${s} > /dev/null 2>&1 &' &); exit 0`],
    ['without our mark', (s: string) => `(env -i setsid /bin/sleep ${s} > /dev/null 2>&1 &); exit 0`],
    ['without our mark, outside our folder', (s: string) => `(cd / && env -i setsid /bin/sleep ${s} &); exit 0`],
    ['ignoring SIGTERM', (s: string) => `setsid sh -c "trap '' TERM; sleep ${s}; sleep ${s}" & sleep 0.1; exit 0`],
  ])('%s', async (_how, script) => {
    const seconds = uniqueSleep();
    expect(await shell(script(seconds))).toMatchObject({ exitCode: 0 });
    expect(survivors(seconds)).toEqual([]);
  });

  test('that forks without end', async () => {
    const seconds = uniqueSleep();
    await shell(`while :; do setsid sleep ${seconds} & sleep 0.02; done`, { limits: { seconds: 0.5 } });
    expect(survivors(seconds)).toEqual([]);
  });

  test('that is aborted', async () => {
    const controller = new AbortController();
    const seconds = uniqueSleep();
    setTimeout(() => controller.abort(), 200);
    const result = await shell(`setsid sleep ${seconds} & sleep ${seconds}`, { signal: controller.signal });
    expect(result).toMatchObject({ isAborted: true, exitCode: null });
    expect(survivors(seconds)).toEqual([]);
    expect(await run(['touch', 'x'], { signal: controller.signal })).toMatchObject({ isAborted: true, seconds: 0 });
  });
});

/** A process of ours, with a secret in its environment, that runs one command. */
function startRunner(argv: readonly string[]) {
  const folder = temporaryFolder();
  const script = join(folder, 'runner.mts');
  const source = resolve('src/adapters/process.ts');
  writeFileSync(
    script,
    `import { runCommand } from ${JSON.stringify(source)};
const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
const result = await runCommand({ argv: ${JSON.stringify(argv)}, cwd: ${JSON.stringify(folder)}, env: { PATH: ${JSON.stringify(path)} },
  limits: { seconds: 20, memoryBytes: 1e9, outputBytes: 1e6 }, signal: controller.signal });
console.log(JSON.stringify(result));
`,
  );
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    env: { PATH: path, PLANTED_TOKEN: 'planted-secret-value' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const ended = once(child, 'close').then(() => output);
  return { child, ended, folder };
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 500 && !condition(); i += 1) await sleep(20);
  expect(condition()).toBe(true);
};

describe.skipIf(process.platform !== 'linux')('the process that runs commands', () => {
  test('is not met by a hook that walks up its parents', async () => {
    const script = `p=$$; while [ "$p" -gt 1 ]; do echo "process $p"; cat "/proc/$p/environ" | tr '\\0' '\\n'; p=$(sed 's/.*) . //' "/proc/$p/stat" | cut -d' ' -f1); done`;
    const { child, ended } = startRunner(['sh', '-c', script]);
    const { tail, exitCode } = JSON.parse(await ended) as { tail: string[]; exitCode: number };
    expect(exitCode).toBe(0);
    // The hook, its supervisor, and then the init of the machine, not us.
    expect(tail.filter((line) => line.startsWith('process ')).length).toBeGreaterThanOrEqual(2);
    expect(tail).not.toContain(`process ${child.pid}`);
    expect(tail.join('\n')).not.toContain('planted-secret-value');
  });

  test('leaves no orphan on Ctrl-C', async () => {
    const seconds = uniqueSleep();
    const { child, ended, folder } = startRunner(['sh', '-c', `setsid sleep ${seconds} & touch started; sleep ${seconds}`]);
    await until(() => existsSync(join(folder, 'started')));
    child.kill('SIGINT');
    expect(JSON.parse(await ended)).toMatchObject({ isAborted: true });
    expect(survivors(seconds)).toEqual([]);
  });

  test('takes its commands along when it is killed itself', async () => {
    const seconds = uniqueSleep();
    const { child, ended, folder } = startRunner(['sh', '-c', `touch started; sleep ${seconds}`]);
    await until(() => existsSync(join(folder, 'started')));
    child.kill('SIGKILL');
    await ended;
    await until(() => survivors(seconds).length === 0);
  });
});
