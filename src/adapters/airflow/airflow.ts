/** Airflow's REST API, /api/v2 of Airflow 3 and /api/v1 of Airflow 2, behind one port. */
import type { Airflow } from '../../kernel/delivery.ts';
import { UsageError } from '../../kernel/failure.ts';
import { type AirflowAccess, type Ask, requester } from './requests.ts';

interface DagAnswer {
  readonly dag_id: string;
  readonly doc_md: string | null;
  readonly is_paused: boolean;
  readonly has_import_errors?: boolean;
  /** Of Airflow 3. */
  readonly is_stale?: boolean;
  /** Of Airflow 2; null is no answer. */
  readonly is_active?: boolean | null;
  readonly file_token?: string;
}
interface TasksAnswer {
  readonly tasks: readonly { task_id: string; doc_md?: string | null; downstream_task_ids?: readonly string[] }[];
}
interface ErrorsAnswer {
  readonly import_errors: readonly { filename: string; timestamp: string; stack_trace: string }[];
  readonly total_entries: number;
}
interface RunsAnswer {
  readonly dag_runs: readonly { dag_run_id: string; state: string }[];
}
interface Health {
  readonly dag_processor?: { readonly latest_dag_processor_heartbeat: string | null };
  readonly scheduler?: { readonly latest_scheduler_heartbeat: string | null };
}

const pageSize = 100;

/** All import errors: the endpoint pages, and Airflow 2 cannot filter by name. */
async function allErrors(ask: Ask, filter: string): Promise<ErrorsAnswer['import_errors']> {
  const found: ErrorsAnswer['import_errors'][number][] = [];
  for (;;) {
    const { body } = await ask(`/importErrors?limit=${pageSize}&offset=${found.length}${filter}`);
    const page = body as ErrorsAnswer;
    found.push(...page.import_errors);
    if (page.import_errors.length === 0 || found.length >= page.total_entries) return found;
  }
}

export function openAirflow(access: AirflowAccess): Airflow {
  const ask = requester(access);
  const is3 = access.major === 3;
  const at = (id: string): string => `/dags/${encodeURIComponent(id)}`;
  return {
    url: access.url,
    async version() {
      return ((await ask('/version')).body as { version: string }).version;
    },
    async dagProcessorHeartbeat() {
      const { body } = await ask(is3 ? '/monitor/health' : '/health');
      const health = body as Health;
      // Without a process of its own the scheduler of Airflow 2 reads the files.
      return (
        health.dag_processor?.latest_dag_processor_heartbeat ??
        (is3 ? null : (health.scheduler?.latest_scheduler_heartbeat ?? null))
      );
    },
    async dag(id) {
      const { status, body } = await ask(`${at(id)}/details`);
      if (status === 404) return null;
      const dag = body as DagAnswer;
      return {
        id: dag.dag_id,
        docMd: dag.doc_md ?? '',
        isPaused: dag.is_paused,
        isActive: !(dag.is_stale ?? dag.is_active === false),
        hasImportErrors: dag.has_import_errors ?? false,
        fileToken: dag.file_token ?? null,
      };
    },
    async tasks(id) {
      const { status, body } = await ask(`${at(id)}/tasks`);
      if (status === 404) return [];
      return (body as TasksAnswer).tasks.map((task) => ({
        id: task.task_id,
        docMd: task.doc_md ?? '',
        downstream: [...(task.downstream_task_ids ?? [])].sort(),
      }));
    },
    async importErrors(fileName) {
      try {
        const errors = await allErrors(ask, is3 ? `&filename_pattern=${encodeURIComponent(fileName)}` : '');
        return errors
          .filter(({ filename }) => filename === fileName || filename.endsWith(`/${fileName}`))
          .map(({ filename, timestamp, stack_trace }) => ({ file: filename, at: timestamp, trace: stack_trace }));
      } catch (error) {
        if (error instanceof UsageError) return null;
        throw error;
      }
    },
    async setPaused(id, isPaused) {
      await ask(at(id), { method: 'PATCH', body: { is_paused: isPaused } });
    },
    async hurry(fileToken) {
      await ask(`/parseDagFile/${encodeURIComponent(fileToken)}`, { method: 'PUT' });
    },
    async startRun(id, runId) {
      // 409: a run of this id is there already, and one is what was asked for.
      await ask(`${at(id)}/dagRuns`, { method: 'POST', body: { dag_run_id: runId, ...(is3 && { logical_date: null }) } });
    },
    async runState(id, runId) {
      const { status, body } = await ask(`${at(id)}/dagRuns/${encodeURIComponent(runId)}`);
      return status === 404 ? null : (body as { state: string }).state;
    },
    async runs(id, prefix) {
      const filter = is3 && prefix !== '' ? `&run_id_pattern=${encodeURIComponent(`${prefix}%`)}` : '';
      const { body } = await ask(`${at(id)}/dagRuns?limit=${pageSize}&order_by=-start_date${filter}`);
      return (body as RunsAnswer).dag_runs
        .map(({ dag_run_id, state }) => ({ id: dag_run_id, state }))
        .filter((run) => run.id.startsWith(prefix));
    },
    async forget(id) {
      await ask(at(id), { method: 'DELETE' });
    },
  };
}
