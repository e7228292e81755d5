import csv
from pathlib import Path

import pytest

from flight_delay.features import Features
from flight_delay.model import Model, Params, train
from flight_delay.train import labelled_rows

ROOT = Path(__file__).parent.parent

Row = dict[str, str | None]


@pytest.fixture(scope="session")
def flights() -> list[Row]:
    """The first 400 evaluation rows, as text."""
    with (ROOT / "data/eval.csv").open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)][:400]


@pytest.fixture(scope="session")
def training() -> tuple[list[Features], list[int]]:
    """Every second training row and its label: enough to learn from, quick to train on."""
    rows, labels = labelled_rows(ROOT / "data/train.csv")
    return rows[::2], labels[::2]


@pytest.fixture(scope="session")
def model(training: tuple[list[Features], list[int]]) -> Model:
    return train(*training, seed=1, params=Params(trees=30))


@pytest.fixture
def ordinary() -> Row:
    """A flight on which nothing is remarkable."""
    return {
        "id": "a",
        "hour": "10",
        "distance": "600",
        "origin_delay": "0",
        "destination_delay": "0",
        "route_delay": "0",
        "minutes_behind_usual": "0",
    }
