/** A rule that is shown as a form and sent back unchanged is the same rule, or it is not shown as one. */
import { describe, expect, it } from 'vitest';
import { validRule } from '../../../src/tower/api/rule-body.ts';
import { fieldsOf, readRuleForm } from '../../../src/tower/api/rule-form.ts';

const fieldsFor = (more: object) => {
  const made = validRule({
    namespace: '',
    name: 'drift',
    metric: 'model.drift.psi',
    when: { of: 'value', is: 'above', limit: 0.2 },
    ...more,
  });
  const past = {
    createdBy: 'token operator',
    createdAt: new Date(0),
    judgesFrom: new Date(0),
    modelId: null,
    model: null,
    isWhole: false,
    unit: null,
    open: 0,
    alerts: 0,
  };
  return { made, fields: fieldsOf({ id: 1, ...made, ...past, namespace: made.namespace ?? '' }) };
};
const pipeline = (variables: Readonly<Record<string, string>>) => ({ actions: [{ do: 'pipeline', ref: 'main', variables }] });

describe('a rule that the form can say', () => {
  it.each([
    {},
    { namespace: 'risk/credit' },
    { enabled: true, when: { absentHours: 1.5 }, severity: 'info', cooldownHours: 0, retrainsInARow: 5 },
    { when: { of: 'change', is: 'below', limit: -1e-7, closesAt: 0, times: 3 } },
    { where: { feature: ['age', 'in come'], 'label:tier': ['a:b', ''], 'label:größe': ['übergroß'] } },
    pipeline({ MODE: 'retrain', FLAGS: '--a=b c', EMPTY: '' }),
    {
      actions: [
        { do: 'issue' },
        { do: 'airflow', at: 'prod', dag: 'retrain' },
        { do: 'webhook', to: 'ops' },
        { do: 'webhook', to: 'data team' },
        { do: 'pipeline', ref: 'main' },
      ],
    },
  ])('%j', (more) => {
    const { made, fields } = fieldsFor(more);
    const { rule, errors } = readRuleForm(fields ?? {});
    expect(errors).toEqual({});
    const byKind = ({ do: a }: { do: string }, { do: b }: { do: string }) => a.localeCompare(b);
    const inOrder = (one: typeof rule) =>
      one && { ...one, definition: { ...one.definition, actions: one.definition.actions.toSorted(byKind) } };
    expect(inOrder(rule)).toEqual(inOrder(made));
  });

  it('may name no variable in an empty list', () => {
    expect(readRuleForm(fieldsFor(pipeline({})).fields ?? {}).rule?.definition.actions).toEqual([
      { do: 'pipeline', ref: 'main' },
    ]);
  });
});

describe('a rule that the form would change', () => {
  it.each([
    pipeline({ NOTE: 'one\nFORCE=1' }),
    pipeline({ NOTE: 'one\rFORCE=1' }),
    pipeline({ NOTE: ' one' }),
    pipeline({ NOTE: 'one\t' }),
    { where: { feature: ['age\nfeature:income'] } },
    { where: { feature: ['age '] } },
    { where: { ' feature': ['age'] } },
    { where: { 'label:a:b': ['c'] } },
    { name: 'drift\nof age' },
    { name: ' drift' },
    { metric: 'model.drift.psi ' },
    { actions: [{ do: 'pipeline', ref: ' main' }] },
    { actions: [{ do: 'webhook', to: 'ops\nother' }] },
    { actions: [{ do: 'airflow', at: 'the prod', dag: 'retrain' }] },
    {
      actions: [
        { do: 'pipeline', ref: 'main' },
        { do: 'pipeline', ref: 'next' },
      ],
    },
  ])('%j is left to the API', (more) => {
    expect(fieldsFor(more).fields).toBeNull();
  });
});
