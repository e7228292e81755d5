/**
 * DagSpec -> one self-contained Python file for Airflow 2.10+ and 3.x. It imports no module of ours, so that an old error
 * of another file cannot stay with it. Every literal goes through `python`, and Jinja is off unless a task asks for it.
 */
import { createHash } from 'node:crypto';
import { canonical } from '../../kernel/canonical.ts';
import { alertImports, alertOfRun } from './alert.ts';
import { metricsImports, metricsOperator, metricsTaskId, renderMetricsTask, scheduledTasks } from './metrics-task.ts';
import { call, python } from './python.ts';
import type { Amounts, DagSpec, TaskSpec } from './spec.ts';

/** Changes when the rendered file does for the same specification; those before are still told apart from files of others. */
const format = 2;

/** SHA-256, hex, of what Airflow shall schedule. */
export const renderHash = (spec: DagSpec, rendered = format): string =>
  createHash('sha256')
    .update(canonical({ format: rendered, spec }))
    .digest('hex');

/** The mark that proves which render Airflow schedules: it stands in the DAG's and in every task's `doc_md`. */
export const hashMark = (hash: string): string => `render-hash: ${hash}`;

const seconds = (value: number | null): string => (value === null ? 'None' : `timedelta(seconds=${value})`);

const amounts = ({ cpu, memory, gpu }: Amounts): string =>
  python({ ...(cpu && { cpu }), ...(memory && { memory }), ...(gpu && { 'nvidia.com/gpu': String(gpu) }) });

/** Pod names are DNS-1123 labels. */
const podName = (id: string): string =>
  id
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .slice(0, 55)
    .replace(/^-+|-+$/g, '') || 'task';

/** What every operator is told. */
const common = (task: TaskSpec, hash: string) => ({
  task_id: python(task.id),
  doc_md: python(hashMark(hash)),
  retries: String(task.retries),
  retry_delay: seconds(task.retryDelaySeconds),
  retry_exponential_backoff: python(task.backoff),
  execution_timeout: seconds(task.timeoutSeconds),
  trigger_rule: python(task.when),
  pool: task.pool === null ? undefined : python(task.pool),
  outlets: task.produces.length === 0 ? undefined : `[${task.produces.map((uri) => `Asset(${python(uri)})`).join(', ')}]`,
});

function podTask(spec: DagSpec, task: TaskSpec, hash: string): string {
  const has = (value: object): boolean => Object.keys(value).length > 0;
  return call(task.template ? 'Pod' : 'PlainPod', {
    ...common(task, hash),
    name: python(podName(`${spec.id}-${task.id}`)),
    namespace: spec.namespace === null ? undefined : python(spec.namespace),
    image: python(task.image),
    cmds: task.command.length === 0 ? undefined : python(task.command),
    arguments: task.args.length === 0 ? undefined : python(task.args),
    env_vars: has(task.env) ? python(task.env) : undefined,
    secrets:
      task.secrets.length === 0
        ? undefined
        : `[${task.secrets.map((s) => `Secret("env", ${python(s.env)}, ${python(s.secret)}, ${python(s.key)})`).join(', ')}]`,
    labels: python(spec.labels),
    container_resources:
      has(task.requests) || has(task.limits)
        ? `k8s.V1ResourceRequirements(requests=${amounts(task.requests)}, limits=${amounts(task.limits)})`
        : undefined,
    service_account_name: task.serviceAccount === null ? undefined : python(task.serviceAccount),
    node_selector: has(task.nodeSelector) ? python(task.nodeSelector) : undefined,
    tolerations: task.tolerations.length === 0 ? undefined : `[model("V1Toleration", t) for t in ${python(task.tolerations)}]`,
    affinity: task.affinity === null ? undefined : `model("V1Affinity", ${python(task.affinity)})`,
    startup_timeout_seconds: String(task.startupTimeoutSeconds),
    active_deadline_seconds: task.timeoutSeconds === null ? undefined : String(task.timeoutSeconds),
    skip_on_exit_code: task.skipOnExit === null ? undefined : String(task.skipOnExit),
    deferrable: python(task.deferrable),
    on_finish_action: '"delete_pod"',
    do_xcom_push: 'False',
  });
}

const localTask = (task: TaskSpec, hash: string): string =>
  call('LocalCommand', {
    ...common(task, hash),
    argv: python([...task.command, ...task.args]),
    env: python(task.env),
    skip_on_exit: python(task.skipOnExit),
  });

const pods = `from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from kubernetes.client import ApiClient, models as k8s

${alertOfRun}

class Pod(KubernetesPodOperator):
    """A pod that is told for which alert its run was started."""

    def build_pod_request_obj(self, context=None, **kwargs):
        pod = super().build_pod_request_obj(context, **kwargs)
        more = told(context) if context else {}
        for container in pod.spec.containers:
            if container.name == self.base_container_name:
                kept = [each for each in container.env or [] if each.name not in more]
                container.env = kept + [k8s.V1EnvVar(name=name, value=value) for name, value in more.items()]
        return pod


class PlainPod(Pod):
    """A pod whose arguments are taken as they are: nothing in them is a template."""

    template_fields = ()


class _Answer:
    def __init__(self, data):
        self.data = json.dumps(data)


def model(kind, data):
    """A Kubernetes object from its own notation."""
    return ApiClient().deserialize(_Answer(data), kind)
`;

