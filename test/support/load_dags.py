"""Loads a folder of DAG files into a real DagBag and prints what Airflow made of them, pods included, as JSON."""
import json
import sys

try:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(sys.argv[1])
except ImportError:
    from airflow.models import DagBag

    bag = DagBag(sys.argv[1], include_examples=False)


class Given:
    def __init__(self, **fields):
        self.__dict__ |= fields


def context_of(task, conf):
    """What a task of a run is handed, as far as a pod is made of it."""
    instance = Given(dag_id=task.dag.dag_id, task_id=task.task_id, map_index=-1, try_number=1)
    return {"dag_run": Given(conf=conf), "ti": instance, "run_id": "run", "dag": task.dag}


def pod_of(task, context=None):
    if not hasattr(task, "build_pod_request_obj"):
        return None
    from kubernetes.client import ApiClient

    # No cluster is asked: the operator only has to say what it would ask for.
    task.kubernetes_conn_id = None
    task.config_file = sys.argv[2]
    return ApiClient().sanitize_for_serialization(task.build_pod_request_obj(context))


def task_of(task):
    plain = {
        "doc_md": task.doc_md,
        "downstream": sorted(task.downstream_task_ids),
        "retries": task.retries,
        "retry_delay": task.retry_delay.total_seconds(),
        "timeout": task.execution_timeout and task.execution_timeout.total_seconds(),
        "trigger_rule": str(getattr(task.trigger_rule, "value", task.trigger_rule)),
        "outlets": [asset.uri for asset in task.outlets],
        "templates": sorted(task.template_fields),
    }
    contexts = [context_of(task, conf) for conf in json.loads(sys.argv[3])]
    told = [sys.modules[type(task).__module__].told(context) for context in contexts]
    envs = [pod["spec"]["containers"][0].get("env", []) for pod in (pod_of(task, context) for context in contexts) if pod]
    return {**plain, "pod": pod_of(task), "told": told, "envs": envs}


problems = []
try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None
dags = {}
for dag in bag.dags.values():
    tasks = {task.task_id: task_of(task) for task in dag.tasks}
    for task in tasks.values():
        if kubernetes_validate and task["pod"]:
            try:
                kubernetes_validate.validate(task["pod"], "1.33", strict=True)
            except kubernetes_validate.ValidationError as error:
                problems.append(str(error))
    dags[dag.dag_id] = {
        "doc_md": dag.doc_md,
        "timezone": str(dag.timezone),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "tasks": tasks,
    }
answer = {"errors": bag.import_errors, "dags": dags, "problems": problems, "validated": kubernetes_validate is not None}
print("\nANSWER " + json.dumps(answer))
