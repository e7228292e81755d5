/** What people who are logged in may do on the pages: their role, and a form that a page of ours sent for their session. */
import type { Context } from 'hono';
import { HttpProblem } from '../api/problem.ts';
import type { Actor } from '../store/audit.ts';
import type { Scope } from '../store/scope.ts';
import { ownForm } from './login-routes.ts';
import { mayDo, mayEverywhere, type Target, writableBy } from './roles.ts';

/** Rules and tokens are changed by admins for all projects. */
export const isAdmin = (c: Context): boolean => mayEverywhere(c.get('person')?.grants ?? [], 'admin');

export const mayWriteFor = (c: Context, target: Target): boolean => mayDo(c.get('person')?.grants ?? [], 'write', target);

export interface SentForm {
  /** Who it is, for the record. */
  readonly actor: Actor;
  readonly fields: Readonly<Record<string, string>>;
  /** Where this person may write. */
  readonly scope: Scope;
}

/** @throws HttpProblem 401, 403 */
export async function sentForm(c: Context): Promise<SentForm> {
  const { person, fields } = await ownForm(c);
  return { actor: { name: person.name, subject: person.subject }, fields, scope: writableBy(person.grants) };
}

/** @throws HttpProblem 401, 403 */
export async function adminForm(c: Context): Promise<SentForm> {
  const form = await sentForm(c);
  if (!isAdmin(c)) throw new HttpProblem('forbidden', 'This needs the role admin for all projects.');
  return form;
}
