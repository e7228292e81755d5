/** What a server says of its own errors. */
import { afterEach, expect, it, vi } from 'vitest';
import { createLog } from '../../src/cli/log.ts';
import { errorTeller } from '../../src/cli/tower/serve.ts';

afterEach(() => vi.restoreAllMocks());

it.each([true, false])('an error stands on standard error in one line, whether quiet is %s', (isQuiet) => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const log = createLog({ stream: process.stderr, isTty: false, isGitLab: false, isQuiet, isDebug: false });
  errorTeller(log)(new Error('invalid token "\u001b[2J"\nsection_start:1:x'), 'abc');
  expect(write.mock.calls).toEqual([['warning: request abc failed: invalid token "" section_start:1:x\n']]);
});
