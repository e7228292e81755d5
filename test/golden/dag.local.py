# Written by Flightcheck from flightcheck.yml: change that file, not this one.
# render-hash: 4b8602a61d57744b7be84f4173b424f945a1b8b65a6691119f3a09dd29c6e230
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import timedelta

import pendulum

try:
    from airflow.sdk import DAG, Asset, Param
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.models.param import Param
try:
    from airflow.sdk import BaseOperator
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:
    try:
        from airflow.sdk import BaseOperator
    except ImportError:
        from airflow.models import BaseOperator
    from airflow.exceptions import AirflowSkipException


def told(context):
    """Variables for which the run itself is asked: the alert of Control Tower that started it, if one did."""
    conf = context["dag_run"].conf
    alert = conf.get("flightcheck_alert") if isinstance(conf, dict) else None
    if not isinstance(alert, str) or not re.fullmatch("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", alert):
        return {}
    return {"FLIGHTCHECK_ALERT_ID": alert.lower()}


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
        alert = told(context).get("FLIGHTCHECK_ALERT_ID")

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


with DAG(
    dag_id="risk__dev",
    description="Who pays late.",
    doc_md="Who pays late.\n\nDeployed by Flightcheck from commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.\n\nrender-hash: 4b8602a61d57744b7be84f4173b424f945a1b8b65a6691119f3a09dd29c6e230\n\n<!-- flightcheck-spec eyJjYXRjaHVwIjpmYWxzZSwiZGVzY3JpcHRpb24iOiJXaG8gcGF5cyBsYXRlLiIsImV4ZWN1dG9yIjoibG9jYWwiLCJpZCI6InJpc2tfX2RldiIsImxhYmVscyI6eyJjb21taXQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiZW52aXJvbm1lbnQiOiJkZXYiLCJtb2RlbCI6InJpc2siLCJ2ZXJzaW9uIjoiMS4yLjAifSwibWF4QWN0aXZlUnVucyI6MSwibWV0cmljcyI6eyJjb25uZWN0aW9uIjoiZmxpZ2h0Y2hlY2tfdG93ZXIiLCJtb2RlbCI6InJpc2siLCJ1cmwiOiJodHRwczovL3Rvd2VyLmV4YW1wbGUuY29tIn0sIm5hbWVzcGFjZSI6bnVsbCwib3duZXIiOiJ0ZWFtIiwicGFyYW1zIjp7ImRheXMiOjd9LCJzY2hlZHVsZSI6eyJhc3NldHMiOltdLCJjcm9uIjpudWxsfSwic3RhcnQiOiIyMDI0LTAxLTAxIiwidGFncyI6WyJmbGlnaHRjaGVjayIsImRlYnQiXSwidGFza3MiOlt7ImFmZmluaXR5IjpudWxsLCJhcmdzIjpbXSwiYmFja29mZiI6ZmFsc2UsImNvbW1hbmQiOlsicHl0aG9uIiwiLW0iLCJyaXNrLmRyaWZ0Il0sImRlZmVycmFibGUiOmZhbHNlLCJkZXBlbmRzT24iOltdLCJlbnYiOnsiR0lUX0NPTU1JVCI6ImJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmIiLCJJTUFHRV9ESUdFU1QiOiJzaGEyNTY6YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSJ9LCJpZCI6ImRyaWZ0IiwiaW1hZ2UiOiJyZWdpc3RyeS5leGFtcGxlLmNvbS90ZWFtL3Jpc2tAc2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEiLCJsaW1pdHMiOnsibWVtb3J5IjoiMkdpIn0sIm5vZGVTZWxlY3RvciI6e30sInBvb2wiOm51bGwsInByb2R1Y2VzIjpbInJpc2s6Ly9kcmlmdCJdLCJyZXF1ZXN0cyI6eyJjcHUiOiIxIiwibWVtb3J5IjoiMkdpIn0sInJldHJpZXMiOjIsInJldHJ5RGVsYXlTZWNvbmRzIjozMDAsInNlY3JldHMiOlt7ImVudiI6IlRPS0VOIiwia2V5IjoidG9rZW4iLCJzZWNyZXQiOiJyaXNrIn1dLCJzZXJ2aWNlQWNjb3VudCI6bnVsbCwic2tpcE9uRXhpdCI6OTksInN0YXJ0dXBUaW1lb3V0U2Vjb25kcyI6NjAwLCJ0ZW1wbGF0ZSI6ZmFsc2UsInRpbWVvdXRTZWNvbmRzIjozNjAwLCJ0b2xlcmF0aW9ucyI6W10sIndoZW4iOiJhbGxfc3VjY2VzcyJ9LHsiYWZmaW5pdHkiOm51bGwsImFyZ3MiOlsie3sgZHMgfX0iXSwiYmFja29mZiI6ZmFsc2UsImNvbW1hbmQiOlsicHl0aG9uIiwiLW0iLCJyaXNrLnRyYWluIl0sImRlZmVycmFibGUiOmZhbHNlLCJkZXBlbmRzT24iOlsiZHJpZnQiXSwiZW52Ijp7IkdJVF9DT01NSVQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiSU1BR0VfRElHRVNUIjoic2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEifSwiaWQiOiJyZXRyYWluIiwiaW1hZ2UiOiJyZWdpc3RyeS5leGFtcGxlLmNvbS90ZWFtL3Jpc2tAc2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEiLCJsaW1pdHMiOnsiZ3B1IjoxLCJtZW1vcnkiOiIyR2kifSwibm9kZVNlbGVjdG9yIjp7fSwicG9vbCI6bnVsbCwicHJvZHVjZXMiOltdLCJyZXF1ZXN0cyI6eyJjcHUiOiIxIiwiZ3B1IjoxLCJtZW1vcnkiOiIyR2kifSwicmV0cmllcyI6MiwicmV0cnlEZWxheVNlY29uZHMiOjMwMCwic2VjcmV0cyI6W3siZW52IjoiVE9LRU4iLCJrZXkiOiJ0b2tlbiIsInNlY3JldCI6InJpc2sifV0sInNlcnZpY2VBY2NvdW50IjpudWxsLCJza2lwT25FeGl0IjpudWxsLCJzdGFydHVwVGltZW91dFNlY29uZHMiOjYwMCwidGVtcGxhdGUiOmZhbHNlLCJ0aW1lb3V0U2Vjb25kcyI6MzAwLCJ0b2xlcmF0aW9ucyI6W3sia2V5IjoiZ3B1Iiwib3BlcmF0b3IiOiJFeGlzdHMifV0sIndoZW4iOiJhbGxfc3VjY2VzcyJ9LHsiYWZmaW5pdHkiOm51bGwsImFyZ3MiOltdLCJiYWNrb2ZmIjpmYWxzZSwiY29tbWFuZCI6WyJlY2hvIiwie3sgZHMgfX0iXSwiZGVmZXJyYWJsZSI6ZmFsc2UsImRlcGVuZHNPbiI6WyJyZXRyYWluIl0sImVudiI6eyJHSVRfQ09NTUlUIjoiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYiIsIklNQUdFX0RJR0VTVCI6InNoYTI1NjphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIn0sImlkIjoidGVsbCIsImltYWdlIjoicmVnaXN0cnkuZXhhbXBsZS5jb20vdGVhbS9yaXNrQHNoYTI1NjphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIiwibGltaXRzIjp7Im1lbW9yeSI6IjJHaSJ9LCJub2RlU2VsZWN0b3IiOnt9LCJwb29sIjpudWxsLCJwcm9kdWNlcyI6W10sInJlcXVlc3RzIjp7ImNwdSI6IjEiLCJtZW1vcnkiOiIyR2kifSwicmV0cmllcyI6MiwicmV0cnlEZWxheVNlY29uZHMiOjMwMCwic2VjcmV0cyI6W3siZW52IjoiVE9LRU4iLCJrZXkiOiJ0b2tlbiIsInNlY3JldCI6InJpc2sifV0sInNlcnZpY2VBY2NvdW50IjpudWxsLCJza2lwT25FeGl0IjpudWxsLCJzdGFydHVwVGltZW91dFNlY29uZHMiOjYwMCwidGVtcGxhdGUiOnRydWUsInRpbWVvdXRTZWNvbmRzIjozNjAwLCJ0b2xlcmF0aW9ucyI6W10sIndoZW4iOiJhbGxfZG9uZSJ9XSwidGltZW91dFNlY29uZHMiOjE0NDAwLCJ0aW1lem9uZSI6IkF1c3RyYWxpYS9TeWRuZXkifQ== -->",
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1, tz="Australia/Sydney"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(seconds=14400),
    params={"days": Param(7)},
    tags=["flightcheck", "debt"],
    default_args={"owner": "team"},
    render_template_as_native_obj=False,
) as dag:
    task_1 = LocalCommand(
        task_id="drift",
        doc_md="render-hash: 4b8602a61d57744b7be84f4173b424f945a1b8b65a6691119f3a09dd29c6e230",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=3600),
        trigger_rule="all_success",
        outlets=[Asset("risk://drift")],
        argv=["python", "-m", "risk.drift"],
        env={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        skip_on_exit=99,
    )
    task_2 = LocalCommand(
        task_id="retrain",
        doc_md="render-hash: 4b8602a61d57744b7be84f4173b424f945a1b8b65a6691119f3a09dd29c6e230",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=300),
        trigger_rule="all_success",
        argv=["python", "-m", "risk.train", "{{ ds }}"],
        env={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        skip_on_exit=None,
    )
    task_3 = LocalCommand(
        task_id="tell",
        doc_md="render-hash: 4b8602a61d57744b7be84f4173b424f945a1b8b65a6691119f3a09dd29c6e230",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=3600),
        trigger_rule="all_done",
        argv=["echo", "{{ ds }}"],
        env={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        skip_on_exit=None,
    )
    task_4 = PostMetrics(
        task_id="control-tower",
        doc_md="render-hash: 4b8602a61d57744b7be84f4173b424f945a1b8b65a6691119f3a09dd29c6e230",
        retries=0,
        execution_timeout=timedelta(seconds=300),
        trigger_rule="all_done",
        connection="flightcheck_tower",
        url="https://tower.example.com",
        model="risk",
        environment="dev",
        labels={"dag": "risk__dev"},
    )
    task_1 >> task_2
    task_2 >> task_3
    task_3 >> task_4