const local = `try:
    from airflow.sdk import BaseOperator
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:
    try:
        from airflow.sdk import BaseOperator
    except ImportError:
        from airflow.models import BaseOperator
    from airflow.exceptions import AirflowSkipException

${alertOfRun}

class LocalCommand(BaseOperator):
    """Runs a command as a process of the worker; no shell and no template reads its arguments."""

    def __init__(self, *, argv, env, skip_on_exit=None, **kwargs):
        super().__init__(**kwargs)
        self.argv = argv
        self.env = env
        self.skip_on_exit = skip_on_exit

    def execute(self, context):
        done = subprocess.run(self.argv, env={**os.environ, **self.env, **told(context)}, check=False)
        if self.skip_on_exit is not None and done.returncode == self.skip_on_exit:
            raise AirflowSkipException(f"exit code {done.returncode}: nothing to do")
        if done.returncode != 0:
            raise RuntimeError(f"{self.argv[0]} ended with exit code {done.returncode}")
`;

/** The `schedule` argument: cron in the DAG's time zone, assets, or both. */
function scheduleOf({ schedule: { cron, assets } }: DagSpec): string {
  const list = `[${assets.map((uri) => `Asset(${python(uri)})`).join(', ')}]`;
  if (assets.length === 0) return python(cron);
  return cron === null ? list : `asset_or_cron(${python(cron)}, ${list})`;
}

const assetOrCron = (timezone: string): string => `

def asset_or_cron(cron, assets):
    try:
        from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable
    except ImportError:
        from airflow.timetables.trigger import CronTriggerTimetable

        try:
            from airflow.timetables.assets import AssetOrTimeSchedule
        except ImportError:
            from airflow.timetables.datasets import DatasetOrTimeSchedule

            return DatasetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone=${python(timezone)}), datasets=assets)
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone=${python(timezone)}), assets=assets)
`;

/** The text for people, with the specification behind it, from which the next plan tells what changes. */
const docOf = (spec: DagSpec, hash: string): string =>
  `${spec.description}\n\nDeployed by Flightcheck from commit ${spec.labels.commit ?? ''}.\n\n${hashMark(hash)}\n\n<!-- flightcheck-spec ${Buffer.from(canonical(spec)).toString('base64')} -->`;

export interface Rendered {
  readonly spec: DagSpec;
  /** As it was rendered, by this version or an older one. */
  readonly hash: string;
}

/** What stands behind a DAG's text or a rendered file; null when it is not ours or was changed by hand. */
export function renderedIn(text: string): Rendered | null {
  const encoded = /<!-- flightcheck-spec ([A-Za-z0-9+/=]+) -->/.exec(text)?.[1];
  const mark = /render-hash: ([0-9a-f]{64})/.exec(text)?.[1];
  if (encoded === undefined) return null;
  try {
    const spec = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as DagSpec;
    const isOurs = Array.from({ length: format }, (_, i) => renderHash(spec, i + 1)).includes(mark ?? '');
    return isOurs && mark !== undefined ? { spec, hash: mark } : null;
  } catch {
    return null;
  }
}

/** Renders the file. The same specification gives the same bytes. */
export function renderAirflow(spec: DagSpec): string {
  const hash = renderHash(spec);
  const all = scheduledTasks(spec);
  const variable = new Map(all.map((task, i) => [task.id, `task_${i + 1}`]));
  const isLocal = spec.executor === 'local';
  const tasks = spec.tasks.map(
    (task) => `    ${variable.get(task.id)} = ${isLocal ? localTask(task, hash) : podTask(spec, task, hash)}\n`,
  );
  const last = spec.metrics
    ? `    ${variable.get(metricsTaskId)} = ${renderMetricsTask(spec, spec.metrics, hashMark(hash))}\n`
    : '';
  const imports = [...(isLocal ? ['os', 'subprocess'] : ['json']), ...alertImports, ...(spec.metrics ? metricsImports : [])];
  const edges = all.flatMap((task) =>
    task.dependsOn.map((before) => `    ${variable.get(before)} >> ${variable.get(task.id)}\n`),
  );
  const hasBoth = spec.schedule.cron !== null && spec.schedule.assets.length > 0;
  return `# Written by Flightcheck from flightcheck.yml: change that file, not this one.
# ${hashMark(hash)}
${[...new Set(imports)]
  .sort()
  .map((name) => `import ${name}\n`)
  .join('')}from datetime import timedelta

import pendulum

try:
    from airflow.sdk import DAG, Asset, Param
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
${isLocal ? local : pods}${spec.metrics ? `\n${metricsOperator}` : ''}${hasBoth ? assetOrCron(spec.timezone) : ''}

with DAG(
    dag_id=${python(spec.id)},
    description=${python(spec.description)},
    doc_md=${python(docOf(spec, hash))},
    schedule=${scheduleOf(spec)},
    start_date=pendulum.datetime(${spec.start.split('-').map(Number).join(', ')}, tz=${python(spec.timezone)}),
    catchup=${python(spec.catchup)},
    max_active_runs=${spec.maxActiveRuns},
    dagrun_timeout=${seconds(spec.timeoutSeconds)},
    params={${Object.entries(spec.params)
      .map(([name, value]) => `${python(name)}: Param(${python(value)})`)
      .join(', ')}},
    tags=${python(spec.tags)},
    default_args={"owner": ${python(spec.owner)}},
    render_template_as_native_obj=False,
) as dag:
${tasks.join('')}${last}${edges.join('')}`;
}
