/** A rule as the fields of a form: read with a word for each field that is wrong, and filled from a rule. */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { RuleRow } from '../store/rules.ts';
import { type Action, isAbsence, type RuleDefinition, usualInARow } from '../triggers/rule.ts';
import { HttpProblem } from './problem.ts';
import { type GivenRule, validRule } from './rule-body.ts';

type Fields = Readonly<Record<string, string>>;

export const freshFields: Fields = {
  of: 'value',
  is: 'above',
  severity: 'warning',
  cooldownHours: '24',
  pipelinesPerDay: '2',
  retrainsInARow: '2',
  enabled: 'on',
};

export interface RuleForm {
  readonly fields: Fields;
  /** By name of the field; under `form` what belongs to none. */
  readonly errors: Fields;
  /** Null where there are errors. */
  readonly rule: GivenRule | null;
  /** Of the definition: a rule is kept once what it would have raised was shown. */
  readonly digest: string;
}

const linesOf = (text = ''): readonly string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** NAME and value of each line; a line without the sign between them is an error of its field. */
function pairsOf(name: string, text: string | undefined, sign: string, errors: Map<string, string>) {
  const pairs: (readonly [string, string])[] = [];
  for (const line of linesOf(text)) {
    const at = line.indexOf(sign, line.startsWith('label:') ? 'label:'.length : 0);
    if (at < 1) errors.set(name, `“${line.slice(0, 60)}” is not written as name${sign}value`);
    else pairs.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }
  return pairs;
}

function numberOf(name: string, text: string | undefined, errors: Map<string, string>, isNeeded = false): number | undefined {
  const given = (text ?? '').trim();
  if (given === '' && !isNeeded) return undefined;
  const value = Number(given);
  if (given === '' || !Number.isFinite(value)) errors.set(name, given === '' ? 'is needed' : 'is not a number');
  return value;
}

function whenOf(fields: Fields, errors: Map<string, string>): object {
  if (fields.of === 'absence') return { absentHours: numberOf('absentHours', fields.absentHours, errors, true) };
  const closesAt = numberOf('closesAt', fields.closesAt, errors);
  const times = numberOf('times', fields.times, errors);
  return {
    of: fields.of,
    is: fields.is,
    limit: numberOf('limit', fields.limit, errors, true),
    ...(closesAt !== undefined && { closesAt }),
    ...(times !== undefined && { times }),
  };
}

function actionsOf(fields: Fields, errors: Map<string, string>): readonly Action[] {
  const variables = Object.fromEntries(pairsOf('variables', fields.variables, '=', errors));
  const ref = fields.ref?.trim() ?? '';
  if (ref === '' && Object.keys(variables).length > 0) errors.set('ref', 'is needed where a pipeline gets variables');
  return [
    ...(ref === '' ? [] : [{ do: 'pipeline', ref, ...(Object.keys(variables).length > 0 && { variables }) } as const]),
    ...(fields.issue === 'on' ? [{ do: 'issue' } as const] : []),
    ...linesOf(fields.webhooks).map((to) => ({ do: 'webhook', to }) as const),
    ...pairsOf('airflow', fields.airflow, ' ', errors).map(([at, dag]) => ({ do: 'airflow', at, dag }) as const),
  ];
}

const ofAction = { pipeline: 'ref', issue: 'issue', webhook: 'webhooks', airflow: 'airflow' } as const;

/** The field that a pointer into the rule belongs to. */
function fieldOf(pointer: string, actions: readonly Action[]): string {
  const [, first = '', second = '', third = ''] = pointer.split('/');
  if (first === 'when') return second || 'of';
  if (first !== 'actions') return first || 'form';
  const action = second === '' ? undefined : actions[Number(second)];
  return third === 'variables' ? 'variables' : action ? ofAction[action.do] : 'form';
}

