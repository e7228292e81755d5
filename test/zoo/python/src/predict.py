"""python3 predict.py MODEL IN OUT"""

import os
import sys

import model
from features import NAMES, features, read, write


def trace(weights, rows, folder):
    """The steps of each prediction; the last one is the answer."""
    seen = [{"id": row["id"], **(features(row) or {})} for row in rows]
    write(os.path.join(folder, "01_features.csv"), ("id", *NAMES), seen)
    parts = []
    for row in rows:
        x = model.terms(row) or []
        parts.append({"id": row["id"], **{name: w * v for name, w, v in zip(model.TERMS, weights, x)}})
    write(os.path.join(folder, "02_log_odds.csv"), ("id", *model.TERMS), parts)
    write(os.path.join(folder, "03_output.csv"), ("id", "score"), answers(weights, rows))


def answers(weights, rows):
    return [{"id": row["id"], "score": model.score(weights, row)} for row in rows]


def main(path, source, target):
    weights = model.load(path)["weights"]
    rows = read(source)
    write(target, ("id", "score"), answers(weights, rows))
    if folder := os.environ.get("FLIGHTCHECK_TRACE_DIR"):
        trace(weights, rows, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
