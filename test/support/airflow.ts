/**
 * An Airflow 3 API over a folder of DAG files, for delays and faults that the real one cannot be made to have. It reads a
 * file some polls after it changed, keeps the old tasks of a file that breaks, and answers in the documented shapes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { sendJson, serve } from './http-server.ts';

interface Task {
  readonly task_id: string;
  readonly doc_md: string;
  readonly downstream_task_ids: readonly string[];
}
interface Dag {
  readonly dag_id: string;
  doc_md: string;
  tasks: readonly Task[];
  is_paused: boolean;
  has_import_errors: boolean;
  is_stale: boolean;
  readonly file: string;
}

export interface FakeAirflow {
  readonly url: string;
  readonly folder: string;
  readonly dags: Map<string, Dag>;
  /** States of runs by id, of all DAGs. */
  readonly runs: Map<string, string>;
  /** `METHOD path` of every request. */
  readonly requests: readonly string[];
  /** Looks at the folder now, as the dag-processor does. */
  read(): void;
}

export interface Faults {
  /** Looks of the one who polls before a changed file is read. */
  readonly lag?: number;
  /** Looks before it notices that a file is gone. */
  readonly removalLag?: number;
  /** 403 for pausing. */
  readonly isReadOnly?: boolean;
  /** Never reads a file again. */
  readonly isDead?: boolean;
  /** Seconds since the dag-processor's last sign of life. */
  readonly heartbeatAge?: number;
  /** 403 for import errors. */
  readonly hidesErrors?: boolean;
  /** Files whose text holds this cannot be imported. */
  readonly breaksOn?: string;
  /** State of every run that is started. */
  readonly runs?: 'success' | 'failed';
  /** Answers 503 to these requests, counted from 0. */
  readonly down?: (request: number, path: string) => boolean;
  /** The DAG's text is already new while its tasks are still old, for this many looks. */
  readonly staleTasks?: number;
  /** Called before each answer. */
  onRequest?(path: string, airflow: FakeAirflow): void;
}

const literal = (text: string | undefined): string => JSON.parse(text ?? '""') as string;

