/** The Mlflow port over MLflow's REST API 2.0. Never throws, never shows credentials. */
import type { ResolvedManifest } from '../../kernel/manifest.ts';
import type { Answer, Mlflow, MlflowRun, MlflowVersion } from '../../kernel/world.ts';
import { fieldsOf, listOf, runOf, textOr, versionOf } from './answers.ts';
import { downloadVersion } from './download.ts';
import {
  accessOf,
  type MlflowAccess,
  MlflowProblem,
  type MlflowRequester,
  mlflowRequester,
  type RequestLimits,
} from './requester.ts';

export type MlflowSettings = ResolvedManifest['mlflow'];

/** A server that always has another page is left. */
const maxPages = 100;
const pageRows = 200;

const absent = (reason: string): Answer<never> => ({ ok: false, reason, isAbsent: true });

export const isMissing = (error: unknown): error is MlflowProblem =>
  error instanceof MlflowProblem && error.code === 'RESOURCE_DOES_NOT_EXIST';

/** Runs a conversation with the server; whatever goes wrong becomes a reason that names the host. */
export async function answerOf<T>(
  access: MlflowAccess | string,
  talk: (access: MlflowAccess) => Promise<Answer<T>>,
): Promise<Answer<T>> {
  if (typeof access === 'string') return { ok: false, reason: access, isAbsent: false };
  try {
    return await talk(access);
  } catch (error) {
    const why = error instanceof MlflowProblem ? error.message : 'its answer could not be read';
    return { ok: false, reason: `MLflow at ${access.address}: ${why}`, isAbsent: isMissing(error) };
  }
}

/** Reads pages until there are no more or `limit` rows are there. */
async function pages(
  limit: number,
  ask: (rows: number, token: string | undefined) => Promise<Readonly<Record<string, unknown>>>,
  key: string,
): Promise<readonly unknown[]> {
  const rows: unknown[] = [];
  let token: string | undefined;
  for (let page = 0; page < maxPages && rows.length < limit; page += 1) {
    const answer = await ask(Math.min(pageRows, limit - rows.length), token);
    rows.push(...listOf(answer[key], key));
    token = textOr(answer.next_page_token) ?? undefined;
    if (token === undefined) return rows;
  }
  if (rows.length < limit) throw new MlflowProblem(`it wanted to send more than ${maxPages} pages`);
  return rows.slice(0, limit);
}

/** A value inside a filter of MLflow's; names that hold both quotes cannot be asked for. */
function quoted(value: string): string {
  if (!value.includes("'")) return `'${value}'`;
  if (!value.includes('"')) return `"${value}"`;
  throw new MlflowProblem('a name that holds both kinds of quotes cannot be searched for');
}

/** All versions of a registered model, newest first, with their aliases. */
export async function versionsOf(requester: MlflowRequester, name: string): Promise<readonly MlflowVersion[]> {
  const registered = fieldsOf(
    (await requester.json('mlflow/registered-models/get', { query: { name } })).registered_model,
    'registered model',
  );
  const aliases = listOf(registered.aliases, 'aliases').map((item) => fieldsOf(item, 'alias'));
  const filter = `name=${quoted(name)}`;
  const found = await pages(
    pageRows * maxPages,
    (rows, token) =>
      requester.json('mlflow/model-versions/search', {
        query: { filter, max_results: String(rows), ...(token !== undefined && { page_token: token }) },
      }),
    'model_versions',
  );
  return found
    .map(versionOf)
    .map((version) => ({
      ...version,
      aliases: aliases.filter((one) => String(one.version) === version.version).map((one) => String(one.alias)),
    }))
    .sort((a, b) => Number(b.version) - Number(a.version));
}

/** The version that an alias points to; servers without aliases have stages. A missing alias is a 400, not a 404. */
export async function versionByAlias(requester: MlflowRequester, name: string, alias: string): Promise<Answer<MlflowVersion>> {
  try {
    const answer = await requester.json('mlflow/registered-models/alias', { query: { name, alias } });
    return { ok: true, value: versionOf(answer.model_version) };
  } catch (error) {
    if (isMissing(error)) return absent(`MLflow at ${requester.address} has no registered model ${name}`);
    const isUnknown = error instanceof MlflowProblem && (error.status === 400 || error.status === 404 || error.status === 405);
    if (!isUnknown) throw error;
  }
  const staged = (await versionsOf(requester, name)).find((version) => version.stage?.toLowerCase() === alias.toLowerCase());
  return staged
    ? { ok: true, value: staged }
    : absent(`the registered model ${name} has no version with the alias ${alias} in MLflow at ${requester.address}`);
}

