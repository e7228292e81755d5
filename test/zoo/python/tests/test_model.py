import pytest

import model

pytestmark = pytest.mark.ml_test("infra-2")

ROWS = [
    {"amount": str(amount), "days": str(days), "state": "act", "late": str(int(amount > 100))}
    for amount in (80, 90, 110, 120)
    for days in (40, 60, 80)
]


def test_the_loss_falls():
    _, losses = model.fit(ROWS, 1, 1.0, 1.0)
    assert losses == sorted(losses, reverse=True)


def test_more_owed_is_later():
    weights, _ = model.fit(ROWS, 1, 1.0, 1.0)
    low, high = (model.score(weights, {**ROWS[0], "amount": amount}) for amount in ("80", "120"))
    assert low < 0.5 < high


def test_a_saved_model_is_the_same_when_it_is_loaded(tmp_path):
    model.save({"weights": [0.1, 1 / 3]}, tmp_path / "model")
    assert model.load(tmp_path / "model") == {"weights": [0.1, 1 / 3]}
