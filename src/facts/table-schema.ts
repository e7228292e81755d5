/** The reviewed schema of the features: read from YAML, written as YAML. */
import { Document, visit } from 'yaml';
import { UsageError } from '../kernel/failure.ts';
import jsonSchema from '../kernel/table-schema.schema.json' with { type: 'json' };
import type { TableSchema } from '../kernel/table-schema.ts';
import { ownSchema } from './own-schema.ts';
import { parseYaml } from './yaml.ts';

const validator = ownSchema<TableSchema>(jsonSchema, { useDefaults: true, allErrors: false, strictTypes: false });

/** Reads the schema. Throws UsageError (TABLE_SCHEMA_INVALID, YAML_*) with the place of what is wrong. */
export function parseTableSchema(text: string, path: string): TableSchema {
  const document = parseYaml(text, path, { maxLength: 4 * 1024 * 1024 });
  const value = document.value;
  const validate = validator();
  if (validate(value)) return value;
  const [error] = validate.errors ?? [];
  const keys = (error?.instancePath ?? '')
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const extra: unknown = error?.params.additionalProperty;
  const where = [...keys, ...(typeof extra === 'string' ? [extra] : [])];
  const allowed: unknown = error?.params.allowedValues;
  const what = Array.isArray(allowed) ? `must be one of ${allowed.join(', ')}` : (error?.message ?? 'is not valid');
  throw new UsageError(
    'TABLE_SCHEMA_INVALID',
    `${path}: ${where.join('.') || 'the document'} ${typeof extra === 'string' ? 'is not a known key' : what}`,
    {
      hint: 'Write a fresh one with `flightcheck score --write-schema` and compare.',
      place: document.place(where) ?? { path },
    },
  );
}

/** The schema as a file to review and commit. */
export function formatTableSchema(schema: TableSchema): string {
  const head = [
    'What we expect of each feature. Written from the training rows: review it, add what you know of the domain, commit it.',
    'Shares (max_nulls, max_outside, max_unseen) are 0 to 1; median is the range in which the median of a table lies.',
  ];
  const columns = Object.fromEntries(
    Object.entries(schema.columns).map(([name, column]) => [
      name,
      // Zero is the default of every share: a short file is a file that people read.
      Object.fromEntries(Object.entries(column).filter(([key, value]) => !(key.startsWith('max_') && value === 0))),
    ]),
  );
  const document = new Document({ version: schema.version, columns });
  // One line per column, as people read a table.
  visit(document, {
    Map: (_key, map, path) => {
      map.flow = path.length > 4;
    },
    Seq: (_key, list) => {
      list.flow = true;
    },
  });
  return `${head.map((line) => `# ${line}\n`).join('')}${document.toString({ lineWidth: 130 })}`;
}
