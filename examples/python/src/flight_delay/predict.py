"""Scores rows.

python -m flight_delay.predict --model model.json --in rows.csv --out scores.csv
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from flight_delay.features import NAMES, features_of, read_rows
from flight_delay.model import Model

ROWS_AT_ONCE = 20_000
"""Bounds memory; the scores do not depend on it."""


def predict(
    model: Model, rows: Iterable[Mapping[str, str | None]]
) -> Iterator[tuple[str, float | None]]:
    """Id and probability of each row, in the order of the rows; None for a refused row."""
    remaining = iter(rows)
    while chunk := list(islice(remaining, ROWS_AT_ONCE)):
        features = [features_of(row) for row in chunk]
        scores = iter(model.scores([values for values in features if values is not None]))
        for row, values in zip(chunk, features, strict=True):
            yield row["id"] or "", None if values is None else next(scores)


def write_table(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_trace(model: Model, rows: Sequence[Mapping[str, str | None]], folder: Path) -> None:
    """Writes the steps of each prediction: features, log odds tree by tree, output.

    A refused row has an empty score in the output and stands in no other step.
    """
    used = [(row["id"] or "", values) for row in rows if (values := features_of(row)) is not None]
    margins = zip(*model.margins([values for _, values in used]), strict=True)
    trees = ("start", *(f"tree_{number}" for number in range(1, len(model.trees) + 1)))
    write_table(
        folder / "01_features.csv", ("id", *NAMES), ((name, *values) for name, values in used)
    )
    write_table(
        folder / "02_log_odds.csv",
        ("id", *trees),
        ((name, *steps) for (name, _), steps in zip(used, margins, strict=True)),
    )
    write_table(folder / "03_output.csv", ("id", "score"), predict(model, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description="Predict which flights will be late.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        model = Model.load(options.model)
        write_table(options.out, ("id", "score"), predict(model, read_rows(options.source)))
        if folder := os.environ.get("FLIGHTCHECK_TRACE_DIR"):
            write_trace(model, list(read_rows(options.source)), Path(folder))
    except (OSError, ValueError) as error:
        sys.exit(f"predict: {error}")


if __name__ == "__main__":
    main()
