import { describe, expect, it, vi } from 'vitest';
import { type Command, type Context, defineCommand, type Invocation } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.generated.ts';
import { runProgram } from '../../src/cli/program.ts';
import { EnvironmentError, UsageError } from '../../src/kernel/failure.ts';

const log = {
  info() {},
  warn() {},
  debug() {},
  step: async <T>(_title: string, work: (update: () => void) => Promise<T>) => work(() => {}),
};

async function call(run: Command['run'], argv: string[], env: Record<string, string> = {}) {
  const printed: string[] = [];
  const errors = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  const command = defineCommand({
    name: 'try',
    summary: 'A command of this test.',
    argument: { name: 'dir', description: 'A folder.' },
    options: ['min-score', 'only', 'tower-timeout', 'gate'],
    flags: { plan: { type: 'boolean', description: 'Plan.', default: false } },
    examples: [{ command: 'flightcheck try', meaning: 'Try.' }],
    ...(run && { run }),
  });
  const context = (flags: { json?: boolean; debug?: boolean }): Context => ({
    cwd: '/',
    env,
    print: (text) => void printed.push(text),
    log,
    isJson: flags.json === true,
    isDebug: flags.debug === true,
    isColor: false,
    width: 80,
    signal: new AbortController().signal,
    version: '0.0.0',
  });
  const code = await runProgram([command], argv, '0.0.0', context);
  errors.mockRestore();
  return { code, printed: printed.join('') };
}

const seen = async (argv: string[], env: Record<string, string> = {}): Promise<Invocation> => {
  let invocation: Invocation | undefined;
  const { printed } = await call(
    async (_context, given) => {
      invocation = given;
      return 0;
    },
    ['try', ...argv],
    env,
  );
  if (!invocation) throw new Error(printed);
  return invocation;
};

describe('the command line', () => {
  it('reads a flag before a variable, and an empty variable as unset', async () => {
    const env = { FLIGHTCHECK_MIN_SCORE: '2', FLIGHTCHECK_GATE: '' };
    expect(await seen([], env)).toEqual({
      args: [],
      options: { 'min-score': '2' },
      origins: { 'min-score': 'FLIGHTCHECK_MIN_SCORE' },
    });
    expect((await seen(['--min-score', '3'], env)).origins).toEqual({ 'min-score': '--min-score' });
  });

  it('reads lists as typed and as GitLab hands them over, and leaves a literal interpolation unset', async () => {
    expect((await seen(['--only', 'a,b'])).options.only).toEqual(['a', 'b']);
    expect((await seen([], { FLIGHTCHECK_ONLY: '["a", "b"]' })).options.only).toEqual(['a', 'b']);
    expect((await seen([], { FLIGHTCHECK_GATE: '$[[ inputs.gate ]]' })).options).toEqual({});
  });

  it.each([
    ['a value that is not allowed', ['--gate', 'maybe'], /--gate is "maybe", expected one of advisory, blocking/],
    ['text for a number', ['--tower-timeout', 'soon'], /--tower-timeout is "soon", expected a number/],
    ['text for a text that is a number', ['--min-score', 'much'], /--min-score is "much", expected a number from 0 to 7\n/],
    ['an unknown flag', ['--mni-score', '1'], /unknown option '--mni-score'\n?.*min-score/s],
  ])('refuses %s with exit code 2', async (_what, argv, words) => {
    const { code, printed } = await call(async () => 0, ['try', ...argv]);
    expect(code).toBe(2);
    expect(printed).toMatch(words);
  });

  it('names the whole command whose help explains an option', async () => {
    const errors: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
    await runProgram(commands, ['tower', 'serve', '--port', 'abc'], '0.0.0', () => ({
      cwd: '/',
      env: {},
      print() {},
      log,
      isJson: false,
      isDebug: false,
      isColor: false,
      width: 80,
      signal: new AbortController().signal,
      version: '0.0.0',
    }));
    spy.mockRestore();
    expect(errors.join('')).toContain('See: flightcheck tower serve --help');
  });

  it('tells a user error with its place and hint, without a stack', async () => {
    const error = new UsageError('X', 'found a, expected b', { hint: 'Write b.', place: { path: 'f.yml', line: 3 } });
    const { code, printed } = await call(async () => {
      throw error;
    }, ['try']);
    expect(code).toBe(2);
    expect(printed).toBe('error f.yml:3: found a, expected b\n  -> Write b.\n');
  });

  it('lets no name or value steer the terminal', async () => {
    const error = new UsageError('X', 'found \u001b]0;owned\u0007a\u001b[2J', {
      hint: 'Write \u001b[31mb.',
      place: { path: 'f\u001b[1m\n.yml' },
    });
    const { printed } = await call(async () => {
      throw error;
    }, ['try']);
    expect(printed).toBe('error f .yml: found a\n  -> Write b.\n');
  });

  it('ends with 3 when the environment failed, as JSON on request, with the stack only on --debug', async () => {
    const run = async () => {
      throw new EnvironmentError('Y', 'no such service', { hint: 'Start it.' });
    };
    const json = await call(run, ['try', '--json']);
    expect(json.code).toBe(3);
    expect(JSON.parse(json.printed)).toEqual({ error: { code: 'Y', message: 'no such service', hint: 'Start it.' } });
    expect((await call(run, ['try', '--debug'])).printed).toContain('program.test.ts');
  });
});

describe('every command', () => {
  const all = (list: readonly Command[], path = ''): [string, Command][] =>
    list.flatMap((command) => [
      [`${path}${command.name}`, command] as [string, Command],
      ...all(command.commands ?? [], `${path}${command.name} `),
    ]);

  it.each(all(commands))('%s has a summary and an example that begins with its own name', (path, command) => {
    expect(command.summary).toMatch(/^[A-Z].*\.$/);
    if (command.run) {
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) expect(example.command).toContain(`flightcheck ${path}`);
    }
  });
});
