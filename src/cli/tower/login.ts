/** The file of `tower serve --login`: where people log in. The secret stands in a variable, which the file names. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../../kernel/failure.ts';
import { isLoopback } from '../../tower/auth/loopback.ts';
import { isRole } from '../../tower/auth/roles.ts';
import type { TowerOptions } from '../../tower/server.ts';
import { address, known, secret } from './actions.ts';

type LoginFile = NonNullable<TowerOptions['login']>;

const code = 'TOWER_LOGIN';
const hint =
  'The form is {"issuer": "https://gitlab.example.com", "clientId": "...", "clientSecret": "VARIABLE", "public": false, "roles": [{"group": "platform", "role": "admin", "namespace": ""}]}.';
const at = (path: string) => ({ path, code, hint });

function roleOf(path: string, value: unknown, index: number): LoginFile['roles'][number] {
  const where = `roles[${index}]`;
  const { group, role, namespace = '', model = '' } = known(at(path), where, value, ['group', 'role', 'namespace', 'model']);
  const bad = (what: string) => new UsageError(code, `${path}: ${where}.${what}`, { hint });
  if (typeof group !== 'string' || group === '') throw bad('group is not the path of a group');
  if (!isRole(role)) throw bad('role is not one of read, write, admin');
  if (typeof namespace !== 'string' || /^\/|\/$|\s/.test(namespace)) throw bad('namespace is not a path like risk/models');
  if (typeof model !== 'string') throw bad('model is not the name of a model');
  return { group, role, namespace, model };
}

/** @throws UsageError */
export function readLogin(path: string | undefined, env: Readonly<Record<string, string | undefined>>): LoginFile | undefined {
  if (path === undefined) return undefined;
  const bad = (what: string) => new UsageError(code, `${path}: ${what}`, { hint });
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw bad(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const file = known(at(path), 'the file', content, ['issuer', 'clientId', 'clientSecret', 'public', 'roles']);
  if (typeof file.clientId !== 'string' || file.clientId === '') throw bad('clientId is not a text');
  if (file.public !== undefined && typeof file.public !== 'boolean') throw bad('public is not true or false');
  if (file.roles !== undefined && !Array.isArray(file.roles)) throw bad('roles is not a list');
  const issuer = address(at(path), 'issuer', file.issuer);
  if (issuer.protocol !== 'https:' && !isLoopback(issuer.hostname)) throw bad('issuer is not an https address');
  if (/[?#]/.test(issuer.href)) throw bad('issuer has a question or a fragment, and no issuer has one');
  return {
    // As it stands: OpenID Connect compares every letter, also a slash at the end.
    issuer: String(file.issuer),
    clientId: file.clientId,
    clientSecret: secret(at(path), 'clientSecret', file.clientSecret, env),
    isPublic: file.public === true,
    roles: (file.roles ?? []).map((value: unknown, index: number) => roleOf(path, value, index)),
  };
}
