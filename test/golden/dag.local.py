# Written by Flightcheck from flightcheck.yml: change that file, not this one.
# render-hash: ca0e389bf70406710a7bdf9a425845d9099ed8f2159fa728ebf840d232f5148a
import os
import subprocess
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


class LocalCommand(BaseOperator):
    """Runs a command as a process of the worker; no shell and no template reads its arguments."""

    def __init__(self, *, argv, env, skip_on_exit=None, **kwargs):
        super().__init__(**kwargs)
        self.argv = argv
        self.env = env
        self.skip_on_exit = skip_on_exit

    def execute(self, context):
        done = subprocess.run(self.argv, env={**os.environ, **self.env}, check=False)
        if self.skip_on_exit is not None and done.returncode == self.skip_on_exit:
            raise AirflowSkipException(f"exit code {done.returncode}: nothing to do")
        if done.returncode != 0:
            raise RuntimeError(f"{self.argv[0]} ended with exit code {done.returncode}")


with DAG(
    dag_id="risk__dev",
    description="Who pays late.",
    doc_md="Who pays late.\n\nDeployed by Flightcheck from commit bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.\n\nrender-hash: ca0e389bf70406710a7bdf9a425845d9099ed8f2159fa728ebf840d232f5148a\n\n<!-- flightcheck-spec eyJjYXRjaHVwIjpmYWxzZSwiZGVzY3JpcHRpb24iOiJXaG8gcGF5cyBsYXRlLiIsImV4ZWN1dG9yIjoibG9jYWwiLCJpZCI6InJpc2tfX2RldiIsImxhYmVscyI6eyJjb21taXQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiZW52aXJvbm1lbnQiOiJkZXYiLCJtb2RlbCI6InJpc2siLCJ2ZXJzaW9uIjoiMS4yLjAifSwibWF4QWN0aXZlUnVucyI6MSwibmFtZXNwYWNlIjpudWxsLCJvd25lciI6InRlYW0iLCJwYXJhbXMiOnsiZGF5cyI6N30sInNjaGVkdWxlIjp7ImFzc2V0cyI6W10sImNyb24iOm51bGx9LCJzdGFydCI6IjIwMjQtMDEtMDEiLCJ0YWdzIjpbImZsaWdodGNoZWNrIiwiZGVidCJdLCJ0YXNrcyI6W3siYWZmaW5pdHkiOm51bGwsImFyZ3MiOltdLCJiYWNrb2ZmIjpmYWxzZSwiY29tbWFuZCI6WyJweXRob24iLCItbSIsInJpc2suZHJpZnQiXSwiZGVmZXJyYWJsZSI6ZmFsc2UsImRlcGVuZHNPbiI6W10sImVudiI6eyJHSVRfQ09NTUlUIjoiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYiIsIklNQUdFX0RJR0VTVCI6InNoYTI1NjphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhIn0sImlkIjoiZHJpZnQiLCJpbWFnZSI6InJlZ2lzdHJ5LmV4YW1wbGUuY29tL3RlYW0vcmlza0BzaGEyNTY6YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSIsImxpbWl0cyI6eyJtZW1vcnkiOiIyR2kifSwibm9kZVNlbGVjdG9yIjp7fSwicG9vbCI6bnVsbCwicHJvZHVjZXMiOlsicmlzazovL2RyaWZ0Il0sInJlcXVlc3RzIjp7ImNwdSI6IjEiLCJtZW1vcnkiOiIyR2kifSwicmV0cmllcyI6MiwicmV0cnlEZWxheVNlY29uZHMiOjMwMCwic2VjcmV0cyI6W3siZW52IjoiVE9LRU4iLCJrZXkiOiJ0b2tlbiIsInNlY3JldCI6InJpc2sifV0sInNlcnZpY2VBY2NvdW50IjpudWxsLCJza2lwT25FeGl0Ijo5OSwic3RhcnR1cFRpbWVvdXRTZWNvbmRzIjo2MDAsInRlbXBsYXRlIjpmYWxzZSwidGltZW91dFNlY29uZHMiOjM2MDAsInRvbGVyYXRpb25zIjpbXSwid2hlbiI6ImFsbF9zdWNjZXNzIn0seyJhZmZpbml0eSI6bnVsbCwiYXJncyI6WyJ7eyBkcyB9fSJdLCJiYWNrb2ZmIjpmYWxzZSwiY29tbWFuZCI6WyJweXRob24iLCItbSIsInJpc2sudHJhaW4iXSwiZGVmZXJyYWJsZSI6ZmFsc2UsImRlcGVuZHNPbiI6WyJkcmlmdCJdLCJlbnYiOnsiR0lUX0NPTU1JVCI6ImJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmIiLCJJTUFHRV9ESUdFU1QiOiJzaGEyNTY6YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSJ9LCJpZCI6InJldHJhaW4iLCJpbWFnZSI6InJlZ2lzdHJ5LmV4YW1wbGUuY29tL3RlYW0vcmlza0BzaGEyNTY6YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSIsImxpbWl0cyI6eyJncHUiOjEsIm1lbW9yeSI6IjJHaSJ9LCJub2RlU2VsZWN0b3IiOnt9LCJwb29sIjpudWxsLCJwcm9kdWNlcyI6W10sInJlcXVlc3RzIjp7ImNwdSI6IjEiLCJncHUiOjEsIm1lbW9yeSI6IjJHaSJ9LCJyZXRyaWVzIjoyLCJyZXRyeURlbGF5U2Vjb25kcyI6MzAwLCJzZWNyZXRzIjpbeyJlbnYiOiJUT0tFTiIsImtleSI6InRva2VuIiwic2VjcmV0IjoicmlzayJ9XSwic2VydmljZUFjY291bnQiOm51bGwsInNraXBPbkV4aXQiOm51bGwsInN0YXJ0dXBUaW1lb3V0U2Vjb25kcyI6NjAwLCJ0ZW1wbGF0ZSI6ZmFsc2UsInRpbWVvdXRTZWNvbmRzIjozMDAsInRvbGVyYXRpb25zIjpbeyJrZXkiOiJncHUiLCJvcGVyYXRvciI6IkV4aXN0cyJ9XSwid2hlbiI6ImFsbF9zdWNjZXNzIn0seyJhZmZpbml0eSI6bnVsbCwiYXJncyI6W10sImJhY2tvZmYiOmZhbHNlLCJjb21tYW5kIjpbImVjaG8iLCJ7eyBkcyB9fSJdLCJkZWZlcnJhYmxlIjpmYWxzZSwiZGVwZW5kc09uIjpbInJldHJhaW4iXSwiZW52Ijp7IkdJVF9DT01NSVQiOiJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiIiwiSU1BR0VfRElHRVNUIjoic2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEifSwiaWQiOiJ0ZWxsIiwiaW1hZ2UiOiJyZWdpc3RyeS5leGFtcGxlLmNvbS90ZWFtL3Jpc2tAc2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWEiLCJsaW1pdHMiOnsibWVtb3J5IjoiMkdpIn0sIm5vZGVTZWxlY3RvciI6e30sInBvb2wiOm51bGwsInByb2R1Y2VzIjpbXSwicmVxdWVzdHMiOnsiY3B1IjoiMSIsIm1lbW9yeSI6IjJHaSJ9LCJyZXRyaWVzIjoyLCJyZXRyeURlbGF5U2Vjb25kcyI6MzAwLCJzZWNyZXRzIjpbeyJlbnYiOiJUT0tFTiIsImtleSI6InRva2VuIiwic2VjcmV0IjoicmlzayJ9XSwic2VydmljZUFjY291bnQiOm51bGwsInNraXBPbkV4aXQiOm51bGwsInN0YXJ0dXBUaW1lb3V0U2Vjb25kcyI6NjAwLCJ0ZW1wbGF0ZSI6dHJ1ZSwidGltZW91dFNlY29uZHMiOjM2MDAsInRvbGVyYXRpb25zIjpbXSwid2hlbiI6ImFsbF9kb25lIn1dLCJ0aW1lb3V0U2Vjb25kcyI6MTQ0MDAsInRpbWV6b25lIjoiQXVzdHJhbGlhL1N5ZG5leSJ9 -->",
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
        doc_md="render-hash: ca0e389bf70406710a7bdf9a425845d9099ed8f2159fa728ebf840d232f5148a",
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
        doc_md="render-hash: ca0e389bf70406710a7bdf9a425845d9099ed8f2159fa728ebf840d232f5148a",
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
        doc_md="render-hash: ca0e389bf70406710a7bdf9a425845d9099ed8f2159fa728ebf840d232f5148a",
        retries=2,
        retry_delay=timedelta(seconds=300),
        retry_exponential_backoff=False,
        execution_timeout=timedelta(seconds=3600),
        trigger_rule="all_done",
        argv=["echo", "{{ ds }}"],
        env={"GIT_COMMIT": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "IMAGE_DIGEST": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        skip_on_exit=None,
    )
    task_1 >> task_2
    task_2 >> task_3
