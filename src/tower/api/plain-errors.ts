/** What a JSON Schema finds wrong, in plain words: what was found, and what was expected. The pointer names the field. */
import type { AnySchemaObject, ErrorObject } from 'ajv/dist/2020.js';
import { clip } from '../../reports/text.ts';
import { plural } from '../../reports/words.ts';
import type { Problem } from '../rescore.ts';

/** What a pattern of our schemas stands for, to read after “expected”. */
export const patternWords: Readonly<Record<string, string>> = {
  '\\S': 'more than spaces',
  '^$|\\S': 'nothing, or more than spaces',
  '^[^:]+:': 'NAME:VALUE, such as region:au',
  '^(label:[^:]+:|(?!label:)[^:]+:)': 'NAME:VALUE, such as region:au',
  '^[1-9][0-9]{0,14}$': 'a positive whole number',
  '^[1-9][0-9]{0,3}[hdw]$': 'a number with h, d or w behind it, such as 30d',
  '^[0-9a-f]{64}$': '64 hexadecimal digits in lower case',
  '^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$': 'an image by digest, such as registry.example.com/image@sha256:...',
  '^[a-z][a-z0-9-]*$': 'lower-case letters, digits and hyphens, a letter first',
  '^[a-z0-9][a-z0-9-]*$': 'lower-case letters, digits and hyphens',
  '^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$': 'lower-case words with dots between them, such as model.drift.psi',
  '^([^/\\s]+(/[^/\\s]+)*)?$': 'a path of GitLab such as risk/scoring, without spaces, or nothing',
  '^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$': 'letters, digits, spaces and . _ -, at most 100, a letter or digit first',
  '^[A-Za-z0-9_.-]{1,250}$': 'letters, digits and _ . -, at most 250',
  '^(?!FLIGHTCHECK_ALERT)[A-Z_][A-Z0-9_]{0,99}$': 'capitals, digits and _, not beginning with FLIGHTCHECK_ALERT',
  '^[\\x20-\\x7e]+$': 'printable ASCII',
};

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

/** Large values are not written out. */
function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(typeof value === 'string' ? clip(value, 80) : value) ?? 'nothing';
}

const oneOf = (values: readonly unknown[]): string => (values.length === 1 ? '' : 'one of ') + values.map(String).join(', ');
const sizeOf = (data: unknown): number => (typeof data === 'object' ? Object.keys(data ?? {}).length : String(data).length);
const knownIn = (schema: AnySchemaObject | undefined): readonly string[] => Object.keys(schema?.properties ?? {});

/** Of a range: its words, by keyword. */
const bounds: Readonly<Record<string, string>> = {
  minimum: 'at least',
  maximum: 'at most',
  exclusiveMinimum: 'more than',
  exclusiveMaximum: 'less than',
};
const sizes: Readonly<Record<string, readonly [bound: string, one: string, many?: string]>> = {
  minLength: ['at least', 'character'],
  maxLength: ['at most', 'character'],
  minItems: ['at least', 'entry', 'entries'],
  maxItems: ['at most', 'entry', 'entries'],
  minProperties: ['at least', 'entry', 'entries'],
  maxProperties: ['at most', 'entry', 'entries'],
};

/** Stands behind the name of the field. */
export function sayFault({ keyword, params, data, parentSchema, schema, message }: ErrorObject): string {
  const found = `is ${show(data)}`;
  const size = sizes[keyword];
  if (size) {
    const [bound, ...units] = size;
    const expected = `expected ${bound} ${plural(Number(params.limit), ...units)}`;
    return sizeOf(data) === 0 ? `is empty, ${expected}` : `has ${plural(sizeOf(data), ...units)}, ${expected}`;
  }
  if (bounds[keyword]) return `${found}, expected ${bounds[keyword]} ${String(params.limit)}`;
  switch (keyword) {
    case 'type':
      return `${found}, expected ${[params.type]
        .flat()
        .map((type) => typeWords[type] ?? type)
        .join(' or ')}`;
    case 'enum':
      return `${found}, expected ${oneOf(params.allowedValues)}`;
    case 'const':
      return `${found}, expected ${String(params.allowedValue)}`;
    case 'pattern':
      return `${found}, expected ${patternWords[params.pattern] ?? `the form ${params.pattern}`}`;
    case 'format':
      return `${found}, expected a time such as 2026-03-01T10:00:00Z`;
    case 'required':
      return `has no ${JSON.stringify(params.missingProperty)}, which is needed`;
    case 'additionalProperties': {
      const known = knownIn(parentSchema);
      const name = JSON.stringify(clip(String(params.additionalProperty), 80));
      return `has ${name}, which is not known${known.length > 0 ? `; known are ${known.join(', ')}` : ''}`;
    }
    case 'propertyNames': {
      const { pattern = '', maxLength = 100 } = schema as AnySchemaObject;
      const name = JSON.stringify(clip(String(params.propertyName), 80));
      return `has the name ${name}, expected ${patternWords[pattern] ?? `1 to ${maxLength} characters`}`;
    }
    case 'uniqueItems':
      return `has the same entry twice, the ${Number(params.j) + 1}. and the ${Number(params.i) + 1}.`;
    default:
      return message ?? 'is not valid';
  }
}

/** How well an alternative fits what was sent, by its names: a name that it fixes to another value rules it out. */
function closeness({ properties = {} }: AnySchemaObject, data: unknown): number {
  const sent = typeof data === 'object' && data !== null ? Object.entries(data) : [];
  return sent.reduce((sum, [name, value]) => {
    const of: AnySchemaObject | undefined = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return sum + (of === undefined ? -1 : of.const === undefined ? 1 : of.const === value ? 10 : -1000);
  }, 0);
}

/** Of alternatives, the fault of the one that was meant; where none was, which there are. */
function ofAlternatives(whole: ErrorObject, errors: readonly ErrorObject[]): Problem[] {
  const found = (whole.schema as readonly AnySchemaObject[]).map((one) => closeness(one, whole.data));
  const best = Math.max(...found);
  if (best < -100) {
    const kinds = errors.filter(({ keyword }) => keyword === 'const');
    const [first] = kinds;
    if (first)
      return [{ pointer: first.instancePath, detail: `is ${show(first.data)}, expected ${oneOf(kindsOf(whole, first))}` }];
  }
  const meant = `${whole.schemaPath}/${found.indexOf(best)}/`;
  return sayFaults(errors.filter(({ schemaPath }) => schemaPath.startsWith(meant)));
}

const kindsOf = (whole: ErrorObject, { instancePath }: ErrorObject): readonly unknown[] => {
  const name = instancePath.slice(whole.instancePath.length + 1);
  return (whole.schema as readonly AnySchemaObject[])
    .map((one) => one.properties?.[name]?.const)
    .filter((kind) => kind !== undefined);
};

const mostSaid = 20;

/** Each fault once, of a validator that is verbose. */
export function sayFaults(errors: readonly ErrorObject[] | null | undefined): Problem[] {
  const all = errors ?? [];
  const isOfAlternatives = ({ keyword }: ErrorObject) => keyword === 'anyOf' || keyword === 'oneOf';
  const wholes = all.filter(isOfAlternatives);
  const isWithin = (error: ErrorObject) => wholes.some((whole) => error.schemaPath.startsWith(`${whole.schemaPath}/`));
  return all
    .filter((error) => !isWithin(error) && error.propertyName === undefined)
    .flatMap((error) =>
      isOfAlternatives(error) ? ofAlternatives(error, all) : [{ pointer: error.instancePath, detail: sayFault(error) }],
    )
    .slice(0, mostSaid);
}
