"""Loads a folder of DAG files into a real DagBag and prints what Airflow made of them, pods included, as JSON."""
import json
import sys

try:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(sys.argv[1])
except ImportError:
    from airflow.models import DagBag

    bag = DagBag(sys.argv[1], include_examples=False)


def pod_of(task):
    if not hasattr(task, "build_pod_request_obj"):
        return None
    from kubernetes.client import ApiClient

    # No cluster is asked: the operator only has to say what it would ask for.
    task.kubernetes_conn_id = None
    task.config_file = sys.argv[2]
    return ApiClient().sanitize_for_serialization(task.build_pod_request_obj(None))


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
    return {**plain, "pod": pod_of(task)}


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