/** What a DagBag makes of a rendered file. */
function parse(text: string): Omit<Dag, 'is_paused' | 'has_import_errors' | 'is_stale' | 'file'> {
  const variables = new Map(
    [...text.matchAll(/(task_\d+) = \w+\(\n\s+task_id=(".*"),\n\s+doc_md=(".*"),/g)].map(([, name = '', id, doc]) => [
      name,
      { id: literal(id), doc: literal(doc) },
    ]),
  );
  const edges = [...text.matchAll(/^ {4}(task_\d+) >> (task_\d+)$/gm)];
  const tasks = [...variables].map(([name, { id, doc }]) => ({
    task_id: id,
    doc_md: doc,
    downstream_task_ids: edges.filter(([, from]) => from === name).map(([, , to = '']) => variables.get(to)?.id ?? ''),
  }));
  return { dag_id: literal(/dag_id=(".*"),/.exec(text)?.[1]), doc_md: literal(/^ {4}doc_md=(".*"),/m.exec(text)?.[1]), tasks };
}

export async function fakeAirflow(folder: string, faults: Faults = {}): Promise<FakeAirflow> {
  const dags = new Map<string, Dag>();
  const errors = new Map<string, { filename: string; timestamp: string; stack_trace: string }>();
  const seen = new Map<string, string>();
  const changedAt = new Map<string, number>();
  const goneAt = new Map<string, number>();
  const runs = new Map<string, string>();
  let looks = 0;
  const read = (): void => {
    if (faults.isDead) return;
    // A bucket has no folder before its first object.
    for (const file of (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.endsWith('.py'))) {
      const text = readFileSync(join(folder, file), 'utf8');
      // A file that breaks is read again and again, and its error gets a new time with each reading.
      const error = errors.get(file);
      if (error) error.timestamp = new Date().toISOString();
      if (seen.get(file) === text) continue;
      if (!changedAt.has(file)) changedAt.set(file, looks);
      if (looks - (changedAt.get(file) ?? 0) < (faults.lag ?? 0)) continue;
      seen.set(file, text);
      changedAt.delete(file);
      const id = file.slice(0, -3);
      const known = dags.get(id);
      if (faults.breaksOn !== undefined && text.includes(faults.breaksOn)) {
        const trace = `Traceback: ${faults.breaksOn} in line ${text.split('\n').findIndex((line) => line.includes(faults.breaksOn ?? '')) + 1}`;
        errors.set(file, { filename: file, timestamp: new Date().toISOString(), stack_trace: trace });
        if (known) known.has_import_errors = true;
        continue;
      }
      errors.delete(file);
      dags.set(id, { ...parse(text), is_paused: known?.is_paused ?? true, has_import_errors: false, is_stale: false, file });
    }
    for (const dag of dags.values()) {
      if (existsSync(join(folder, dag.file))) continue;
      if (seen.delete(dag.file)) goneAt.set(dag.file, looks);
      dag.is_stale = looks - (goneAt.get(dag.file) ?? 0) >= (faults.removalLag ?? 0);
    }
    for (const file of [...errors.keys()]) if (!existsSync(join(folder, file))) errors.delete(file);
  };
  let stale = faults.staleTasks ?? 0;
  const requests: string[] = [];
  const server = await serve((response, before, { method = 'GET', url = '', body }) => {
    const [path = '', query = ''] = url.split('?');
    requests.push(`${method} ${path}`);
    if (path.endsWith('/importErrors')) looks++;
    faults.onRequest?.(path, airflow);
    read();
    if (faults.down?.(before, path)) return sendJson(response, 503, { detail: 'restarting' });
    if (path === '/auth/token') return sendJson(response, 201, { access_token: 'token' });
    if (path === '/api/v2/version') return sendJson(response, 200, { version: '3.3.2' });
    if (path === '/api/v2/monitor/health') {
      const at = new Date(Date.now() - 1000 * (faults.heartbeatAge ?? 1)).toISOString();
      return sendJson(response, 200, { dag_processor: { status: 'healthy', latest_dag_processor_heartbeat: at } });
    }
    if (path === '/api/v2/importErrors') {
      if (faults.hidesErrors) return sendJson(response, 403, { detail: 'Forbidden' });
      const found = [...errors.values()].filter(({ filename }) =>
        filename.includes(new URLSearchParams(query).get('filename_pattern') ?? ''),
      );
      return sendJson(response, 200, { import_errors: found, total_entries: found.length });
    }
    if (path.startsWith('/api/v2/parseDagFile/')) return sendJson(response, 201, null);
    const [, id = '', what = '', run] = /^\/api\/v2\/dags\/([^/]+)\/?([^/]*)\/?(.*)$/.exec(path) ?? [];
    const dag = dags.get(decodeURIComponent(id));
    if (!dag) return sendJson(response, 404, { detail: `The Dag with ID: \`${id}\` was not found` });
    if (method === 'PATCH') {
      if (faults.isReadOnly) return sendJson(response, 403, { detail: 'Forbidden' });
      dag.is_paused = (JSON.parse(body) as { is_paused: boolean }).is_paused;
      return sendJson(response, 200, dag);
    }
    if (method === 'DELETE') {
      dags.delete(dag.dag_id);
      seen.delete(dag.file);
      errors.delete(dag.file);
      response.writeHead(204);
      return response.end();
    }
    if (what === 'tasks') {
      const isStale = stale > 0;
      if (isStale) stale--;
      return sendJson(response, 200, {
        tasks: isStale ? dag.tasks.map((task) => ({ ...task, doc_md: `render-hash: ${'0'.repeat(64)}` })) : dag.tasks,
      });
    }
    if (what === 'dagRuns' && method === 'POST') {
      runs.set((JSON.parse(body) as { dag_run_id: string }).dag_run_id, faults.runs ?? 'success');
      return sendJson(response, 200, {});
    }
    if (what === 'dagRuns' && run === '') {
      const prefix = (new URLSearchParams(query).get('run_id_pattern') ?? '').replace(/%$/, '');
      const found = [...runs].filter(([name]) => name.startsWith(prefix)).map(([name, state]) => ({ dag_run_id: name, state }));
      return sendJson(response, 200, { dag_runs: found, total_entries: found.length });
    }
    if (what === 'dagRuns') return sendJson(response, 200, { state: runs.get(run ?? '') ?? 'queued' });
    sendJson(response, 200, { ...dag, file_token: 'abc' });
  });
  onTestFinished(() => server.close());
  const airflow: FakeAirflow = { url: server.url, folder, dags, runs, requests, read };
  return airflow;
}
