import { describe, expect, test } from 'vitest';
import { kinds } from '../../rules/kinds/index.generated.ts';
import { ruleCheck } from '../../src/engine/rules.ts';

const rule = {
  kind: 'file-exists',
  title: 'There is a data sheet',
  why: 'Nobody knows the data without it.',
  fix: 'Write DATASHEET.md.',
  with: { files: ['DATASHEET.md'] },
};
const place = { path: 'pack/data-sheet.yml', line: 1 };

test('a rule becomes a check with its words, and a suite may still set its parameters', async () => {
  const check = await ruleCheck('data-sheet', { ...rule, reference: 'https://example.com/', language: 'r' }, kinds);
  expect(check).toMatchObject({ title: rule.title, why: rule.why, fix: rule.fix, reference: 'https://example.com/' });
  expect(check.inputs.files.default).toEqual(['DATASHEET.md']);
  expect(check.inputs.nocase.default).toBe(true);
});

describe('what is wrong is named once, with what was meant', () => {
  const bomb = '(a+)+'.repeat(400);
  test.each([
    ['text', 'it is not a map'],
    [null, 'it is not a map'],
    [{ ...rule, why: undefined, wyh: 'x' }, 'unknown key wyh, did you mean why?; why is missing'],
    [{ ...rule, fix: ' ' }, 'fix is missing'],
    [{ ...rule, kind: 'file-exist' }, 'there is no kind file-exist, did you mean file-exists?'],
    [{ ...rule, kind: 'constructor' }, 'there is no kind constructor'],
    [{ ...rule, kind: '__proto__' }, 'there is no kind __proto__'],
    [{ ...rule, reference: 'javascript:alert(1)' }, 'reference is not an address'],
    [{ ...rule, language: 'julia' }, 'language is "julia", expected python or r'],
    [{ ...rule, with: [] }, 'with is not a map'],
    [{ ...rule, with: { file: ['a'] } }, 'unknown parameter file, did you mean files?'],
    [{ ...rule, with: {} }, 'option files is missing, expected a value'],
    [{ ...rule, with: { files: 'a' } }, 'option files is "a", expected a list'],
    [{ ...rule, with: { files: [] } }, 'files is empty'],
    [{ ...rule, kind: 'content-matches', with: { files: ['a'], message: 'm', pattern: '(' } }, 'not a regular expression'],
    [{ ...rule, kind: 'content-matches', with: { files: ['a'], message: 'm', pattern: '(?=a)' } }, 'not a regular expression'],
    [{ ...rule, kind: 'content-matches', with: { files: ['a'], message: 'm', pattern: bomb } }, 'at most 1000'],
    [{ ...rule, kind: 'git-history', with: { judge: 'commit-subject' } }, 'commit-subject needs a pattern'],
    [{ ...rule, kind: 'git-history', with: { judge: 'blob-size' } }, 'max-megabytes is not above 0'],
    [{ ...rule, kind: 'document-matches-schema', with: { files: ['a'], schema: '{type: 1}' } }, 'schema cannot be used'],
    [{ ...rule, kind: 'document-matches-schema', with: { files: ['a'], schema: '[' } }, 'schema cannot be used'],
    [{ ...rule, kind: 'gitlab-project-setting', with: { setting: 'visibility' } }, 'neither values nor min'],
  ])('%j', async (data, words) => {
    await expect(ruleCheck('data-sheet', data, kinds, place)).rejects.toMatchObject({
      code: 'RULE_INVALID',
      exitCode: 2,
      message: expect.stringContaining(words),
      place,
    });
  });
});
