/** `flightcheck explain`, and the guide that is made of the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { guideFiles } from '../../src/codegen/guide.ts';
import type { Explained } from '../../src/kernel/explained.ts';
import { call } from '../helpers/call.ts';
import { makeRepo } from '../helpers/repo.ts';

const explain = (argv: readonly string[] = [], width = 80) => call(['explain', ...argv], {}, { width });

describe('flightcheck explain', () => {
  it.each(['monitor-3', 'model-6', 'layout-no-data', 'tests-pass', 'build-reproducible', 'deploy-verify'])(
    '%s says what it is and how it counts',
    async (id) => {
      const { code, text } = await explain([id]);
      expect(code).toBe(0);
      for (const head of ['Why', 'How to mend it', 'How it counts']) expect(text).toContain(`\n${head}\n`);
      expect(text.startsWith(`${id}: `)).toBe(true);
    },
  );

  it('gives the lines to add, the bounds with their sources and the keys that change them', async () => {
    const { text } = await explain(['model-6']);
    expect(text).toContain('      columns: { slices: [state, channel] }');
    expect(text).toMatch(/loss of skill on a slice, share: 0\.2 \(quality\.slice_max_drop\)/);
    expect(text).toContain('deepchecks');
    expect((await explain(['infra-2'])).text).toMatch(/Python: .*pytest[\s\S]*R: .*test_that/);
    expect((await explain(['model-1'])).text).toContain('The report job judges it');
  });

  it('guesses, and never prints a stack', async () => {
    for (const [id, guess] of [
      ['monitor3', 'monitor-3'],
      ['layout-no-dta', 'layout-no-data'],
    ] as const) {
      const { code, errors, text } = await explain([id]);
      expect(code).toBe(2);
      expect(errors).toContain(`Did you mean ${guess}?`);
      expect(text).toBe('');
    }
    expect((await explain(['../../etc/passwd'])).code).toBe(2);
  });

  it('lists every check by section, in any width', async () => {
    for (const width of [40, 80, 120]) {
      const { text } = await explain([], width);
      for (const id of ['data-1', 'monitor-7', 'layout-no-data', 'tests-pass', 'build-sbom', 'deploy-canary'])
        expect(text).toContain(`  ${id}`);
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  });

  it('tells a program the same', async () => {
    const all = JSON.parse((await explain(['--json'])).text) as Explained[];
    expect(all.length).toBeGreaterThan(70);
    const one = JSON.parse((await explain(['data-5', '--json'])).text) as Explained;
    expect(all).toContainEqual(one);
    expect(one).toMatchObject({ id: 'data-5', suite: 'ML Test Score', scoring: expect.stringContaining('90 days') });
  });

  it('knows the rules of the packs that a repo names', async () => {
    const root = makeRepo({
      'flightcheck.yml': 'version: 1\nmodel: { name: m, owner: "@team" }\nstructure: { packs: [rules/] }\n',
      'rules/suite.yml': 'sections: [{ id: acme, title: Acme, checks: [{ check: acme-contact, weight: 2 }] }]\n',
      'rules/acme-contact.yml':
        'kind: file-exists\ntitle: There is a CONTACT\nwhy: Nobody knows whom to ask.\nfix: Write CONTACT.\nwith: { files: [CONTACT] }\n',
    });
    const { code, text } = await explain(['acme-contact', root]);
    expect(code).toBe(0);
    expect(text).toContain('Nobody knows whom to ask.');
    expect((await explain(['acme-contact'])).code).toBe(2);
  });
});

describe('the guide', () => {
  it('has a page for each section, each check on it, and lines that are one valid manifest', async () => {
    const files = await guideFiles(process.cwd());
    expect(Object.keys(files).toSorted()).toEqual(
      readdirSync('docs/guide')
        .map((name) => `docs/guide/${name}`)
        .toSorted(),
    );
    for (const [path, text] of Object.entries(files)) expect(text, path).toBe(readFileSync(path, 'utf8'));
    const all = Object.values(files).join('\n');
    for (const id of ['## data-1:', '## monitor-7:', '## layout-no-data:', '## tests-pass:']) expect(all).toContain(id);
    const blocks = [...all.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => yaml);
    expect(blocks.length).toBeGreaterThan(20);
    for (const yaml of blocks) expect(() => parse(yaml), yaml).not.toThrow();
  });
});
