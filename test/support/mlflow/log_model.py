"""Logs models as MLflow models. log_model.py MODEL FOLDER: versions of a registered model with the aliases champion, candidate and
careless, which answers NaN where a feature is missing; the champion is saved into FOLDER too."""

import pathlib
import sys

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

name, folder = sys.argv[1:]
columns = ("hour", "distance", "origin_delay", "destination_delay", "route_delay", "minutes_behind_usual")
signature = ModelSignature(Schema([ColSpec("double", column) for column in columns]))

code = '''
import numpy as np
import mlflow
from mlflow.pyfunc import PythonModel


class Delays(PythonModel):
    """Log odds of a late arrival: a line through three features."""

    def predict(self, context, model_input, params=None):
        model_input = model_input.fillna(FILL)
        odds = -2.2 + SLOPE * model_input["minutes_behind_usual"] + 0.04 * (model_input["origin_delay"] + model_input["route_delay"])
        return (1 / (1 + np.exp(-odds))).to_numpy()


mlflow.models.set_model(Delays())
'''

client = mlflow.MlflowClient()
mlflow.set_experiment("logged models")
for alias, slope, fill in (("champion", 0.03, 0), ("candidate", 0.08, 0), ("careless", 0.08, "float('nan')")):
    file = pathlib.Path(f"{alias}.py")
    file.write_text(code.replace("SLOPE", str(slope)).replace("FILL", str(fill)))
    options = {"python_model": str(file), "signature": signature, "pip_requirements": ["numpy", "pandas"]}
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(name="model", registered_model_name=name, **options)
    client.set_registered_model_alias(name, alias, info.registered_model_version)
    if alias == "champion":
        mlflow.pyfunc.save_model(folder, **options)
