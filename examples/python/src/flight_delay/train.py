"""Trains the model.

python -m flight_delay.train --data train.csv --seed 1 --params - --model model.json
"""

import argparse
import json
import sys
from pathlib import Path

from flight_delay.features import LABEL, Features, features_of, read_rows
from flight_delay.model import Params, train


def labelled_rows(path: Path) -> tuple[list[Features], list[int]]:
    """Features and labels of the rows that can be used; a refused row teaches nothing.

    Raises ValueError for a label that is neither 0 nor 1.
    """
    rows: list[Features] = []
    labels: list[int] = []
    for row in read_rows(path):
        label = row.get(LABEL)
        if label not in {"0", "1"}:
            message = f"{path}: row {row['id']} has {LABEL} {label!r}, expected 0 or 1"
            raise ValueError(message)
        features = features_of(row)
        if features is not None:
            rows.append(features)
            labels.append(int(label))
    return rows, labels


def read_params(path: str) -> Params:
    """Hyperparameters from a JSON file; "-" keeps the defaults."""
    if path == "-":
        return Params()
    return Params(**json.loads(Path(path).read_text(encoding="utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the flight delay model.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--params", default="-", help="JSON file of hyperparameters")
    parser.add_argument("--model", type=Path, required=True)
    options = parser.parse_args()
    try:
        params = read_params(options.params)
        rows, labels = labelled_rows(options.data)
        metrics = options.model.parent / "metrics.jsonl"
        with metrics.open("w", encoding="utf-8") as file:

            def report(step: int, loss: float) -> None:
                file.write(json.dumps({"step": step, "loss": loss}) + "\n")

            model = train(rows, labels, options.seed, params, report)
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f"train: {error}")
    model.save(options.model)


if __name__ == "__main__":
    main()
