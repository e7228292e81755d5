import { describe, expect, test } from 'vitest';
import { withLog, withReason } from '../../src/kernel/said.ts';

const failed = 'the train hook failed with exit code 1\n  command: fit {data}';
const of = (...log: readonly string[]): string => withReason(failed + withLog(log));

describe('a failed command in one line', () => {
  test.each<[string, readonly string[], string]>([
    [
      'Python: the last error of a chain, not the line below it',
      ["KeyError: 'late'", 'The above exception was …', 'ValueError: Input X contains NaN.', 'see https://docs.example'],
      'ValueError: Input X contains NaN.',
    ],
    ['Python: an error of a module', ['a.b.NoConvergenceError: no minimum'], 'a.b.NoConvergenceError: no minimum'],
    ['R: the reason on its own line', ['Error in f(x) : ', '  new levels', 'Execution halted'], 'Error in f(x) : new levels'],
    ['R: stop() at the top', ['Error: no rows', 'Execution halted'], 'Error: no rows'],
    ['neither', ['reading', 'no column "age"', ''], 'no column "age"'],
    ['a colon with nothing after it', ['wrong:'], 'wrong:'],
  ])('%s', (_, log, reason) => {
    expect(of(...log)).toBe(`the train hook failed with exit code 1: ${reason}`);
  });
  test('without a log it is the first line; a long reason is cut', () => {
    expect(of()).toBe('the train hook failed with exit code 1');
    expect(withReason('no rows')).toBe('no rows');
    expect(of(`Error: ${'x'.repeat(5000)}`)).toHaveLength('the train hook failed with exit code 1: '.length + 201);
  });
});
