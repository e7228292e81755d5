from pathlib import Path

import pytest

from flight_delay.features import Features
from flight_delay.model import Model, Params, sigmoid, train

Training = tuple[list[Features], list[int]]


@pytest.mark.ml_test("infra-2")
def test_training_lowers_the_loss(training: Training) -> None:
    losses: list[float] = []
    train(*training, seed=1, params=Params(trees=10), report=lambda _, loss: losses.append(loss))
    assert len(losses) == 11
    assert losses[-1] < 0.9 * losses[0]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.ml_test("infra-2")
def test_it_can_learn_a_few_rows_by_heart() -> None:
    rows: list[Features] = [(float(h), 100.0 * h, None, 0.0, 1.0, h % 3) for h in range(24)]
    labels = [h % 2 for h in range(24)]
    params = Params(trees=200, depth=4, learning_rate=0.5, l2=0.1, rows_per_tree=1.0)
    scores = train(rows, labels, seed=1, params=params).scores(rows)
    assert [round(score) for score in scores] == labels


@pytest.mark.ml_test("infra-1")
def test_one_seed_gives_one_model_and_another_seed_another(training: Training) -> None:
    params = Params(trees=5)
    first, again, other = (train(*training, seed=seed, params=params) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.ml_test("infra-2")
def test_a_saved_model_scores_the_same(tmp_path: Path, model: Model, training: Training) -> None:
    model.save(tmp_path / "model.json")
    assert Model.load(tmp_path / "model.json").scores(training[0][:50]) == model.scores(
        training[0][:50]
    )


@pytest.mark.ml_test("infra-2")
def test_a_model_of_another_version_is_refused(tmp_path: Path, model: Model) -> None:
    file = tmp_path / "model.json"
    model.save(file)
    file.write_text(file.read_text().replace('"distance"', '"kilometres"'))
    with pytest.raises(ValueError, match="train again"):
        Model.load(file)


@pytest.mark.ml_test("infra-2")
@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_one_class_teaches_nothing(labels: list[int]) -> None:
    rows: list[Features] = [(1.0, 1.0, None, None, None, None)] * len(labels)
    with pytest.raises(ValueError, match="both classes"):
        train(rows, labels, seed=1, params=Params())


def test_the_sigmoid_never_overflows() -> None:
    assert sigmoid(-1e6) == 0
    assert sigmoid(1e6) == 1
    assert sigmoid(0) == 0.5