export function readRuleForm(sent: Fields): RuleForm {
  const { csrf: _, tried: __, act: ___, state: ____, ...fields } = sent;
  const errors = new Map<string, string>();
  const where = new Map<string, string[]>();
  for (const [name, value] of pairsOf('where', fields.where, ':', errors)) where.set(name, [...(where.get(name) ?? []), value]);
  for (const name of ['name', 'metric']) if (!fields[name]?.trim()) errors.set(name, 'is needed');
  const actions = actionsOf(fields, errors);
  const settings = {
    cooldownHours: numberOf('cooldownHours', fields.cooldownHours, errors, true),
    pipelinesPerDay: numberOf('pipelinesPerDay', fields.pipelinesPerDay, errors, true),
    retrainsInARow: numberOf('retrainsInARow', fields.retrainsInARow || '2', errors),
  };
  const body = {
    name: fields.name?.trim() ?? '',
    metric: fields.metric?.trim() ?? '',
    namespace: fields.namespace?.trim() ?? '',
    where: Object.fromEntries(where),
    when: whenOf(fields, errors),
    severity: fields.severity,
    ...settings,
    actions,
    enabled: fields.enabled === 'on',
  };
  const done = (rule: RuleForm['rule']): RuleForm => ({
    fields,
    errors: Object.fromEntries(errors),
    rule: errors.size === 0 ? rule : null,
    digest: createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16),
  });
  if (errors.size > 0) return done(null);
  try {
    return done(validRule(body));
  } catch (error) {
    if (!(error instanceof HttpProblem)) throw error;
    for (const found of error.errors ?? []) {
      if (!('pointer' in found)) continue;
      const field = fieldOf(found.pointer, actions);
      // A condition is one of two: what the other one misses says nothing.
      if (!errors.has(field)) errors.set(field, found.detail);
    }
    if (errors.size > 1) for (const vague of ['of', 'actions', 'form']) errors.delete(vague);
    if (errors.size === 0) errors.set('form', error.message);
    return done(null);
  }
}

/** Why a rule that is right is not kept, by field. @throws whatever else went wrong */
export function refusedFields(error: unknown, actions: readonly Action[]): Fields {
  if (!(error instanceof HttpProblem)) throw error;
  if (error.kind === 'forbidden') return { namespace: error.message };
  return Object.fromEntries(
    (error.errors ?? []).flatMap((found) => ('pointer' in found ? [[fieldOf(found.pointer, actions), found.detail]] : [])),
  );
}

function textsOf({ name, definition, isEnabled, namespace }: RuleRow): Fields {
  const { metric, where, when, severity, cooldownHours, actions, pipelinesPerDay, retrainsInARow = usualInARow } = definition;
  const pipeline = actions.find((action) => action.do === 'pipeline');
  const text = (value: number | undefined): string => (value === undefined ? '' : String(value));
  return {
    name,
    metric,
    namespace,
    where: Object.entries(where)
      .flatMap(([key, values]) => values.map((value) => `${key}:${value}`))
      .join('\n'),
    ...(isAbsence(when)
      ? { of: 'absence', is: 'above', absentHours: text(when.absentHours) }
      : { of: when.of, is: when.is, limit: text(when.limit), closesAt: text(when.closesAt), times: text(when.times) }),
    severity,
    cooldownHours: text(cooldownHours),
    pipelinesPerDay: text(pipelinesPerDay),
    retrainsInARow: text(retrainsInARow),
    ref: pipeline?.ref ?? '',
    variables: Object.entries(pipeline?.variables ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
    issue: actions.some((action) => action.do === 'issue') ? 'on' : '',
    webhooks: actions.flatMap((action) => (action.do === 'webhook' ? [action.to] : [])).join('\n'),
    airflow: actions.flatMap((action) => (action.do === 'airflow' ? [`${action.at} ${action.dag}`] : [])).join('\n'),
    enabled: isEnabled ? 'on' : '',
  };
}

/** Alike whatever the order of actions of another kind; no variable is as good as an empty list of them. */
const comparable = ({ retrainsInARow = usualInARow, ...definition }: RuleDefinition): RuleDefinition => ({
  ...definition,
  retrainsInARow,
  actions: definition.actions
    .map((action) =>
      action.do === 'pipeline' && Object.keys(action.variables ?? {}).length === 0 ? { do: action.do, ref: action.ref } : action,
    )
    .toSorted((a, b) => a.do.localeCompare(b.do)),
});

/** Null for a rule that would not come back from the form as it is: only the API changes it. */
export function fieldsOf(row: RuleRow): Fields | null {
  const fields = textsOf(row);
  // A browser makes the ends of lines alike.
  const sent = Object.entries(fields).map(([name, text]) => [name, text.replaceAll(/\r\n?|\n/g, '\r\n')] as const);
  const { rule } = readRuleForm(Object.fromEntries(sent));
  const isSame = rule?.name === row.name && isDeepStrictEqual(comparable(rule.definition), comparable(row.definition));
  return isSame ? fields : null;
}
