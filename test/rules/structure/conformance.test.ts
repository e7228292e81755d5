import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { kinds } from '../../../rules/kinds/index.generated.ts';
import { checks, rules, suite } from '../../../rules/structure/index.generated.ts';
import { type Input, resolveInputs } from '../../../src/kernel/input.ts';
import { structureCheck } from '../../helpers/rule.ts';

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, '../../../rules/structure');
const ids = [...Object.keys(checks), ...Object.keys(rules)];
const listed = suite.sections.flatMap((section) => section.checks.map((entry) => ({ section: section.id, id: entry.check })));
const tables = readdirSync(here)
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('conformance'))
  .map((name) => readFileSync(join(here, name), 'utf8'))
  .join('\n');

/** A value of another type than the input wants. */
const wrongFor = (input: Input): unknown => (input.type === 'boolean' ? 'yes' : true);

test('every rule stands once in the suite, in the section of its folder', () => {
  expect(listed.map((entry) => entry.id).toSorted()).toEqual(ids.toSorted());
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^(?!lib\/)[^/]+\/.*\.(ts|yml)$/.test(path),
  );
  expect(files.map((path) => `${dirname(path)}/${basename(path).replace(/\.\w+$/, '')}`).toSorted()).toEqual(
    listed.map((entry) => `${entry.section}/${entry.id}`).toSorted(),
  );
});

test('there are enough rules, and all seven sections have some', () => {
  expect(suite.sections.map((section) => section.id)).toEqual([
    'ownership',
    'layout',
    'reproducibility',
    'quality',
    'ci',
    'container',
    'security',
  ]);
  expect(ids.length).toBeGreaterThanOrEqual(20);
});

describe.each(ids)('%s', (id) => {
  test('says what, why and how to mend it', async () => {
    const { title, why, fix, reference } = await structureCheck(id);
    expect(title).toMatch(/^[A-Z.f].{10,90}[^.]$/);
    expect(why).toMatch(/^[A-Z.].{20,250}\.$/);
    expect(why.match(/[.!?](?= [A-Z])/g) ?? []).toEqual([]);
    expect(fix.length).toBeGreaterThan(15);
    if (reference !== undefined) expect(reference).toMatch(/^https:\/\/\S+$/);
    expect(id).toMatch(/^[a-z]+(-[a-z]+)+$/);
  });

  test('has inputs with a description and a valid default, and refuses each bad option with one problem', async () => {
    const { inputs } = await structureCheck(id);
    expect(resolveInputs(inputs, {}).problems).toEqual([]);
    for (const [name, input] of Object.entries<Input>(inputs)) {
      expect(input.description).toMatch(/^\S.*[.)]$/);
      expect(resolveInputs(inputs, { [name]: wrongFor(input) }).problems).toHaveLength(1);
    }
    expect(resolveInputs(inputs, { 'no-such-option': 1 }).problems).toEqual([expect.stringContaining('no-such-option')]);
  });

  test('is tried on repos that it accepts and rejects', () => {
    expect(tables).toContain(`'${id}'`);
  });
});

describe.each(Object.keys(kinds))('kind %s', (name) => {
  test('is documented, and a rule of the suite or a test uses it', async () => {
    const load = kinds[name as keyof typeof kinds];
    const kind = await load();
    expect(kind.summary).toMatch(/^[A-Z.a-z].{15,120}\.$/);
    expect(kind.needs.length).toBeGreaterThan(0);
    for (const input of Object.values<Input>(kind.inputs)) expect(input.description).toMatch(/^\S.*[.)]$/);
    const tested = readFileSync(join(here, '../kinds/kinds.test.ts'), 'utf8');
    expect(Object.values(rules).some((rule) => rule.kind === name) || tested.includes(`'${name}'`)).toBe(true);
  });
});
