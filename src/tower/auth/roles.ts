/** Who may do what: a role holds for a namespace and all below it; a higher role holds what a lower one does. */
import { type Grant, type Role, roles, type Scope } from '../store/scope.ts';

export const isRole = (text: unknown): text is Role => roles.some((role) => role === text);

const reaches = (grant: Grant, role: Role): boolean => roles.indexOf(grant.role) >= roles.indexOf(role);

export const liesIn = (path: string, namespace: string): boolean =>
  namespace === '' || path === namespace || (path.startsWith(`${namespace}/`) && !path.split('/').includes('..'));

export interface Target {
  readonly project: string;
  readonly model: string;
}

export const mayDo = (grants: readonly Grant[], role: Role, { project, model }: Target): boolean =>
  grants.some(
    (grant) => reaches(grant, role) && liesIn(project, grant.namespace) && (grant.model === '' || grant.model === model),
  );

/** For all projects and models. */
export const mayEverywhere = (grants: readonly Grant[], role: Role): boolean =>
  grants.some((grant) => reaches(grant, role) && grant.namespace === '' && grant.model === '');

/** The namespaces of which they make an admin, each with all below it; the empty one is everything. */
export const administered = (grants: readonly Grant[]): readonly string[] => [
  ...new Set(grants.filter((grant) => reaches(grant, 'admin') && grant.model === '').map(({ namespace }) => namespace)),
];

/** Of all of the namespace; empty: of all projects. */
export const mayAdminister = (grants: readonly Grant[], namespace: string): boolean =>
  administered(grants).some((own) => liesIn(namespace, own));

const scopeFor = (grants: readonly Grant[], role: Role): Scope =>
  mayEverywhere(grants, role) ? null : { grants: grants.filter((grant) => reaches(grant, role)) };
export const readableBy = (grants: readonly Grant[]): Scope => scopeFor(grants, 'read');
export const writableBy = (grants: readonly Grant[]): Scope => scopeFor(grants, 'write');
