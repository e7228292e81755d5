/**
 * The registry of an MLflow server, or what GitLab serves of it, for delays and faults that a real one cannot be made to have.
 * Answers in the documented shapes: an alias that is not there is a 400, a request that GitLab does not know a 404 without a code.
 */
import type { ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { openModelRegistry } from '../../src/adapters/mlflow/registry.ts';
import type { ModelGate } from '../../src/delivery/deploy/model.ts';
import { type Received, sendJson, serve } from './http-server.ts';

export interface FakeVersion {
  readonly commit?: string;
  /** The commit is a tag of the version, not of its run. */
  readonly isTagged?: boolean;
  readonly status?: string;
  readonly run?: string | null;
  readonly metrics?: Readonly<Record<string, number | string>>;
}

export interface FakeMlflow {
  readonly url: string;
  /** Version that each alias points to. */
  readonly aliases: Map<string, string>;
  /** `METHOD path` of every request. */
  readonly requests: string[];
  gate(more?: Partial<Omit<ModelGate, 'registry'>>): ModelGate;
}

export interface MlflowFaults {
  readonly isGitLab?: boolean;
  /** Answers by itself and returns true, or leaves it to the server. */
  answer?(response: ServerResponse, request: Received, mlflow: FakeMlflow): boolean;
}

/** A server with the model `risk`, whose versions count from 1. */
export async function fakeMlflow(versions: readonly FakeVersion[], faults: MlflowFaults = {}): Promise<FakeMlflow> {
  const aliases = new Map<string, string>();
  const requests: string[] = [];
  type Answer = readonly [status: number, body: object];
  const missing: Answer = [404, { error_code: 'RESOURCE_DOES_NOT_EXIST' }];
  const unknown: Answer = [404, { error: '404 Not Found' }];
  const keyed = (values: object) => Object.entries(values).map(([key, value]) => ({ key, value }));
  const commitTag = (commit: string | undefined) => keyed(commit === undefined ? {} : { 'mlflow.source.git.commit': commit });
  const versionOf = (number: string) => {
    const found = versions[Number(number) - 1];
    if (!found) return undefined;
    const tags = found.isTagged ? commitTag(found.commit) : [];
    return {
      ...{ name: 'risk', version: number, status: found.status ?? 'READY', creation_timestamp: 1_795_613_076_128, tags },
      ...(found.run !== null && { run_id: `r${number}` }),
    };
  };
  const aliasAnswer = (method: string, { alias = '', version = '' }: Record<string, string | undefined>): Answer => {
    if (method === 'DELETE') {
      aliases.delete(alias);
      return [200, {}];
    }
    if (method === 'POST') {
      if (!versionOf(version)) return missing;
      aliases.set(alias, version);
      return [200, {}];
    }
    const found = aliases.get(alias);
    const message = `Registered model alias ${alias} not found.`;
    return found === undefined
      ? [400, { error_code: 'INVALID_PARAMETER_VALUE', message }]
      : [200, { model_version: versionOf(found) }];
  };
  const runAnswer = (id: string): Answer => {
    const run = versions[Number(id.slice(1)) - 1];
    if (!run) return missing;
    const info = { run_id: id, status: run.run ?? 'FINISHED', start_time: faults.isGitLab ? 0 : 1_795_613_000_000 };
    return [200, { run: { info, data: { metrics: keyed(run.metrics ?? {}), tags: run.isTagged ? [] : commitTag(run.commit) } } }];
  };
  const versionAnswer = (number: string): Answer => {
    const found = versionOf(number);
    return found ? [200, { model_version: found }] : missing;
  };
  const all = versions.map((_, i) => versionOf(String(i + 1)));
  const answer = ({ method = '', url = '', body }: Received): Answer => {
    const [path = '', query = ''] = url.split('?');
    const what = path.split('/api/2.0/mlflow/')[1] ?? '';
    const asked: Record<string, string | undefined> =
      method === 'GET' ? Object.fromEntries(new URLSearchParams(query)) : JSON.parse(body);
    if (what === 'runs/get') return runAnswer(asked.run_id ?? '');
    if (asked.name !== undefined && asked.name !== 'risk') return missing;
    if (what === 'registered-models/get')
      return [200, { registered_model: { name: 'risk', aliases: [...aliases].map(([alias, version]) => ({ alias, version })) } }];
    if (what === 'registered-models/get-latest-versions' && method === 'POST')
      return [200, { model_versions: [all.at(-1) ?? null] }];
    if (what === 'model-versions/get') return versionAnswer(asked.version ?? '');
    const isAlias = what === 'registered-models/alias';
    // GitLab has versions like 1.0.0 where MLflow has aliases, and can only be asked for them.
    if (faults.isGitLab && isAlias && method === 'GET') return versionAnswer(/^(\d+)\.0\.0$/.exec(asked.alias ?? '')?.[1] ?? '');
    if (faults.isGitLab) return unknown;
    if (what === 'model-versions/search') return [200, { model_versions: all }];
    return isAlias ? aliasAnswer(method, asked) : unknown;
  };
  const server = await serve((response, _, request) => {
    requests.push(`${request.method} ${request.url?.split('?')[0]}`);
    if (!faults.answer?.(response, request, mlflow)) sendJson(response, ...answer(request));
  });
  onTestFinished(() => server.close());
  const url = faults.isGitLab ? `${server.url}/api/v4/projects/7/ml/mlflow` : server.url;
  const limits = { timeoutSeconds: 0.3, maxWaitSeconds: 0.01 };
  const mlflow: FakeMlflow = {
    ...{ url, aliases, requests },
    gate: (more = {}) => ({
      registry: openModelRegistry({ address: url, headers: {} }, { model: 'risk', alias: 'champion' }, {}, limits),
      ...more,
    }),
  };
  return mlflow;
}
