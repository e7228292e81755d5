/** What a sender or reader is confined to. */
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from './database.ts';

export const roles = ['read', 'write', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A role for the projects of a namespace and all below it, or for one model of them. Empty: not confined. */
export interface Grant {
  readonly role: Role;
  readonly namespace: string;
  readonly model: string;
}

/**
 * What stands before the paths of a GitLab: nothing for the first that is trusted, so that grants name its paths as they are,
 * else its address. No path of GitLab holds a colon, and none before it is a slash: no namespace reaches into another GitLab.
 */
export const qualifierOf = (home: string, issuer: string): string =>
  issuer === home ? '' : `${issuer.replace(/^https?:\/\//, '').replaceAll('/', ':')}:`;

export type Project = { readonly issuer: string; readonly externalId: string };
/** A job's own project; what grants name; or null: everything. */
export type Scope = Project | { readonly grants: readonly Pick<Grant, 'namespace' | 'model'>[] } | null;

/** The condition over `model` and `project`. */
export function inScope(scope: Scope): RawBuilder<unknown> {
  if (scope === null) return sql`true`;
  if ('issuer' in scope) return sql`(project.issuer = ${scope.issuer} and project.external_id = ${scope.externalId})`;
  const one = ({ namespace, model }: Pick<Grant, 'namespace' | 'model'>): RawBuilder<unknown> =>
    sql`((${namespace} = '' or project.path = ${namespace} or starts_with(project.path, ${`${namespace}/`}))
      and (${model} = '' or model.name = ${model}))`;
  return sql`(${sql.join([sql`false`, ...scope.grants.map(one)], sql` or `)})`;
}

/** The condition over `project` that it lies in the namespace. */
export const inNamespace = (namespace: string): RawBuilder<unknown> =>
  namespace === '' ? sql`true` : inScope({ grants: [{ namespace, model: '' }] });

/** The same of the namespace of the `rule` in the query. */
export const inNamespaceOfRule = sql`(rule.namespace = '' or project.path = rule.namespace
  or starts_with(project.path, rule.namespace || '/'))`;

/** Whether all of a namespace lies in it: the condition over its path. */
export function holdsFor(scope: Scope, path: RawBuilder<unknown>): RawBuilder<unknown> {
  if (scope === null) return sql`true`;
  if ('issuer' in scope) return sql`false`;
  const whole = scope.grants.filter(({ model }) => model === '');
  const one = ({ namespace }: Pick<Grant, 'namespace'>): RawBuilder<unknown> =>
    sql`(${namespace} = '' or ${path} = ${namespace} or starts_with(${path}, ${`${namespace}/`}))`;
  return sql`(${sql.join([sql`false`, ...whole.map(one)], sql` or `)})`;
}

/** Whether a model lies in it. */
export async function isModelInScope(connection: Connection, id: number, scope: Scope): Promise<boolean> {
  if (scope === null) return true;
  const { rows } = await sql`select 1 from model join project on project.id = model.project_id
    where model.id = ${id}::bigint and ${inScope(scope)}`.execute(connection);
  return rows.length > 0;
}
