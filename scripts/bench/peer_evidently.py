"""Evidently's drift and data summary of the two tables in a folder: its presets, as they come."""
import json
import resource
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import evidently
import pandas
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset

folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
started, before = time.perf_counter(), time.process_time()
train, serving = (pandas.read_parquet(folder / f"{name}.parquet").drop(columns="id") for name in ("train", "serving"))
names = list(train.columns)
definition = DataDefinition(
    numerical_columns=[name for name in names if name[0] in "ni"], categorical_columns=[name for name in names if name[0] == "c"]
)
reference, current = (Dataset.from_pandas(frame, data_definition=definition) for frame in (train, serving))
result = Report([DataDriftPreset(), DataSummaryPreset()]).run(current, reference)
found = len(result.dict()["metrics"])
print(
    json.dumps(
        {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - before,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "said": f"Evidently {evidently.__version__}, {found} metrics",
        }
    )
)
