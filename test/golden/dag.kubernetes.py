# Written by Flightcheck from flightcheck.yml: change that file, not this one.
# render-hash: 0bd785b9710a52216ca10c821357990281f11e0b75a6feeb7b6d7d28e4129242
import json
import re
from datetime import timedelta

import pendulum

try:
    from airflow.sdk import DAG, Asset, Param
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from kubernetes.client import ApiClient, models as k8s


def told(context):
    """Variables for which the run itself is asked: the alert of Control Tower that started it, if one did."""
    conf = context["dag_run"].conf
    alert = conf.get("flightcheck_alert") if isinstance(conf, dict) else None
    if not isinstance(alert, str) or not re.fullmatch("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", alert):
        return {}
    return {"FLIGHTCHECK_ALERT_ID": alert.lower()}


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


def asset_or_cron(cron, assets):
    try:
        from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable
    except ImportError:
        from airflow.timetables.trigger import CronTriggerTimetable

        try:
            from airflow.timetables.assets import AssetOrTimeSchedule
        except ImportError:
            from airflow.timetables.datasets import DatasetOrTimeSchedule

            return DatasetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone="Australia/Sydney"), datasets=assets)
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone="Australia/Sydney"), assets=assets)


with DAG(
    dag_id="risk",
    description="Who pays late.",
    doc_md="Who pays late.\n\nDeployed by Flightcheck from commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.\n\nrender-hash: 0bd785b9710a52216ca10c821357990281f11e0b75a6feeb7b6d7d28e4129242\n\n<!-- flightcheck-spec eyJjYXRjaHVwIjpmYWxzZSwiZGVzY3JpcHRpb24iOiJXaG8gcGF5cyBsYXRlLiIsImV4ZWN1dG9yIjoia3ViZXJuZXRlcyIsImlkIjoicmlzayIsImxhYmVscyI6eyJjb21taXQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiZW52aXJvbm1lbnQiOiJwcm9kIiwibW9kZWwiOiJyaXNrIiwidmVyc2lvbiI6IjEuMi4wIn0sIm1heEFjdGl2ZVJ1bnMiOjEsIm5hbWVzcGFjZSI6Im1vZGVscyIsIm93bmVyIjoidGVhbSIsInBhcmFtcyI6eyJkYXlzIjo3fSwic2NoZWR1bGUiOnsiYXNzZXRzIjpbInMzOi8vbGFrZS9jbGFpbXMiXSwiY3JvbiI6IjAgMyAqICogMS01In0sInN0YXJ0IjoiMjAyNC0wMS0wMSIsInRhZ3MiOlsiZmxpZ2h0Y2hlY2siLCJkZWJ0Il0sInRhc2tzIjpbeyJhZmZpbml0eSI6bnVsbCwiYXJncyI6W10sImJhY2tvZmYiOmZhbHNlLCJjb21tYW5kIjpbInB5dGhvbiIsIi1tIiwicmlzay5kcmlmdCJdLCJkZWZlcnJhYmxlIjpmYWxzZSwiZGVwZW5kc09uIjpbXSwiZW52Ijp7IkdJVF9DT01NSVQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiSU1BR0VfRElHRVNUIjoic2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEifSwiaWQiOiJkcmlmdCIsImltYWdlIjoicmVnaXN0cnkuZXhhbXBsZS5jb20vdGVhbS9yaXNrQHNoYTI1NjphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIiwibGltaXRzIjp7Im1lbW9yeSI6IjJHaSJ9LCJub2RlU2VsZWN0b3IiOnt9LCJwb29sIjpudWxsLCJwcm9kdWNlcyI6WyJyaXNrOi8vZHJpZnQiXSwicmVxdWVzdHMiOnsiY3B1IjoiMSIsIm1lbW9yeSI6IjJHaSJ9LCJyZXRyaWVzIjoyLCJyZXRyeURlbGF5U2Vjb25kcyI6MzAwLCJzZWNyZXRzIjpbeyJlbnYiOiJUT0tFTiIsImtleSI6InRva2VuIiwic2VjcmV0IjoicmlzayJ9XSwic2VydmljZUFjY291bnQiOm51bGwsInNraXBPbkV4aXQiOjk5LCJzdGFydHVwVGltZW91dFNlY29uZHMiOjYwMCwidGVtcGxhdGUiOmZhbHNlLCJ0aW1lb3V0U2Vjb25kcyI6MzYwMCwidG9sZXJhdGlvbnMiOltdLCJ3aGVuIjoiYWxsX3N1Y2Nlc3MifSx7ImFmZmluaXR5IjpudWxsLCJhcmdzIjpbInt7IGRzIH19Il0sImJhY2tvZmYiOmZhbHNlLCJjb21tYW5kIjpbInB5dGhvbiIsIi1tIiwicmlzay50cmFpbiJdLCJkZWZlcnJhYmxlIjpmYWxzZSwiZGVwZW5kc09uIjpbImRyaWZ0Il0sImVudiI6eyJHSVRfQ09NTUlUIjoiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYiIsIklNQUdFX0RJR0VTVCI6InNoYTI1NjphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIn0sImlkIjoicmV0cmFpbiIsImltYWdlIjoicmVnaXN0cnkuZXhhbXBsZS5jb20vdGVhbS9yaXNrQHNoYTI1NjphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIiwibGltaXRzIjp7ImdwdSI6MSwibWVtb3J5IjoiMkdpIn0sIm5vZGVTZWxlY3RvciI6e30sInBvb2wiOm51bGwsInByb2R1Y2VzIjpbXSwicmVxdWVzdHMiOnsiY3B1IjoiMSIsImdwdSI6MSwibWVtb3J5IjoiMkdpIn0sInJldHJpZXMiOjIsInJldHJ5RGVsYXlTZWNvbmRzIjozMDAsInNlY3JldHMiOlt7ImVudiI6IlRPS0VOIiwia2V5IjoidG9rZW4iLCJzZWNyZXQiOiJyaXNrIn1dLCJzZXJ2aWNlQWNjb3VudCI6bnVsbCwic2tpcE9uRXhpdCI6bnVsbCwic3RhcnR1cFRpbWVvdXRTZWNvbmRzIjo2MDAsInRlbXBsYXRlIjpmYWxzZSwidGltZW91dFNlY29uZHMiOjM2MDAsInRvbGVyYXRpb25zIjpbeyJrZXkiOiJncHUiLCJvcGVyYXRvciI6IkV4aXN0cyJ9XSwid2hlbiI6ImFsbF9zdWNjZXNzIn0seyJhZmZpbml0eSI6bnVsbCwiYXJncyI6W10sImJhY2tvZmYiOmZhbHNlLCJjb21tYW5kIjpbImVjaG8iLCJ7eyBkcyB9fSJdLCJkZWZlcnJhYmxlIjpmYWxzZSwiZGVwZW5kc09uIjpbInJldHJhaW4iXSwiZW52Ijp7IkdJVF9DT01NSVQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiSU1BR0VfRElHRVNUIjoic2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEifSwiaWQiOiJ0ZWxsIiwiaW1hZ2UiOiJyZWdpc3RyeS5leGFtcGxlLmNvbS90ZWFtL3Jpc2tAc2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEiLCJsaW1pdHMiOnsibWVtb3J5IjoiMkdpIn0sIm5vZGVTZWxlY3RvciI6e30sInBvb2wiOm51bGwsInByb2R1Y2VzIjpbXSwicmVxdWVzdHMiOnsiY3B1IjoiMSIsIm1lbW9yeSI6IjJHaSJ9LCJyZXRyaWVzIjoyLCJyZXRyeURlbGF5U2Vjb25kcyI6MzAwLCJzZWNyZXRzIjpbeyJlbnYiOiJUT0tFTiIsImtleSI6InRva2VuIiwic2VjcmV0IjoicmlzayJ9XSwic2VydmljZUFjY291bnQiOm51bGwsInNraXBPbkV4aXQiOm51bGwsInN0YXJ0dXBUaW1lb3V0U2Vjb25kcyI6NjAwLCJ0ZW1wbGF0ZSI6dHJ1ZSwidGltZW91dFNlY29uZHMiOjM2MDAsInRvbGVyYXRpb25zIjpbXSwid2hlbiI6ImFsbF9kb25lIn1dLCJ0aW1lb3V0U2Vjb25kcyI6MTQ0MDAsInRpbWV6b25lIjoiQXVzdHJhbGlhL1N5ZG5leSJ9 -->",
    schedule=asset_or_cron("0 3 * * 1-5", [Asset("s3://lake/claims")]),
    start_date=pendulum.datetime(2024, 1, 1, tz="Australia/Sydney"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(seconds=14400),
    params={"days": Param(7)},
    tags=["flightcheck", "debt"],
    default_args={"owner": "team"},
    render_template_as_native_obj=False,
) as dag:
    task_1 = PlainPod(
        task_id="drift",
        doc_md="render-hash: 0bd785b9710a52216ca10c821357990281f11e0b75a6feeb7b6d7d28e4129242",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=3600),
        trigger_rule="all_success",
        outlets=[Asset("risk://drift")],
        name="risk-drift",
        namespace="models",
        image="registry.example.com/team/risk@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        cmds=["python", "-m", "risk.drift"],
        env_vars={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        secrets=[Secret("env", "TOKEN", "risk", "token")],
        labels={"model": "risk", "version": "1.2.0", "commit": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "environment": "prod"},
        container_resources=k8s.V1ResourceRequirements(requests={"cpu": "1", "memory": "2Gi"}, limits={"memory": "2Gi"}),
        startup_timeout_seconds=600,
        active_deadline_seconds=3600,
        skip_on_exit_code=99,
        deferrable=False,
        on_finish_action="delete_pod",
        do_xcom_push=False,
    )
    task_2 = PlainPod(
        task_id="retrain",
        doc_md="render-hash: 0bd785b9710a52216ca10c821357990281f11e0b75a6feeb7b6d7d28e4129242",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=3600),
        trigger_rule="all_success",
        name="risk-retrain",
        namespace="models",
        image="registry.example.com/team/risk@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        cmds=["python", "-m", "risk.train"],
        arguments=["{{ ds }}"],
        env_vars={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        secrets=[Secret("env", "TOKEN", "risk", "token")],
        labels={"model": "risk", "version": "1.2.0", "commit": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "environment": "prod"},
        container_resources=k8s.V1ResourceRequirements(requests={"cpu": "1", "memory": "2Gi", "nvidia.com/gpu": "1"}, limits={"memory": "2Gi", "nvidia.com/gpu": "1"}),
        tolerations=[model("V1Toleration", t) for t in [{"key": "gpu", "operator": "Exists"}]],
        startup_timeout_seconds=600,
        active_deadline_seconds=3600,
        deferrable=False,
        on_finish_action="delete_pod",
        do_xcom_push=False,
    )
    task_3 = Pod(
        task_id="tell",
        doc_md="render-hash: 0bd785b9710a52216ca10c821357990281f11e0b75a6feeb7b6d7d28e4129242",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=3600),
        trigger_rule="all_done",
        name="risk-tell",
        namespace="models",
        image="registry.example.com/team/risk@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        cmds=["echo", "{{ ds }}"],
        env_vars={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        secrets=[Secret("env", "TOKEN", "risk", "token")],
        labels={"model": "risk", "version": "1.2.0", "commit": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "environment": "prod"},
        container_resources=k8s.V1ResourceRequirements(requests={"cpu": "1", "memory": "2Gi"}, limits={"memory": "2Gi"}),
        startup_timeout_seconds=600,
        active_deadline_seconds=3600,
        deferrable=False,
        on_finish_action="delete_pod",
        do_xcom_push=False,
    )
    task_1 >> task_2
    task_2 >> task_3
