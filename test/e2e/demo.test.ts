/** `npm run demo`, as a newcomer starts it. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/kernel/report.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const demo = (...flags: string[]) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    execFile('npm', ['run', '-s', 'demo', '--', '--dir', folder, ...flags], { cwd: root, env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, output: `${stdout}${stderr}` }),
    );
  });

describe.each([
  ['with pipelines', [], 'model-pipeline under gitlab-ci-local', 3],
  // Started by a person, whatever runs counts half.
  ['without', ['--direct'], 'the runners, called directly', 1.5],
] as const)('the demo %s', (_, flags, words, least) => {
  let result: Awaited<ReturnType<typeof demo>>;
  beforeAll(async () => {
    result = await demo(...flags);
  });

  test('ends well and shows the address, both examples and the time in hooks', () => {
    expect(result.code, result.output).toBe(0);
    expect(result.output).toMatch(/Control Tower is up at http:\/\/127\.0\.0\.1:\d+/);
    expect(result.output).toContain(`examples/python  ${words}`);
    expect(result.output).toContain('ML Test Score');
    expect(result.output).toMatch(/for the whole pipeline; the model's own commands ran for [\d.]+ s/);
  });

  test(`each example scores at least ${least} in Data, Model and Infra in this, its first run`, () => {
    for (const example of ['python', 'r']) {
      const report = JSON.parse(readFileSync(join(folder, example, 'report.report.json'), 'utf8')) as Report;
      const sections = report.suites.find((suite) => suite.id === 'ml-test-score')?.sections ?? [];
      const points = Object.fromEntries(sections.map((section) => [section.id, section.score]));
      expect(Object.keys(points).sort()).toEqual(['data', 'infra', 'model', 'monitor']);
      for (const section of ['data', 'model', 'infra'])
        expect(points[section], `${example}: ${section}`).toBeGreaterThanOrEqual(least);
    }
  });

  test('leaves the page with all evidence, and a report that reached Control Tower', () => {
    expect(readFileSync(join(folder, 'python/report.html'), 'utf8')).toContain('</html>');
    expect(result.output).toMatch(/flight-delay +http:\/\/127\.0\.0\.1:\d+\/models\/\d+/);
    expect(existsSync(join(folder, 'tower'))).toBe(true);
  });
});
