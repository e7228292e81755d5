/** Errors of the JSON Schema in the words of someone who writes YAML. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import { didYouMean } from './did-you-mean.ts';
import type { KeyPath } from './yaml.ts';

export interface Message {
  readonly path: KeyPath;
  readonly message: string;
  readonly hint: string;
}

const keysOf = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((key) => (/^\d+$/.test(key) ? Number(key) : key));

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

/** One message per error; alternatives (`oneOf`) are told once. `whole` is what the document is called. */
export function messagesOf(errors: readonly ErrorObject[], whole = 'the manifest'): readonly Message[] {
  const alternatives = errors.filter((error) => error.keyword === 'oneOf').map((error) => error.instancePath);
  return errors
    .filter((error) => error.keyword === 'oneOf' || !alternatives.some((path) => error.instancePath.startsWith(path)))
    .filter((error) => error.keyword !== 'if' && error.keyword !== 'propertyNames')
    .map((error) => messageOf(error, whole));
}

function messageOf(error: ErrorObject, whole: string): Message {
  const path = keysOf(error.instancePath);
  const name = path.length > 0 ? path.join('.') : whole;
  const parent = error.parentSchema as { properties?: Record<string, unknown>; description?: string } | undefined;
  const meaning = parent?.description ?? '';
  switch (error.keyword) {
    case 'additionalProperties': {
      const found = String(error.params.additionalProperty);
      const known = Object.keys(parent?.properties ?? {});
      const guess = didYouMean(found, known);
      return {
        path: [...path, found],
        message: `unknown key ${show(found)}${path.length > 0 ? ` in ${name}` : ''}`,
        hint: guess ? `Did you mean ${guess}?` : `Known keys: ${known.join(', ')}.`,
      };
    }
    case 'required': {
      const missing = [...path, String(error.params.missingProperty)].join('.');
      return { path, message: `${missing} is missing`, hint: `Add it; it is required.` };
    }
    case 'dependentRequired': {
      const { property, missingProperty } = error.params as { property: string; missingProperty: string };
      const missing = parent?.properties?.[missingProperty] as { description?: string } | undefined;
      const message = `${[...path, missingProperty].join('.')} is missing: ${property} asks for it`;
      return { path, message, hint: missing?.description ?? 'Add it.' };
    }
    case 'enum': {
      const allowed = (error.params.allowedValues as unknown[]).map(String);
      const guess = didYouMean(String(error.data), allowed);
      return {
        path,
        message: `${name} is ${show(error.data)}, expected one of ${allowed.join(', ')}`,
        hint: guess ? `Did you mean ${guess}?` : 'Choose one of them.',
      };
    }
    case 'type':
      return { path, message: `${name} is ${show(error.data)}, expected ${String(error.params.type)}`, hint: meaning };
    case 'const': {
      const expected = JSON.stringify(error.params.allowedValue);
      return { path, message: `${name} is ${show(error.data)}, expected ${expected}`, hint: `Write ${expected}.` };
    }
    case 'pattern':
      return {
        path,
        message: `${name} is ${show(error.data)}, expected the form ${String(error.params.pattern)}`,
        hint: meaning,
      };
    case 'minLength':
    case 'maxLength': {
      const bound = `at ${error.keyword === 'minLength' ? 'least' : 'most'} ${String(error.params.limit)} characters`;
      return { path, message: `${name} is ${show(error.data)}, expected ${bound}`, hint: meaning };
    }
    default:
      return { path, message: `${name} is ${show(error.data)}: ${error.message ?? error.keyword}`, hint: meaning };
  }
}
