import { fail, pass, skipped } from '../../src/kernel/check.ts';
import { defineKind } from '../../src/kernel/rule-kind.ts';
import { anyOf } from './lib/findings.ts';
import { firstMatch, patternProblems } from './lib/pattern.ts';

function valueAt(manifest: unknown, key: string): unknown {
  let node = manifest;
  for (const part of key.split('.'))
    node =
      typeof node === 'object' && node !== null && Object.hasOwn(node, part)
        ? (node as Record<string, unknown>)[part]
        : undefined;
  return node;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

export default defineKind({
  summary: 'flightcheck.yml says something, and says it in the right form.',
  inputs: {
    key: {
      type: 'string',
      description: 'Dotted key, as model.description.',
      regex: '^[A-Za-z][A-Za-z0-9_-]*(\\.[A-Za-z0-9_-]+)*$',
    },
    values: { type: 'array', description: 'The only values that are accepted; empty accepts any.', default: [] },
    pattern: { type: 'string', description: 'Regular expression, RE2 syntax, that the value must match.', default: '' },
    'is-written': { type: 'boolean', description: 'A default does not count, the file itself must say it.', default: false },
    line: { type: 'string', description: 'The line to add, for the finding.', default: '' },
  },
  needs: ['manifest'],
  problems: ({ pattern }) => patternProblems('pattern', pattern),
  run({ manifest }, { key, values, pattern, 'is-written': isWritten, line }) {
    if (!manifest.exists) return skipped('there is no flightcheck.yml', { nextStep: 'Write one: see the rule manifest-valid.' });
    if (manifest.value === null)
      return skipped('flightcheck.yml is not valid', { nextStep: 'Mend what the rule manifest-valid found.' });
    const value = valueAt(manifest.value, key);
    const written = manifest.place(key);
    const place = written ?? { path: manifest.path };
    if (isEmpty(value) || (isWritten && written === undefined))
      return fail([{ message: `${manifest.path} does not say ${key}`, place, ...(line !== '' && { manifestLine: line }) }]);
    const text = String(value);
    if (values.length > 0 && !values.includes(text))
      return fail([{ message: `${key} is ${text}, expected ${anyOf(values)}`, place }]);
    if (pattern !== '' && firstMatch(pattern, text) < 0)
      return fail([{ message: `${key} is ${text}, which does not match ${pattern}`, place }]);
    return pass();
  },
});
