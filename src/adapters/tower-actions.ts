/** What Control Tower does elsewhere: pipelines and issues of GitLab, webhooks that cannot be turned against our own network. */
import { lookup as resolveName } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { ActionFault, alertVariable, type GitLabActions, type WebhookTarget } from '../kernel/tower-actions.ts';
import { readBody } from './http-body.ts';

const timeoutMs = 15_000;
const mostAnswerBytes = 24 * 1024 * 1024;

/** Addresses that are not of the public internet (IANA special-purpose registries). */
const inner = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  inner.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  // Among them those that wrap an IPv4 address: compatible, NAT64, Teredo, 6to4.
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  inner.addSubnet(net, bits, 'ipv6');

/** An IPv6 address that holds an IPv4 one is judged by it. */
export function isInnerAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  if (/^::ffff:/i.test(plain)) return true;
  return inner.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}

/** Looks a name up and refuses inner addresses: what is checked is what is connected to. */
const outerLookup: LookupFunction = (hostname, options, callback) => {
  resolveName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 4);
    const found = addresses.find(({ address }) => isInnerAddress(address));
    if (found || !addresses[0]) return callback(Object.assign(new Error('inner address'), { code: 'EINNER' }), '', 4);
    if (options.all) return callback(null, addresses);
    callback(null, addresses[0].address, addresses[0].family);
  });
};

function urlOf(target: WebhookTarget): URL {
  const url = new URL(target.url);
  const bare = url.hostname.replace(/^\[|\]$/g, '');
  if (!target.mayBePrivate && (isIP(bare) !== 0 ? isInnerAddress(bare) : bare === 'localhost'))
    throw new ActionFault('its address lies in an inner network, which --actions does not allow for it', true);
  return url;
}

/** Posts once; redirects are not followed. @throws ActionFault */
export async function sendWebhook(target: WebhookTarget, headers: Readonly<Record<string, string>>, body: string): Promise<void> {
  const url = urlOf(target);
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body), 'user-agent': 'flightcheck-tower' },
        ...(!target.mayBePrivate && { lookup: outerLookup }),
        signal: AbortSignal.timeout(timeoutMs),
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        answer.destroy();
        if (status >= 200 && status < 300) resolve();
        else reject(new ActionFault(`it answered ${status}`, status === 410));
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EINNER'
          ? new ActionFault('its name leads to an inner network, which --actions does not allow for it', true)
          : new ActionFault(
              error.name === 'AbortError' || error.name === 'TimeoutError'
                ? 'it does not answer in time'
                : `it cannot be reached (${error.code ?? error.name})`,
            ),
      ),
    );
    sent.end(body);
  });
}

export interface GitLabAccess {
  /** As id_tokens name it, without a slash at the end. */
  readonly url: string;
  /** Of a bot with the scope api. */
  readonly token: string;
}

const reasons: Readonly<Record<number, string>> = {
  400: 'GitLab refuses the request (400); does the branch exist, and does its configuration make a pipeline for source api?',
  401: 'GitLab refuses the token of --actions (401)',
  403: 'the token of --actions may not do this in the project (403)',
  404: 'GitLab shows no such project to the token of --actions (404)',
};

async function readJson(response: Response): Promise<unknown> {
  const { text, isWhole } = await readBody(response, mostAnswerBytes);
  if (!isWhole) throw new ActionFault('GitLab sent more than is read');
  try {
    return JSON.parse(text);
  } catch {
    throw new ActionFault('GitLab sent something that is not JSON');
  }
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);
const addressOf = (value: Fields): string => (typeof value.web_url === 'string' ? value.web_url : '');

/** GitLab limits the rate of requests; a longer wait is another attempt's. */
const longestWaitSeconds = 10;

class NotThere extends ActionFault {}

/** Null where there is none. */
const orNull = <T>(answer: Promise<T>): Promise<T | null> =>
  answer.catch((error) => {
    if (error instanceof NotThere) return null;
    throw error;
  });

const idOf = (value: unknown): number => {
  const { id } = fieldsOf(value);
  if (typeof id !== 'number') throw new ActionFault('GitLab sent something else than what was asked for');
  return id;
};

/** A pipeline that is further back than this was not started by an attempt of ours. */
const mostPages = 5;

/** A note may have a million characters: few on a page, so that a page stays readable. */
const notesOnPage = 20;
const mostNotePages = 100;

type Call = (method: string, path: string, body?: object) => Promise<unknown>;

