/** Rules of an organisation as a folder of YAML files that the manifest names. */
import { describe, expect, test } from 'vitest';
import { call, reportOf } from '../helpers/call.ts';
import { type FileMap, makeRepo } from '../helpers/repo.ts';

const manifest = 'version: 1\nmodel: { name: m, owner: "@team" }\nstructure: { packs: [acme/rules/] }\n';
const suite = `sections:
  - id: acme
    title: Rules of Acme
    checks:
      - { check: acme-data-sheet, weight: 2, severity: critical }
  - id: ownership
    checks: [{ check: acme-contact }]
`;
const rule = (file: string): string => `kind: file-exists
title: There is ${file}
why: Nobody knows the data without it.
fix: Write ${file}.
with: { files: [${file}] }
`;
const pack: FileMap = {
  'flightcheck.yml': manifest,
  'acme/rules/suite.yml': suite,
  'acme/rules/data/acme-data-sheet.yml': rule('DATASHEET.md'),
  'acme/rules/acme-contact.yml': rule('CONTACT'),
};

const results = (root: string, runner: string) =>
  reportOf(root, runner)
    .suites.find(({ id }) => id === 'structure')
    ?.sections.flatMap((section) => section.results.map((result) => ({ section: section.id, title: section.title, result })))
    .filter(({ result }) => result.check.startsWith('acme-'));

test('its rules are judged in their sections, with their weights, and decide the gate, also after a merge', async () => {
  const root = makeRepo({ ...pack, CONTACT: 'us' });
  const { code, text } = await call(['check', root, '--gate', 'blocking', '--max-severity', 'major']);
  expect(code).toBe(1);
  expect(text).toContain('Rules of Acme');
  expect(text).toContain('acme-data-sheet failed with severity critical');
  const expected = [
    { section: 'ownership', title: 'Manifest and ownership', result: { check: 'acme-contact', outcome: 'pass', weight: 1 } },
    {
      section: 'acme',
      title: 'Rules of Acme',
      result: { check: 'acme-data-sheet', outcome: 'fail', severity: 'critical', weight: 2, fix: 'Write DATASHEET.md.' },
    },
  ];
  expect(results(root, 'check')).toMatchObject(expected);
  await call(['report', root]);
  expect(results(root, 'report')).toMatchObject(expected);
});

test('a severity of the manifest and --only reach them', async () => {
  const root = makeRepo({ ...pack, 'flightcheck.yml': manifest.replace('packs', 'severities: { acme-contact: off }, packs') });
  await call(['check', root]);
  expect(results(root, 'check')?.map(({ result }) => result.check)).toEqual(['acme-data-sheet']);
  await call(['check', root, '--only', 'acme-data-sheet']);
  expect(reportOf(root, 'check').suites[0]?.score).toBe(0);
});

describe('a broken pack ends the run and says where', () => {
  const more = (files: FileMap): FileMap => ({ ...pack, ...files });
  test.each<[string, FileMap, string[]]>([
    [
      'no suite',
      { 'flightcheck.yml': manifest },
      ['flightcheck.yml:3:22', 'names acme/rules/, where there is no suite.yml', 'sections: ['],
    ],
    ['outside', more({ 'flightcheck.yml': manifest.replace('acme/rules/', '../rules') }), ['expected a folder inside the repo']],
    ['an address', more({ 'flightcheck.yml': manifest.replace('acme/rules/', '"https://x/y"') }), ['expected a folder inside']],
    ['tabs', more({ 'acme/rules/suite.yml': 'sections:\n\t- a' }), ['acme/rules/suite.yml:2', 'a tab indents']],
    [
      'a typing error',
      more({ 'acme/rules/suite.yml': suite.replace('severity', 'severty') }),
      ['acme/rules/suite.yml:5', 'unknown key "severty"', 'Did you mean severity?'],
    ],
    [
      'a weight',
      more({ 'acme/rules/suite.yml': suite.replace('weight: 2', 'weight: 99') }),
      ['sections.0.checks.0.weight is 99'],
    ],
    [
      'one of ours',
      more({ 'acme/rules/suite.yml': suite.replace('acme-contact', 'docs-readme') }),
      ['acme/rules/suite.yml:7', 'docs-readme is already a check of Flightcheck itself'],
    ],
    ...['data-1', 'tests-pass', 'build-push', 'deploy-verify'].map((id): [string, FileMap, string[]] => [
      `one of another suite: ${id}`,
      more({
        'acme/rules/suite.yml': suite.replace('acme-contact', id),
        'acme/rules/acme-contact.yml': '',
        [`acme/rules/${id}.yml`]: rule('CONTACT'),
      }),
      ['acme/rules/suite.yml:7', `${id} is already a check of Flightcheck itself`],
    ]),
    [
      'a rule that is not there',
      more({ 'acme/rules/suite.yml': suite.replace('acme-contact', 'acme-contract') }),
      ['acme/rules/suite.yml:7', 'there is no acme/rules/acme-contract.yml'],
    ],
    ['a rule that nobody lists', more({ 'acme/rules/extra.yml': rule('X') }), ['acme/rules/extra.yml is listed in no section']],
    [
      'a section without a title',
      more({ 'acme/rules/suite.yml': suite.replace('    title: Rules of Acme\n', '') }),
      ['the new section acme has no title', 'ownership, layout'],
    ],
    [
      'a broken rule',
      more({ 'acme/rules/acme-contact.yml': rule('CONTACT').replace('why', 'wyh') }),
      ['acme/rules/acme-contact.yml:1', 'unknown key wyh, did you mean why?'],
    ],
    ['a title too long', more({ 'acme/rules/acme-contact.yml': rule('C'.repeat(400)) }), ['title is longer than 300 characters']],
  ])('%s', async (_what, files, words) => {
    const { code, errors, text } = await call(['check', makeRepo(files)]);
    for (const each of words) expect(errors).toContain(each);
    expect({ code, text }).toEqual({ code: 2, text: '' });
  });
});
