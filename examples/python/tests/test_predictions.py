"""How the trained model behaves: what must not matter does not, what must matter does."""

import csv
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Row

from flight_delay.model import Model, sigmoid
from flight_delay.predict import predict, write_trace


def scores(model: Model, rows: list[Row]) -> list[float | None]:
    return [score for _, score in predict(model, rows)]


@pytest.mark.ml_test("monitor-5")
def test_every_score_is_a_probability(model: Model, flights: list[Row]) -> None:
    assert all(
        score is not None and math.isfinite(score) and 0 < score < 1
        for score in scores(model, flights)
    )


@pytest.mark.ml_test("infra-5")
def test_the_order_and_company_of_a_row_do_not_matter(model: Model, flights: list[Row]) -> None:
    expected = {
        row["id"]: score for row, score in zip(flights, scores(model, flights), strict=True)
    }
    shuffled = random.Random(0).sample(flights * 2, 2 * len(flights))
    assert all(score == expected[name] for name, score in predict(model, shuffled))
    assert scores(model, flights[:1]) == [expected[flights[0]["id"]]]


@pytest.mark.ml_test("monitor-5")
def test_a_refused_row_has_no_score_and_leaves_the_others_alone(
    model: Model, ordinary: Row
) -> None:
    bad = ordinary | {"id": "bad", "distance": "nan"}
    first, refused, last = scores(model, [ordinary, bad, ordinary])
    assert refused is None
    assert first == last is not None


@pytest.mark.ml_test("monitor-5")
@pytest.mark.parametrize("column", ["origin_delay", "destination_delay", "route_delay"])
def test_an_unknown_delay_still_gets_a_score(model: Model, ordinary: Row, column: str) -> None:
    assert scores(model, [ordinary | {column: ""}])[0] is not None


@pytest.mark.ml_test("model-6")
def test_a_flight_well_behind_its_usual_time_is_likelier_to_be_late(
    model: Model, flights: list[Row]
) -> None:
    on_time = scores(model, [row | {"minutes_behind_usual": "0"} for row in flights])
    behind = scores(model, [row | {"minutes_behind_usual": "35"} for row in flights])
    assert all(
        a is not None and b is not None and b > a for a, b in zip(on_time, behind, strict=True)
    )


@pytest.mark.ml_test("model-6")
def test_delays_at_the_origin_make_late_flights_likelier(model: Model, flights: list[Row]) -> None:
    quiet = scores(model, [row | {"origin_delay": "-5"} for row in flights])
    busy = scores(model, [row | {"origin_delay": "60"} for row in flights])
    likelier = sum(
        b > a for a, b in zip(quiet, busy, strict=True) if a is not None and b is not None
    )
    assert likelier > 0.95 * len(flights)


@pytest.mark.ml_test("infra-5")
def test_the_steps_of_a_prediction_end_in_the_output(
    tmp_path: Path, model: Model, flights: list[Row], ordinary: Row
) -> None:
    rows = [flights[0], ordinary | {"id": "bad", "distance": "nan"}, flights[1]]
    write_trace(model, rows, tmp_path)
    steps = {}
    for file in sorted(tmp_path.iterdir()):
        with file.open(newline="") as lines:
            steps[file.name] = {row["id"]: row for row in csv.DictReader(lines)}
    assert list(steps) == ["01_features.csv", "02_log_odds.csv", "03_output.csv"]
    name = flights[0]["id"] or ""
    assert list(steps["01_features.csv"]) == [name, flights[1]["id"]]
    assert float(steps["01_features.csv"][name]["distance"]) == float(flights[0]["distance"] or "")
    odds = [float(value) for key, value in steps["02_log_odds.csv"][name].items() if key != "id"]
    assert len(odds) == 1 + len(model.trees)
    output = steps["03_output.csv"]
    assert output["bad"]["score"] == ""
    assert sigmoid(odds[-1]) == float(output[name]["score"]) == scores(model, flights[:1])[0]


def run(module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"flight_delay.{module}", *map(str, arguments)],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        text=True,
    )


@pytest.mark.ml_test("infra-3")
def test_the_commands_of_the_manifest_work_from_end_to_end(tmp_path: Path) -> None:
    model, params, out = tmp_path / "model.json", tmp_path / "params.json", tmp_path / "scores.csv"
    params.write_text(json.dumps({"trees": 3}))
    sample, rows = ROOT / "data/train.csv", ROOT / "data/eval.csv"
    trained = run("train", "--data", sample, "--seed", "7", "--params", params, "--model", model)
    assert trained.returncode == 0, trained.stderr
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").open()]
    assert steps == [0, 1, 2, 3]
    predicted = run("predict", "--model", model, "--in", rows, "--out", out)
    assert predicted.returncode == 0, predicted.stderr
    with out.open(newline="") as file, rows.open(newline="") as source:
        assert [row["id"] for row in csv.DictReader(file)] == [
            row["id"] for row in csv.DictReader(source)
        ]
    table = run("features", "--in", rows, "--out", tmp_path / "features.csv")
    assert table.returncode == 0, table.stderr


@pytest.mark.ml_test("infra-3")
def test_a_wrong_label_or_parameter_ends_in_one_clear_line(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    header = "id,hour,distance,origin_delay,destination_delay,route_delay,minutes_behind_usual,late"
    data.write_text(f"{header}\na,7,300,,,,,perhaps\n")
    failed = run("train", "--data", data, "--seed", "1", "--model", tmp_path / "model.json")
    assert failed.returncode == 1
    assert failed.stderr == f"train: {data}: row a has late 'perhaps', expected 0 or 1\n"
    params = tmp_path / "params.json"
    params.write_text('{"forests": 3}')
    failed = run("train", "--data", data, "--seed", "1", "--params", params, "--model", data)
    assert failed.returncode == 1
    assert "forests" in failed.stderr
    assert "Traceback" not in failed.stderr
