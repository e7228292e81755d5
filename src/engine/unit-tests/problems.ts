/** What kept the tests from ending as they should, in words. */
import { withoutSecrets } from '../../facts/secrets.ts';
import type { CommandLimits, CommandResult } from '../../kernel/hook-machine.ts';
import { withLog } from '../../kernel/said.ts';
import type { TestCase, TestProblem } from '../../kernel/unit-tests.ts';
import type { Prepared } from './frameworks.ts';

const shownLines = 15;

const minutes = (seconds: number): string =>
  seconds < 90 ? `${Number(seconds.toFixed(1))} s` : `${Math.round(seconds / 60)} minutes`;

/** Null when the exit code is what the cases explain. */
export function problemOf(
  prepared: Prepared,
  result: CommandResult,
  limits: CommandLimits,
  running: string | null,
  cases: readonly TestCase[],
): TestProblem | null {
  const { words } = prepared;
  const during = running ? ` while ${running.trim().slice(0, 300)} ran` : '';
  const log = withLog(withoutSecrets(result.tail.slice(-shownLines)));
  if (result.isAborted) return { code: 'INTERRUPTED', message: `${words} was interrupted${during}`, hint: 'Run again.' };
  if (result.isTimedOut)
    return {
      code: 'TESTS_TIMEOUT',
      message: `${words} was stopped at its limit of ${minutes(limits.seconds)}${during}`,
      hint: 'Make the test faster, or raise tests.minutes.',
    };
  if (result.isOutOfMemory)
    return {
      code: 'TESTS_MEMORY',
      message: `${words} was stopped at its limit of ${Math.round(limits.memoryBytes / 2 ** 20)} MiB of memory${during}`,
      hint: 'Test on fewer rows, or raise budget.memory.',
    };
  if (result.isOutputExceeded)
    return {
      code: 'TESTS_OUTPUT',
      message: `${words} was stopped because it printed more than ${limits.outputBytes / 2 ** 20} MiB${during}`,
      hint: 'Let tests print less.',
    };
  const how = result.signal ? `was ended by ${result.signal}` : `ended with exit code ${result.exitCode}`;
  if (running !== null)
    return {
      code: 'TESTS_CUT_SHORT',
      message: `${words} ${how}${during}, so the tests after it did not run${log}`,
      hint: 'A test must not end the process that runs it: look for exit, quit or a crash in it.',
    };
  if (cases.length === 0 && (result.exitCode === 0 || result.exitCode === 5))
    return {
      code: 'TESTS_NONE',
      message: `${words} found no test to run`,
      hint: '`flightcheck init tests` writes the first ones for this model.',
    };
  if (result.exitCode === 0 || cases.some(({ status }) => status === 'failed' || status === 'error')) return null;
  return {
    code: 'TESTS_EXIT',
    message: `${words} ${how}${cases.length === 0 ? '' : ', though no test failed'}${log}`,
    hint: /fail.under|Required test coverage/i.test(result.tail.join('\n'))
      ? "The repo's own limit of coverage is not reached: test the lines that are not run, or lower fail_under."
      : 'Run it yourself in a fresh clone: tests see no ignored files and none of your own environment.',
  };
}
