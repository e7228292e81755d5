/**
 * `npm run fuzz:api [EXAMPLES] [SEED]`: schemathesis over the API of Control Tower, as `/openapi.json` describes it, on an embedded
 * database: EXAMPLES requests for each operation (20 unless told). Fails on any 5xx and any answer that the document does not
 * promise. `npm run build` must have been run.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { introduceModel, startTowerProcess, type TowerProcess } from '../test/support/towers.ts';
import { hasVenv, makeVenv, schemathesis } from './lib/venvs.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** So that answers other than 404 are tried too: half of all requests ask for what there is. */
const config = `
[dictionaries.ids]
values = ["1", "2"]
[dictionaries.models]
values = ["late-lodgement-risk"]
[dictionaries.metrics]
values = ["fuzz.value", "tower.score.passing"]
[dictionaries.times]
values = ["2026-03-01", "2026-03-02T10:00:00Z"]
[parameters]
"path.id" = { dictionary = "ids", probability = 0.5 }
"path.model" = { dictionary = "models", probability = 0.5 }
"query.model" = { dictionary = "models", probability = 0.5 }
"query.metric" = { dictionary = "metrics", probability = 0.5 }
"query.from" = { dictionary = "times", probability = 0.5 }
"query.to" = { dictionary = "times", probability = 0.5 }
"body.model" = { dictionary = "models", probability = 0.5 }
`;

/** Operations that take away what others need come last, and the token that the requests carry after all. */
const parts = [
  ['--exclude-method', 'DELETE'],
  ['--include-method', 'DELETE', '--exclude-path', '/v1/tokens/{id}'],
  ['--include-name', 'DELETE /v1/tokens/{id}'],
];

/** A model with its metrics, two rules of which one has raised an alert, and two dashboards. */
async function fill(tower: TowerProcess): Promise<void> {
  await introduceModel(tower);
  const post = async (path: string, body: object): Promise<void> => {
    const { status } = await fetch(tower.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${tower.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (status !== 200 && status !== 201) throw new Error(`POST ${path} was answered ${status}`);
  };
  for (const i of [1, 2]) {
    await post('/v1/rules', {
      name: `rule ${i}`,
      enabled: true,
      metric: 'fuzz.value',
      when: { of: 'value', is: 'above', limit: i },
    });
    await post('/v1/dashboards', { name: `Board ${i}`, panels: [{ title: 'One', question: 'metric=fuzz.value&by=model' }] });
  }
  await post('/v1/metrics', { model: 'late-lodgement-risk', metrics: [{ name: 'fuzz.value', value: 2 }] });
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`${tower.url}/v1/alerts`, { headers: { authorization: `Bearer ${tower.token}` } });
    const { items } = (await answer.json()) as { items: unknown[] };
    if (items.length > 0) return;
    await sleep(200);
  }
  throw new Error('No alert was raised in 20 seconds');
}

async function attack(tower: TowerProcess, folder: string, part: readonly string[]): Promise<{ code: number; sent: number }> {
  const [, , examples = '20', seed = '1'] = process.argv;
  const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_schema_conformance'];
  const child = spawn(
    join(root, '.tools', schemathesis.name, 'bin/python'),
    [
      // Not the program itself: its first line names the folder in which it was installed.
      join(root, '.tools', schemathesis.name, 'bin', schemathesis.program),
      ...['run', `${tower.url}/openapi.json`, '--header', `Authorization: Bearer ${tower.token}`, '--phases', 'fuzzing', ...part],
      ...[
        '--mode',
        'all',
        '--checks',
        checks.join(','),
        '--max-examples',
        String(Number(examples)),
        '--seed',
        String(Number(seed)),
      ],
      // Reports nest deeply; making one takes long, and that is no fault.
      ...['--suppress-health-check', 'all', '--no-color'],
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
    process.stdout.write(data);
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (found) => resolve(found ?? 1));
  });
  return { code, sent: Number(/(\d+) generated/.exec(said)?.[1] ?? 0) };
}

const problem = hasVenv(root, schemathesis) ? null : makeVenv(root, schemathesis);
if (problem !== null) {
  console.error(`schemathesis is missing: ${problem}`);
  process.exit(3);
}
const folder = mkdtempSync(join(tmpdir(), 'flightcheck-fuzz-'));
const tower = await startTowerProcess(['--port', '0', '--data', join(folder, 'data'), '--token-file', join(folder, 'token')]);
try {
  writeFileSync(join(folder, 'schemathesis.toml'), config);
  await fill(tower);
  let all = 0;
  for (const part of parts) {
    const { code, sent } = await attack(tower, folder, part);
    all += sent;
    if (code !== 0) process.exitCode = code;
  }
  console.log(`${all} requests sent`);
} finally {
  await tower.kill();
  rmSync(folder, { recursive: true, force: true });
}
