"""python3 train.py DATA SEED PARAMS MODEL"""

import json
import os
import sys

import model
from features import read


def main(data, seed, params, path):
    with open(params, encoding="utf-8") as file:
        chosen = json.load(file)
    rows = read(data)
    weights, losses = model.fit(rows, int(seed), chosen["l2"], chosen["share"])
    with open(os.path.join(os.path.dirname(path), "metrics.jsonl"), "w", encoding="utf-8") as file:
        for step, loss in enumerate(losses, 1):
            print(json.dumps({"step": step, "loss": loss}), file=file)
    model.save({"weights": weights}, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
