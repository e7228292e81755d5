"""A history of a model: runs of a search, and versions of models that were trained elsewhere.

history.py EXPERIMENT MODEL RUNS_JSON FILE...: one run for each {"params", "metrics", "status"}; each FILE becomes a version, the
last but one is the champion and the last the challenger.
"""

import json
import pathlib
import sys
import time

import mlflow
from mlflow.entities import Metric, Param, RunTag

experiment_name, model, runs, *files = sys.argv[1:]
client = mlflow.MlflowClient()
experiment = client.create_experiment(experiment_name, tags={"team": "flights"})

for i, run in enumerate(json.loads(pathlib.Path(runs).read_text())):
    run_id = client.create_run(experiment, run_name=f"search {i}").info.run_id
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, float(value), now, 0) for name, value in run["metrics"].items()],
        params=[Param(name, str(value)) for name, value in run["params"].items()],
        tags=[RunTag("mlflow.source.git.commit", "0" * 40)],
    )
    client.set_terminated(run_id, run.get("status", "FINISHED"))

client.create_registered_model(model, tags={"tier": "standard"})
for file in files:
    run = client.create_run(experiment)
    client.log_artifact(run.info.run_id, file, "model")
    client.set_terminated(run.info.run_id)
    client.create_model_version(model, f"{run.info.artifact_uri}/model", run.info.run_id, tags={"from": pathlib.Path(file).name})
for alias, version in (("challenger", len(files)), ("champion", len(files) - 1)):
    if version > 0:
        client.set_registered_model_alias(model, alias, str(version))
