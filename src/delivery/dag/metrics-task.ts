/** The last task of a DAG: tells Control Tower how the run went. It runs on Airflow's worker, which knows that; a pod does not. */
import { alertVariable } from '../../kernel/tower-actions.ts';
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
  { connection, url, model }: NonNullable<DagSpec['metrics']>,
  docMd: string,
): string =>
  call('PostMetrics', {
    task_id: python(metricsTaskId),
    doc_md: python(docMd),
    retries: '0',
    execution_timeout: 'timedelta(seconds=300)',
    trigger_rule: '"all_done"',
    connection: python(connection),
    url: python(url),
    model: python(model),
    environment: python(labels.environment ?? ''),
    labels: python({ dag: id.slice(0, 200) }),
  });

export const metricsImports = ['json', 'time', 'urllib.error', 'urllib.parse', 'urllib.request'] as const;

/**
 * The operator. The token is the password of an Airflow connection: from Airflow's secrets backend, never in this file. A model
 * repo names the connection, so the password goes where the connection itself says, whatever address the repo knows.
 */
export const metricsOperator = `
try:
    from airflow.sdk import BaseOperator as MetricsBase, Connection

    token_of = Connection.get
except ImportError:
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator as MetricsBase

    token_of = BaseHook.get_connection


def parts_of(url, port=None):
    """Scheme, host, port and path, the same for all ways to write an address; None when it is none of a web server."""
    parts = urllib.parse.urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, parts.hostname, port or parts.port or usual, parts.path.rstrip("/")) if usual and parts.hostname else None


class PostMetrics(MetricsBase):
    """Tells Control Tower how the run went, and ends as the tasks before it did, so that the run does."""

    template_fields = ()

    def __init__(self, *, connection, url, model, environment, labels, **kwargs):
        super().__init__(**kwargs)
        self.connection = connection
        self.url = url
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

    def body(self, context, states):
        run = context["dag_run"]
        alert = told(context).get(${python(alertVariable)})

        def metric(name, value, unit="1"):
            return {"name": name, "value": value, "unit": unit, "labels": self.labels}

        def count(*wanted):
            return sum(state in wanted for state in states.values())

        failed = count("failed", "upstream_failed")
        seconds = time.time() - run.start_date.timestamp()
        return {
            "model": self.model,
            "environment": self.environment,
            **({"alert": alert} if alert else {}),
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

    def address(self, found):
        """Where the password of a connection belongs: it goes nowhere else."""
        name = f"the Airflow connection {self.connection}"
        if found.conn_type not in ("http", "https", "generic"):
            raise ValueError(f"{name} is of the type {found.conn_type}; make one of the type http for Control Tower")
        if not found.host:
            raise ValueError(f"{name} has no host, and its password goes to its own host alone; give it that of Control Tower")
        own = parts_of(found.host if "://" in found.host else f"{found.schema or 'https'}://{found.host}", found.port)
        if own is None:
            raise ValueError(f"the host of {name} is no address of a web server")
        url = own[0] + "://" + (f"[{own[1]}]" if ":" in own[1] else own[1]) + f":{own[2]}{own[3]}"
        if self.url is not None and parts_of(self.url) != own:
            raise ValueError(f"{name} is for {url}, flightcheck.yml says {self.url}; make them the same")
        return url

    def post(self, body):
        found = token_of(self.connection)
        request = urllib.request.Request(self.address(found) + "/v1/metrics", data=json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        # Not handed on to where an answer redirects.
        request.add_unredirected_header("Authorization", "Bearer " + (found.password or ""))
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
            self.log.info("Control Tower answered %s", self.post(self.body(context, states)))
        except Exception as error:
            # A model that ran well did so whether or not somebody was told.
            self.log.error("Control Tower was not told: %s", error)
        bad = [task for task in sorted(self.upstream_task_ids) if states.get(task) not in ("success", "skipped")]
        if bad:
            raise RuntimeError("not a success: " + ", ".join(bad))
`;
