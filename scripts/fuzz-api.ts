/**
 * `npm run fuzz:api [EXAMPLES] [SEED]`: schemathesis over the API of Control Tower, as `/openapi.json` describes it, on an embedded
 * database: EXAMPLES requests for each operation (20 unless told). Fails on any 5xx and any answer that the document does not
 * promise. `npm run build` must have been run.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { introduceModel, startTowerProcess } from '../test/support/towers.ts';
import { hasVenv, makeVenv, type Venv } from './lib/venvs.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const fuzzer: Venv = {
  name: 'schemathesis',
  program: 'schemathesis',
  requirements: 'schemathesis.txt',
  why: 'it makes requests from the description of the API',
};
const problem = hasVenv(root, fuzzer) ? null : makeVenv(root, fuzzer);
if (problem !== null) {
  console.error(`schemathesis is missing: ${problem}`);
  process.exit(3);
}

const examples = Number(process.argv[2] ?? 20);
const seed = String(Number(process.argv[3] ?? 1));
const folder = mkdtempSync(join(tmpdir(), 'flightcheck-fuzz-'));
const tower = await startTowerProcess(['--port', '0', '--data', join(folder, 'data'), '--token-file', join(folder, 'token')]);
try {
  await introduceModel(tower);
  const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_schema_conformance'];
  const child = spawn(
    join(root, '.tools', fuzzer.name, 'bin/python'),
    [
      // Not the program itself: its first line names the folder in which it was installed.
      join(root, '.tools', fuzzer.name, 'bin', fuzzer.program),
      ...['run', `${tower.url}/openapi.json`, '--header', `Authorization: Bearer ${tower.token}`, '--phases', 'fuzzing'],
      ...['--mode', 'all', '--checks', checks.join(','), '--max-examples', String(examples), '--seed', seed, '--no-color'],
      // Reports nest deeply; making one takes long, and that is no fault.
      ...['--suppress-health-check', 'all'],
    ],
    { cwd: folder, stdio: 'inherit' },
  );
  process.exitCode = await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
} finally {
  await tower.kill();
  rmSync(folder, { recursive: true, force: true });
}
