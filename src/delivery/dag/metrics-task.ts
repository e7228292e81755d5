/** The last task of a DAG: tells Control Tower how the run went. It runs on Airflow's worker, which knows that; a pod does not. */
import { call, python } from './python.ts';
import type { DagSpec, TaskSpec } from './spec.ts';

export const metricsTaskId = 'control-tower';

/** A task as Airflow has it: ours, and what comes before it. */
export type Scheduled = Pick<TaskSpec, 'id' | 'dependsOn'>;

/** Tasks that nothing of the model waits for. */
const leavesOf = (tasks: readonly TaskSpec[]): readonly string[] =>
  tasks.map(({ id }) => id).filter((id) => !tasks.some(({ dependsOn }) => dependsOn.includes(id)));

/** All tasks of the rendered DAG: the model's, and the one that posts metrics. */
export const scheduledTasks = ({ tasks, metrics }: DagSpec): readonly Scheduled[] =>
  metrics ? [...tasks, { id: metricsTaskId, dependsOn: leavesOf(tasks) }] : tasks;

/** The task, given what every operator is told. */
export const renderMetricsTask = (
  { id, labels }: DagSpec,
  { url, connection, model }: NonNullable<DagSpec['metrics']>,
  docMd: string,
): string =>
  call('PostMetrics', {
    task_id: python(metricsTaskId),
    doc_md: python(docMd),
    retries: '0',
    execution_timeout: 'timedelta(seconds=300)',
    trigger_rule: '"all_done"',
    url: python(url),
    connection: python(connection),
    model: python(model),
    environment: python(labels.environment ?? ''),
    labels: python({ dag: id.slice(0, 200) }),
  });

export const metricsImports = ['json', 'time', 'urllib.error', 'urllib.request'] as const;

/** The operator. The token is the password of an Airflow connection: from Airflow's secrets backend, never in this file. */
export const metricsOperator = `
try:
    from airflow.sdk import BaseOperator as MetricsBase, Connection

    token_of = Connection.get
except ImportError:
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator as MetricsBase

    token_of = BaseHook.get_connection


class PostMetrics(MetricsBase):
    """Tells Control Tower how the run went, and ends as the tasks before it did, so that the run does."""

    template_fields = ()

    def __init__(self, *, url, connection, model, environment, labels, **kwargs):
        super().__init__(**kwargs)
        self.url = url
        self.connection = connection
        self.model = model
        self.environment = environment
        self.labels = labels

    def states(self, context):
        run = context["dag_run"]
        if hasattr(run, "get_task_instances"):
            found = {each.task_id: each.state for each in run.get_task_instances()}
        else:
            found = context["ti"].get_task_states(dag_id=run.dag_id, run_ids=[run.run_id]).get(run.run_id, {})
        return {task: getattr(state, "value", state) for task, state in found.items() if task != self.task_id}

    def body(self, run, states):
        def metric(name, value, unit="1"):
            return {"name": name, "value": value, "unit": unit, "labels": self.labels}

        def count(*wanted):
            return sum(state in wanted for state in states.values())

        failed = count("failed", "upstream_failed")
        seconds = time.time() - run.start_date.timestamp()
        return {
            "model": self.model,
            "environment": self.environment,
            # The same run has the same time, so that what is sent twice counts once.
            "at": run.start_date.isoformat(),
            "metrics": [
                metric("dag.run.seconds", round(seconds, 3), "s"),
                metric("dag.run.success", 0 if failed else 1),
                metric("dag.tasks.success", count("success")),
                metric("dag.tasks.failed", failed),
                metric("dag.tasks.skipped", count("skipped")),
            ],
        }

    def post(self, body):
        request = urllib.request.Request(self.url + "/v1/metrics", data=json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        # Not handed on to where an answer redirects.
        request.add_unredirected_header("Authorization", "Bearer " + (token_of(self.connection).password or ""))
        for wait in (2, 10, None):
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                if error.code < 500 or wait is None:
                    raise RuntimeError(f"{error.code} {error.read(500).decode('utf-8', 'replace')}") from None
            except OSError:
                if wait is None:
                    raise
            time.sleep(wait)

    def execute(self, context):
        states = self.states(context)
        try:
            self.log.info("Control Tower answered %s", self.post(self.body(context["dag_run"], states)))
        except Exception as error:
            # A model that ran well did so whether or not somebody was told.
            self.log.warning("Control Tower at %s was not told: %s", self.url, error)
        bad = [task for task in sorted(self.upstream_task_ids) if states.get(task) not in ("success", "skipped")]
        if bad:
            raise RuntimeError("not a success: " + ", ".join(bad))
`;
