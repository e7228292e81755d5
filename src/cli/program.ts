/** Commands -> the command line: help with examples, flags from options, errors in words. */
import { Command as Commander, CommanderError, Option as Flag } from 'commander';
import pc from 'picocolors';
import { exitCode, FlightcheckError, formatPlace, toFailure } from '../kernel/failure.ts';
import { variableOf } from '../kernel/options/index.ts';
import { cleanText, oneLine } from '../reports/text.ts';
import type { Command, Context, Invocation } from './command.ts';
import { inputsOf, readOptions } from './options.ts';

const groupNames = new Set(['json', 'debug', 'color']);

/** Runs the command line and returns the exit code; everything that is thrown is told, nothing escapes. */
export async function runProgram(
  commands: readonly Command[],
  argv: readonly string[],
  version: string,
  contextOf: (flags: { json?: boolean; debug?: boolean; color?: boolean }) => Context,
): Promise<number> {
  let code: number = exitCode.fine;
  const program = new Commander('flightcheck')
    .description('Quality gates for machine-learning models on GitLab.')
    .version(version)
    .showHelpAfterError('(flightcheck --help shows what there is)')
    .enablePositionalOptions()
    .exitOverride();
  for (const command of commands)
    program.addCommand(
      build(command, command.name, async (chosen, path, invocation, flags) => {
        const context = contextOf(flags);
        try {
          const own = readOptions(chosen, invocation.flags, context.env, path);
          code = (await chosen.run?.(context, { args: invocation.args, ...own })) ?? exitCode.fine;
          if (context.signal.aborted) code = exitCode.interrupted;
        } catch (error) {
          code = tell(error, context);
        }
      }),
    );
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCode.fine : exitCode.usage;
  }
  return code;
}

type Action = (
  command: Command,
  path: string,
  invocation: Pick<Invocation, 'args'> & { flags: Record<string, unknown> },
  flags: Record<string, boolean>,
) => Promise<void>;

function build(command: Command, path: string, action: Action): Commander {
  const built = new Commander(command.name).description(command.summary).exitOverride();
  built.configureHelp({ showGlobalOptions: true }).showHelpAfterError(`(flightcheck ${path} --help shows what there is)`);
  if (command.argument) {
    const { name, description, isVariadic } = command.argument;
    built.argument(isVariadic ? `[${name}...]` : `[${name}]`, description);
  }
  if (command.secondArgument) built.argument(`[${command.secondArgument.name}]`, command.secondArgument.description);
  for (const inner of command.commands ?? []) built.addCommand(build(inner, `${path} ${inner.name}`, action));
  if (command.run) {
    addFlags(built, command);
    built.action(async (...all: unknown[]) => {
      const raw = built.opts<Record<string, unknown>>();
      // Commander hands flags over in camelCase; our names are the kebab-case ones.
      const byName = Object.fromEntries(built.options.map((flag) => [flag.name(), raw[flag.attributeName()]]));
      const common = Object.fromEntries(Object.entries(raw).filter(([name]) => groupNames.has(name))) as Record<string, boolean>;
      const args = all
        .slice(0, -2)
        .flat()
        .filter((arg): arg is string => typeof arg === 'string');
      await action(command, path, { args, flags: byName }, common);
    });
  }
  const examples = command.examples.map(({ command: line, meaning }) => `  $ ${line}\n      ${meaning}`).join('\n');
  if (examples) built.addHelpText('after', `\nExamples:\n${examples}`);
  return built;
}

function addFlags(built: Commander, command: Command): void {
  const shared = new Set<string>(command.options);
  for (const [name, input] of Object.entries(inputsOf(command))) {
    const choices = input.options?.filter((option) => option !== '').join(', ');
    const variable = shared.has(name) ? ` [${variableOf(name)}]` : '';
    const text = `${input.description}${choices ? ` One of: ${choices}.` : ''}${variable}`;
    const flag = new Flag(input.type === 'boolean' ? `--${name}` : `--${name} <value>`, text);
    if (input.default !== undefined && input.default !== '' && input.default !== false) {
      const shown = Array.isArray(input.default) ? input.default.join(',') : String(input.default);
      if (shown) flag.description += ` Default: ${shown}.`;
    }
    built.addOption(flag);
  }
  built.option('--json', 'Print JSON on standard output, nothing else.');
  built.option('--debug', 'Say more, and show the stack of an error.');
  built.option('--no-color', 'No colour; also NO_COLOR=1.');
}

/** Tells an error: what, where, what to do; as JSON with `--json`. Returns the exit code. */
function tell(error: unknown, context: Context): number {
  const failure = toFailure(error);
  const colors = pc.createColors(context.isColor);
  if (context.isJson) context.print(`${JSON.stringify({ error: failure }, null, 2)}\n`);
  else {
    // Names and values come from repos: none may steer the terminal.
    const where = failure.place ? `${oneLine(formatPlace(failure.place))}: ` : '';
    const hint = failure.hint ? `\n${colors.dim('  -> ')}${cleanText(failure.hint)}` : '';
    process.stderr.write(`${colors.red(colors.bold('error'))} ${where}${cleanText(failure.message)}${hint}\n`);
  }
  if (context.isDebug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return context.signal.aborted
    ? exitCode.interrupted
    : error instanceof FlightcheckError
      ? error.exitCode
      : exitCode.environment;
}
