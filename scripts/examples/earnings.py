"""Prepares the tables of examples/r from the CPS comparison sample in the PyPI package causaldata.

Run by hand, never in CI:

    python -m venv venv && venv/bin/pip install causaldata==0.1.5 pandas==3.1.1
    venv/bin/python scripts/examples/earnings.py examples/r/data
    npx tsx scripts/examples/serving-log.ts examples/r requests/batch-1.csv serving/batch-1.csv

The same input gives the same bytes: rows are ordered by a hash of their number.
"""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

TRAIN_ROWS = 5500
EVAL_ROWS = 5000
SERVING_ROWS = 1500


def source_file() -> Path:
    """Path of the Stata file, found without importing the package (which would load statsmodels)."""
    spec = find_spec("causaldata")
    if spec is None or spec.origin is None:
        sys.exit("causaldata is not installed: see the top of this script.")
    return Path(spec.origin).parent / "cps_mixtape" / "cps_mixtape.dta"


def ethnicity(row: pd.Series) -> str:
    if row["black"] == 1:
        return "black"
    return "hispanic" if row["hisp"] == 1 else "other"


def main(target: Path) -> None:
    people = pd.read_stata(source_file())
    changed = (people["re78"] - people["re75"]).abs() > 0.3 * people["re75"]
    table = pd.DataFrame(
        {
            "id": [f"p{number:05d}" for number in range(1, len(people) + 1)],
            "ethnicity": people.apply(ethnicity, axis=1),
            "age_band": pd.cut(
                people["age"],
                [0, 24, 34, 99],
                labels=["under_25", "25_to_34", "35_and_over"],
            ),
            "diploma": people["nodegree"].map({0: "yes", 1: "no"}),
            "age": people["age"],
            "education_years": people["educ"],
            "earnings_1974": people["re74"].round().astype(int),
            "earnings_1975": people["re75"].round().astype(int),
            "changed": changed.astype(int),
        }
    )
    order = table["id"].map(lambda name: hashlib.sha256(name.encode()).hexdigest())
    table = table.loc[order.sort_values().index].reset_index(drop=True)
    (target / "requests").mkdir(parents=True, exist_ok=True)
    table[:TRAIN_ROWS].to_csv(target / "train.csv", index=False, lineterminator="\n")
    held_out = table[TRAIN_ROWS : TRAIN_ROWS + EVAL_ROWS]
    held_out.to_csv(target / "eval.csv", index=False, lineterminator="\n")
    start = TRAIN_ROWS + EVAL_ROWS
    rest = table[start : start + SERVING_ROWS]
    requests = rest.drop(columns="changed")
    requests.to_csv(
        target / "requests" / "batch-1.csv", index=False, lineterminator="\n"
    )
    rest[["id", "changed"]].to_csv(
        target / "outcomes.csv", index=False, lineterminator="\n"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/examples/earnings.py TARGET_DIR")
    main(Path(sys.argv[1]))
