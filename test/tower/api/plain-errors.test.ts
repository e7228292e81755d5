/** What is wrong with a body or a query, as a person reads it who sent it. */
import { expect, it } from 'vitest';
import { readAlertsQuery } from '../../../src/tower/api/alerts.ts';
import { validBadgeToSign } from '../../../src/tower/api/badges.ts';
import { validDashboard } from '../../../src/tower/api/dashboard-body.ts';
import { openApi } from '../../../src/tower/api/document/openapi.ts';
import { patternWords } from '../../../src/tower/api/plain-errors.ts';
import { HttpProblem } from '../../../src/tower/api/problem.ts';
import { validRule } from '../../../src/tower/api/rule-body.ts';
import { validToken } from '../../../src/tower/api/tokens.ts';
import { validReport } from '../../../src/tower/api/validate.ts';
import { sampleReport } from '../sample.ts';

function faultOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    const faults = (error.errors ?? []).map((one) => `${'pointer' in one ? one.pointer : one.parameter} ${one.detail}`);
    return faults.join('\n');
  }
  return 'taken';
}

const rule = { name: 'drift', metric: 'model.drift.psi', when: { of: 'value', is: 'above', limit: 1 } };
const token = { name: 'nightly', role: 'read' };
const panel = { title: 'One', question: 'metric=x' };

it.each<readonly [() => unknown, string]>([
  [() => validToken({ ...token, role: 'boss' }), '/role is "boss", expected one of read, write, admin'],
  [() => validToken({ ...token, days: 4000 }), '/days is 4000, expected at most 3650'],
  [() => validToken({ ...token, days: '9' }), '/days is "9", expected a whole number or null'],
  [
    () => validToken({ ...token, namespace: 'a b' }),
    '/namespace is "a b", expected a path of GitLab such as risk/scoring, without spaces, or nothing',
  ],
  [() => validToken({ ...token, model: 'x'.repeat(201) }), '/model has 201 characters, expected at most 200 characters'],
  [() => validToken([]), ' is a list, expected an object'],
  [() => validToken({ role: 'read' }), ' has no "name", which is needed'],
  [
    () => validToken({ ...token, admin: true }),
    expect.stringMatching(/^ has "admin", which is not known; known are name, role, /),
  ],
  [() => validDashboard({ name: ' ', panels: [panel] }), '/name is " ", expected more than spaces'],
  [() => validDashboard({ name: 'x', panels: [] }), '/panels is empty, expected at least 1 entry'],
  [() => validBadgeToSign({ show: 'gate', days: 400 }), '/days is 400, expected at most 366'],
  [
    () => validReport({ ...sampleReport(), at: 'today' }, new Date()),
    '/at is "today", expected a time such as 2026-03-01T10:00:00Z',
  ],
  [
    () => validReport({ ...sampleReport(), version: 2 }, new Date()),
    expect.stringMatching(/^ has "version", which is not known/),
  ],
  [() => readAlertsQuery('http://x/?limit=many'), 'limit is "many", expected a whole number'],
  [() => readAlertsQuery('http://x/?model=a'), 'model is "a", expected a positive whole number'],
  // Of alternatives the one that was meant, told once.
  [() => validRule({ ...rule, when: { of: 'value', is: 'over', limit: 1 } }), '/when/is is "over", expected one of above, below'],
  [() => validRule({ ...rule, when: { of: 'value', is: 'above' } }), '/when has no "limit", which is needed'],
  [() => validRule({ ...rule, when: { absentHours: 0 } }), '/when/absentHours is 0, expected at least 0.01'],
  [() => validRule({ ...rule, when: 5 }), '/when is 5, expected an object'],
  [() => validRule({ ...rule, actions: [{ do: 'webhook' }] }), '/actions/0 has no "to", which is needed'],
  [
    () => validRule({ ...rule, actions: [{ do: 'issue' }, { do: 'mail', to: 'me' }] }),
    '/actions/1/do is "mail", expected one of webhook, pipeline, airflow, issue',
  ],
  [
    () => validRule({ ...rule, actions: [{ do: 'issue' }, { do: 'issue' }] }),
    '/actions has the same entry twice, the 1. and the 2.',
  ],
  [
    () => validRule({ ...rule, actions: [{ do: 'pipeline', ref: 'main', variables: { retrain: '1' } }] }),
    '/actions/0/variables has the name "retrain", expected capitals, digits and _, not beginning with FLIGHTCHECK_ALERT',
  ],
  [
    () => validRule({ ...rule, name: 'x'.repeat(90), metric: 'y'.repeat(101) }),
    '/metric has 101 characters, expected at most 100 characters',
  ],
])('says in plain words what was found and expected, number %#', (read, said) => {
  expect(faultOf(read)).toEqual(said);
});

/** Values of `pattern` anywhere in the document. */
const patternsIn = (value: unknown): readonly string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([name, of]) => (name === 'pattern' && typeof of === 'string' ? [of] : patternsIn(of)));

it('has words for every pattern that the document of the API names', () => {
  const patterns = new Set(patternsIn(openApi('0.1.0')));
  expect(patterns.size).toBeGreaterThan(8);
  for (const pattern of patterns) expect(patternWords, pattern).toHaveProperty([pattern]);
});
