/** Each of the 28 tests says what it does, what it asks for and where its bounds come from; and what it says is true. */
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { checks, suite } from '../../../rules/ml-test-score/index.generated.ts';
import type { AnyCheck } from '../../../src/kernel/check.ts';
import { defaultOf } from '../../../src/kernel/explained.ts';
import schema from '../../../src/kernel/manifest.schema.json' with { type: 'json' };
import { call, reportOf } from '../../helpers/call.ts';
import { makeRepo } from '../../helpers/repo.ts';

const ids = suite.sections.flatMap((section) => section.checks.map(({ check }) => check));

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: unknown;
}

/** Keys of a line that the manifest does not have. */
function unknownKeys(value: unknown, node: SchemaNode = schema as SchemaNode, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || node.properties === undefined) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const child = node.properties?.[key];
    return child ? unknownKeys(inner, child, `${path}${key}.`) : [`${path}${key}`];
  });
}

test('all 28 exist', () => {
  expect(Object.keys(checks).toSorted()).toEqual([...ids].toSorted());
  expect(ids).toHaveLength(28);
});

describe.each(ids)('%s', (id) => {
  const load = async (): Promise<AnyCheck> => checks[id]();

  it('says in one sentence what it does, and why', async () => {
    const { about, why, fix } = await load();
    expect(about?.does).toMatch(/^[A-Z].{40,260}\.$/);
    expect(about?.does.match(/[.!?](?= [A-Z])/g) ?? []).toEqual([]);
    expect(why).toMatch(/^[A-Z].{20,300}\.$/);
    expect(fix.length).toBeGreaterThan(30);
  });

  it('asks for what the manifest knows, in lines that can be copied', async () => {
    const { about } = await load();
    expect(about?.asks.length).toBeGreaterThan(0);
    for (const { what, line } of about?.asks ?? []) {
      expect(what).not.toMatch(/\.$/);
      if (line !== undefined) expect(unknownKeys(parse(line)), line).toEqual([]);
    }
  });

  it('has bounds with a source; those of the manifest have a default', async () => {
    const { about } = await load();
    expect(about?.thresholds.length).toBeGreaterThan(0);
    for (const threshold of about?.thresholds ?? []) {
      expect(threshold.source.length).toBeGreaterThan(5);
      if ('setting' in threshold) expect(defaultOf(threshold.setting)).not.toBe('not set');
      else expect(Number.isFinite(threshold.value)).toBe(true);
    }
  });
});

test('of a bare manifest nothing is judged, and each test says what to add', async () => {
  const root = makeRepo({ 'flightcheck.yml': 'version: 1\nmodel: { name: bare, owner: "@team" }\ncolumns: { id: id }\n' });
  const { code } = await call(['score', root]);
  expect(code).toBe(0);
  const results = reportOf(root, 'score').suites.flatMap(({ sections }) => sections.flatMap((section) => section.results));
  expect(results).toHaveLength(28);
  for (const { check, outcome, reason, nextStep, manifestLine } of results) {
    expect([check, outcome, typeof reason, typeof nextStep]).toEqual([check, 'skipped', 'string', 'string']);
    const load = checks[check as keyof typeof checks] as () => Promise<AnyCheck>;
    const asked = ((await load()).about?.asks ?? []).map(({ line }) => line);
    if (manifestLine !== undefined) expect(asked, check).toContain(manifestLine);
  }
});
