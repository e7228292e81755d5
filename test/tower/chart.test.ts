/** What the file of --actions may hold, the chart's values may: the schema stands beside both. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { readActions } from '../../src/cli/tower/actions.ts';

const schemaFile = join(import.meta.dirname, '../../src/tower/chart/values.schema.json');
const { properties } = JSON.parse(readFileSync(schemaFile, 'utf8')) as { properties: { actions: object } };
const isInChart = new Ajv2020({ allErrors: true }).compile(properties.actions);

const full = {
  webhooks: { ops: { url: 'https://hooks.example.com/a', secret: 'HOOK' } },
  gitlab: { url: 'https://gitlab.example.com', token: 'HOOK' },
  airflow: { prod: { url: 'https://airflow.example.com', token: 'HOOK' } },
  repositories: { risk: ['pipeline', 'issue', 'webhook:ops'], 'risk/late': ['airflow:prod', 'airflow:prod:retrain.late'] },
};

/** The server says so itself. */
function isForServer(actions: object): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'flightcheck-chart-'));
  try {
    writeFileSync(join(folder, 'actions.json'), JSON.stringify(actions));
    readActions(join(folder, 'actions.json'), { HOOK: 'a-secret' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the chart takes every part of the file of actions', () => {
  expect(isForServer(full)).toBe(true);
  isInChart(full);
  expect(isInChart.errors ?? []).toEqual([]);
});

test.each([
  { repositories: ['pipeline'] },
  { repositories: { risk: 'pipeline' } },
  { repositories: { risk: ['pipelines'] } },
  { repositories: { risk: ['airflow:prod:a b'] } },
  { repository: {} },
])('and refuses %j as the server does', (actions) => {
  expect([isForServer(actions), isInChart(actions)]).toEqual([false, false]);
});
