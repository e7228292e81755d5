/** What a server says when it starts, and of its own errors. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { createLog } from '../../src/cli/log.ts';
import { errorTeller } from '../../src/cli/tower/serve.ts';
import { call } from '../helpers/call.ts';

afterEach(() => vi.restoreAllMocks());

it.each([true, false])('an error stands on standard error in one line, whether quiet is %s', (isQuiet) => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const log = createLog({ stream: process.stderr, isTty: false, isGitLab: false, isQuiet, isDebug: false });
  errorTeller(log)(new Error('invalid token "\u001b[2J"\nsection_start:1:x'), 'abc');
  expect(write.mock.calls).toEqual([['warning: request abc failed: invalid token "" section_start:1:x\n']]);
});

it.each([[['--json']], [[]]])('a token that stands in a file is not shown, with %j', async (more) => {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-serve-'));
  const [token, ready] = [join(folder, 'token'), join(folder, 'ready')];
  const stop = new AbortController();
  const where = ['--port', '0', '--data', join(folder, 'data'), '--token-file', token, '--ready-file', ready];
  const served = call(['tower', 'serve', ...where, ...more], {}, { signal: stop.signal });
  try {
    const told = () => JSON.parse(readFileSync(ready, 'utf8'));
    await vi.waitFor(told, { timeout: 50_000, interval: 50 });
    const secret = readFileSync(token, 'utf8').trim();
    const { url, ...others } = told();
    const headers = { authorization: `Bearer ${secret}` };
    expect((await fetch(`${url}/v1/tokens`, { headers })).status).toBe(200);
    stop.abort();
    const { text, errors } = await served;
    expect(text).toContain(url);
    expect(`${text}${errors}${JSON.stringify(others)}`).not.toContain(secret);
  } finally {
    stop.abort();
    await served;
    rmSync(folder, { recursive: true, force: true });
  }
});
