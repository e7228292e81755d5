/** A connection that rested may be closed by the server at the moment in which it is used again: then another is opened. */
const ask = (url: string, init: RequestInit = {}): Promise<Response> => fetch(url, init).catch(() => fetch(url, init));

/** What a training does to MLflow, over its REST API: a finished run of a commit, and a registered version of it. */
export async function registerVersion(url: string, model: string, commit: string, metrics: Readonly<Record<string, number>>) {
  const post = async (path: string, body: object): Promise<unknown> => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await ask(`${url}/api/2.0/mlflow/${path}`, init);
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const tags = [{ key: 'mlflow.source.git.commit', value: commit }];
  const created = await post('runs/create', { experiment_id: '0', start_time: Date.now(), tags });
  const { run_id, artifact_uri } = (created as { run: { info: { run_id: string; artifact_uri: string } } }).run.info;
  for (const [key, value] of Object.entries(metrics))
    await post('runs/log-metric', { run_id, key, value, timestamp: Date.now(), step: 0 });
  await post('runs/update', { run_id, status: 'FINISHED', end_time: Date.now() });
  await post('registered-models/create', { name: model }).catch((error: Error) => {
    if (!error.message.includes('RESOURCE_ALREADY_EXISTS')) throw error;
  });
  await post('model-versions/create', { name: model, source: `${artifact_uri}/model`, run_id });
}

/** The version that an alias points to; null when there is no such alias. */
export async function aliasOf(url: string, model: string, alias: string): Promise<string | null> {
  const query = new URLSearchParams({ name: model, alias });
  const response = await ask(`${url}/api/2.0/mlflow/registered-models/alias?${query}`);
  const answer = (await response.json()) as { error_code?: string; model_version?: { version: string } };
  if (answer.error_code === 'INVALID_PARAMETER_VALUE' && response.status === 400) return null;
  return answer.model_version?.version ?? '';
}