function noteActions(call: Call): Pick<GitLabActions, 'pipelineRef' | 'mergeRequest' | 'findNote' | 'updateNote' | 'createNote'> {
  const of = encodeURIComponent;
  const notesOf = (project: string, iid: number) => `projects/${of(project)}/merge_requests/${iid}/notes`;
  return {
    async pipelineRef(project, pipeline) {
      const { ref } = fieldsOf(await orNull(call('GET', `projects/${of(project)}/pipelines/${of(pipeline)}`)));
      return typeof ref === 'string' ? ref : null;
    },
    async mergeRequest(project, iid) {
      const found = await orNull(call('GET', `projects/${of(project)}/merge_requests/${iid}`));
      if (found === null) return null;
      const { state, source_project_id: source, target_project_id: target } = fieldsOf(found);
      return { isOpen: state === 'opened', sourceProject: String(source), targetProject: String(target) };
    },
    async findNote(project, iid, marker) {
      const self = idOf(await call('GET', 'user'));
      for (let page = 1; page <= mostNotePages; page++) {
        const query = `sort=asc&order_by=created_at&per_page=${notesOnPage}&page=${page}`;
        const notes = listOf(await call('GET', `${notesOf(project, iid)}?${query}`));
        // A note of somebody else that begins so is not ours.
        const own = notes.find(({ body, author }) => String(body).startsWith(marker) && fieldsOf(author).id === self);
        if (own) return idOf(own);
        if (notes.length < notesOnPage) break;
      }
      return null;
    },
    async updateNote(project, iid, note, body) {
      const updated = await orNull(call('PUT', `${notesOf(project, iid)}/${note}`, { body }));
      return updated === null ? null : idOf(updated);
    },
    createNote: async (project, iid, body) => idOf(await call('POST', notesOf(project, iid), { body })),
  };
}

export function gitLabActions({ url, token }: GitLabAccess): GitLabActions {
  const call = async (method: string, path: string, body?: object, isFirst = true): Promise<unknown> => {
    let response: Response;
    try {
      response = await fetch(`${url}/api/v4/${path}`, {
        method,
        redirect: 'error',
        headers: { 'private-token': token, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch {
      throw new ActionFault('GitLab cannot be reached');
    }
    if (response.ok) return readJson(response);
    await response.body?.cancel();
    const seconds = Number(response.headers.get('retry-after') ?? 1);
    if (response.status === 429 && isFirst && seconds <= longestWaitSeconds) {
      await wait(seconds * 1000);
      return call(method, path, body, false);
    }
    if (response.status === 404 && method !== 'POST') throw new NotThere(reasons[404] ?? '');
    throw new ActionFault(reasons[response.status] ?? `GitLab answered ${response.status}`);
  };
  const of = encodeURIComponent;
  return {
    issuer: url,
    async findPipeline(project, alert, since) {
      for (let page = 1; page <= mostPages; page++) {
        const query = `source=api&updated_after=${of(since.toISOString())}&per_page=100&page=${page}`;
        const pipelines = listOf(await call('GET', `projects/${of(project)}/pipelines?${query}`));
        for (const pipeline of pipelines) {
          const variables = listOf(await call('GET', `projects/${of(project)}/pipelines/${of(String(pipeline.id))}/variables`));
          if (variables.some(({ key, value }) => key === alertVariable && value === alert)) return addressOf(pipeline);
        }
        if (pipelines.length < 100) break;
      }
      return null;
    },
    async startPipeline(project, ref, variables) {
      const pairs = Object.entries(variables).map(([key, value]) => ({ key, value, variable_type: 'env_var' }));
      return addressOf(fieldsOf(await call('POST', `projects/${of(project)}/pipeline`, { ref, variables: pairs })));
    },
    async findIssue(project, title) {
      const issues = listOf(await call('GET', `projects/${of(project)}/issues?in=title&search=${of(title)}&per_page=100`));
      const found = issues.find((issue) => issue.title === title);
      return found && typeof found.iid === 'number' ? { iid: found.iid, url: addressOf(found) } : null;
    },
    async openIssue(project, issue) {
      return addressOf(fieldsOf(await call('POST', `projects/${of(project)}/issues`, { ...issue, labels: 'flightcheck' })));
    },
    async closeIssue(project, iid) {
      await call('PUT', `projects/${of(project)}/issues/${iid}`, { state_event: 'close' });
    },
    ...noteActions(call),
  };
}
