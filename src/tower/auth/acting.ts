/** What people who are logged in may do on the pages: their role, and a form that a page of ours sent for their session. */
import type { Context } from 'hono';
import { HttpProblem } from '../api/problem.ts';
import type { Grant, Scope } from '../store/scope.ts';
import type { Admin } from './access.ts';
import { ownForm } from './login-routes.ts';
import { administered, mayAdminister, mayDo, mayEverywhere, type Target, writableBy } from './roles.ts';

const grantsOf = (c: Context): readonly Grant[] => c.get('person')?.grants ?? [];

/** Tokens are changed by admins for all projects. */
export const isAdmin = (c: Context): boolean => mayEverywhere(grantsOf(c), 'admin');

/** Of a namespace, or of all projects. */
export const isSomeAdmin = (c: Context): boolean => administered(grantsOf(c)).length > 0;

/** A rule of all projects, or of a namespace, is changed by its admins. */
export const mayChangeFor = (c: Context, namespace: string): boolean => mayAdminister(grantsOf(c), namespace);

/** One that every reader sees is changed by admins of everything. */
export const mayChangeDashboard = (
  c: Context,
  { isShared, namespace }: { readonly isShared: boolean; readonly namespace: string },
): boolean => mayChangeFor(c, isShared ? '' : namespace);

export const mayWriteFor = (c: Context, target: Target): boolean => mayDo(grantsOf(c), 'write', target);

export interface SentForm extends Admin {
  readonly fields: Readonly<Record<string, string>>;
  /** Where this person may write. */
  readonly scope: Scope;
}

/** @throws HttpProblem 401, 403 */
export async function sentForm(c: Context, mostBytes?: number): Promise<SentForm> {
  const { person, fields } = await ownForm(c, mostBytes);
  return {
    actor: { name: person.name, subject: person.subject },
    grants: person.grants,
    fields,
    scope: writableBy(person.grants),
  };
}

/** @throws HttpProblem 401, 403 */
export async function adminForm(c: Context): Promise<SentForm> {
  const form = await sentForm(c);
  if (!isAdmin(c)) throw new HttpProblem('forbidden', 'This needs the role admin for all projects.');
  return form;
}

/** Of a form that admins of a namespace may send too. @throws HttpProblem 401, 403 */
export async function someAdminForm(c: Context, mostBytes?: number): Promise<SentForm> {
  const form = await sentForm(c, mostBytes);
  if (!isSomeAdmin(c)) throw new HttpProblem('forbidden', 'This needs the role admin for a namespace or for all projects.');
  return form;
}
