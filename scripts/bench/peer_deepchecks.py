"""deepchecks' drift and data checks of the two tables in a folder: those that ask what ours ask, of every row as ours do (by themselves some draw 100,000)."""
import json
import resource
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import deepchecks
import pandas
from deepchecks.tabular import Dataset, Suite
from deepchecks.tabular.checks import (
    FeatureDrift,
    IsSingleValue,
    MixedNulls,
    NewCategoryTrainTest,
    PercentOfNulls,
    StringMismatchComparison,
)

folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
started, before = time.perf_counter(), time.process_time()
train, serving = (pandas.read_parquet(folder / f"{name}.parquet").drop(columns="id") for name in ("train", "serving"))
texts = [name for name in train.columns if name[0] == "c"]
reference, current = (Dataset(frame, cat_features=texts) for frame in (train, serving))
every = max(len(train), len(serving))
checks = [
    FeatureDrift(n_samples=every),
    IsSingleValue(n_samples=every),
    MixedNulls(n_samples=every),
    NewCategoryTrainTest(n_samples=every),
    PercentOfNulls(n_samples=every),
    StringMismatchComparison(n_samples=every),
]
result = Suite("drift and data", *checks).run(reference, current)
print(
    json.dumps(
        {
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - before,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "said": f"deepchecks {deepchecks.__version__}, {len(result.results)} results",
        }
    )
)