async function runsOf(
  requester: MlflowRequester,
  experiment: string,
  filter: string | undefined,
  limit: number,
): Promise<Answer<readonly MlflowRun[]>> {
  const none = absent(`MLflow at ${requester.address} has no experiment ${experiment}`);
  let found: Readonly<Record<string, unknown>>;
  try {
    found = fieldsOf(
      (await requester.json('mlflow/experiments/get-by-name', { query: { experiment_name: experiment } })).experiment,
      'experiment',
    );
  } catch (error) {
    if (isMissing(error)) return none;
    throw error;
  }
  if (found.lifecycle_stage === 'deleted')
    return absent(`the experiment ${experiment} was deleted in MLflow at ${requester.address}`);
  const ids = [String(found.experiment_id)];
  const rows = await pages(
    limit,
    (count, token) =>
      requester.json('mlflow/runs/search', {
        post: {
          experiment_ids: ids,
          order_by: ['attributes.start_time DESC'],
          max_results: count,
          ...(filter !== undefined && { filter }),
          ...(token !== undefined && { page_token: token }),
        },
      }),
    'runs',
  );
  return { ok: true, value: rows.map(runOf) };
}

/** The port, and what only those who run hooks need. */
export interface MlflowClient extends Mlflow {
  /** Address of the server; empty when none is named. */
  readonly address: string;
  /** A version of any registered model. */
  find(
    model: { readonly name: string } & ({ readonly alias: string } | { readonly version: string }),
  ): Promise<Answer<MlflowVersion>>;
  /** Downloads the artifacts of a version into an empty folder; returns the path that hooks are handed. */
  download(version: MlflowVersion, folder: string): Promise<Answer<string>>;
}

async function byNumber(requester: MlflowRequester, name: string, version: string): Promise<Answer<MlflowVersion>> {
  const answer = await requester.json('mlflow/model-versions/get', { query: { name, version } });
  return { ok: true, value: versionOf(answer.model_version) };
}

/** MLFLOW_HTTP_REQUEST_TIMEOUT, as MLflow's own client knows it, is the time for one answer. */
export function limitsOf(env: Readonly<Record<string, string | undefined>>, limits: RequestLimits): RequestLimits {
  const own = Number(env.MLFLOW_HTTP_REQUEST_TIMEOUT);
  return { ...(own > 0 && own <= 600 && { timeoutSeconds: own }), ...limits };
}

/** Nothing is asked before a check asks; the same question is asked once. */
export function openMlflow(
  settings: MlflowSettings,
  env: Readonly<Record<string, string | undefined>>,
  limits: RequestLimits = {},
): MlflowClient {
  const access = accessOf(settings.tracking, env);
  const all = limitsOf(env, limits);
  let requester: MlflowRequester | undefined;
  const conversation = <T>(talk: (requester: MlflowRequester) => Promise<Answer<T>>): Promise<Answer<T>> =>
    answerOf(access, (found) => {
      requester ??= mlflowRequester(found, all);
      return talk(requester);
    });
  const memo = new Map<string, Promise<Answer<unknown>>>();
  const ask = <T>(question: string, talk: (requester: MlflowRequester) => Promise<Answer<T>>): Promise<Answer<T>> => {
    const known = (memo.get(question) as Promise<Answer<T>> | undefined) ?? conversation(talk);
    memo.set(question, known);
    return known;
  };
  const { registeredModel, alias, experiment } = settings;
  const lacks = (key: string): Promise<Answer<never>> =>
    Promise.resolve({ ok: false, reason: `mlflow.${key} is not set in flightcheck.yml`, isAbsent: false });
  return {
    address: typeof access === 'string' ? '' : access.address,
    find: (model) =>
      ask(JSON.stringify(['find', model]), (requester) =>
        'alias' in model ? versionByAlias(requester, model.name, model.alias) : byNumber(requester, model.name, model.version),
      ),
    download: (version, folder) =>
      conversation(async (found) => ({ ok: true, value: await downloadVersion(found, version, folder) })),
    production: () =>
      registeredModel === undefined
        ? lacks('registeredModel')
        : ask('production', (requester) => versionByAlias(requester, registeredModel, alias)),
    versions: () =>
      registeredModel === undefined
        ? lacks('registeredModel')
        : ask('versions', async (requester) => ({ ok: true, value: await versionsOf(requester, registeredModel) })),
    runs: ({ filter, limit = 1000 } = {}) =>
      experiment === undefined
        ? lacks('experiment')
        : ask(JSON.stringify(['runs', filter, limit]), (requester) => runsOf(requester, experiment, filter, limit)),
  };
}
