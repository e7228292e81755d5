/** What series are told apart by: columns, and labels of the series or its model. */
import { type RawBuilder, sql } from 'kysely';

/** What is not a label. A label of the same name is reached as `label:NAME`. */
export const dimensionColumns: Readonly<Record<string, string>> = {
  model: 'model.name',
  owner: 'model.owner',
  tier: 'model.tier',
  language: 'model.language',
  task: 'model.task',
  project: 'project.path',
  environment: 'series.environment',
};

export function dimension(name: string): RawBuilder<string | null> {
  const column = Object.hasOwn(dimensionColumns, name) ? dimensionColumns[name] : undefined;
  if (column !== undefined) return sql`nullif(${sql.ref(column)}, '')`;
  const label = name.replace(/^label:/, '');
  return sql`nullif(coalesce(series.labels ->> ${label}::text, model.labels ->> ${label}::text), '')`;
}

/** By name of the dimension: any of its values; an empty one stands for "not said". All names must hold. */
export type Where = Readonly<Record<string, readonly string[]>>;

/** Conditions over `series`, `model` and `project`. */
export function matchesDimensions(where: Where): RawBuilder<unknown> {
  const conditions = Object.entries(where).map(([name, values]) => {
    const isUnsaid = values.includes('') ? sql`or ${dimension(name)} is null` : sql``;
    return sql`(${dimension(name)} = any(${values}::text[]) ${isUnsaid})`;
  });
  return sql.join([sql`true`, ...conditions], sql` and `);
}

const labelWanted = sql`regexp_replace(wanted.name, '^label:', '')`;

/** The same, of what the `rule` in the query looks at. */
export const matchesRule: RawBuilder<unknown> = sql`not exists (
  select 1 from jsonb_each(rule.definition -> 'where') as wanted(name, "values") where not wanted."values" ? coalesce(case wanted.name
    ${sql.join(
      Object.entries(dimensionColumns).map(([name, column]) => sql`when ${sql.lit(name)} then ${sql.ref(column)}`),
      sql` `,
    )}
    else coalesce(series.labels ->> ${labelWanted}, model.labels ->> ${labelWanted}) end, ''))`;
