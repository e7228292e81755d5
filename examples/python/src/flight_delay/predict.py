"""Scores rows.

python -m flight_delay.predict --model model.json --in rows.csv --out scores.csv
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from flight_delay.features import features_of, read_rows
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


def main() -> None:
    parser = argparse.ArgumentParser(description="Predict which flights will be late.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        model = Model.load(options.model)
        with options.out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("id", "score"))
            writer.writerows(predict(model, read_rows(options.source)))
    except (OSError, ValueError) as error:
        sys.exit(f"predict: {error}")


if __name__ == "__main__":
    main()
