import pytest

from features import features, read, write

pytestmark = pytest.mark.ml_test("data-7")


def test_an_ordinary_row():
    row = {"amount": "110", "days": "45", "state": "vic"}
    assert features(row) == {"amount_scaled": 1.0, "days_bend": 1.0, "state": "vic"}


@pytest.mark.parametrize("column", ["amount", "days", "state"])
@pytest.mark.parametrize("cell", ["", None])
def test_a_row_that_lacks_something_is_refused(column, cell):
    assert features({"amount": "110", "days": "45", "state": "vic", column: cell}) is None


@pytest.mark.parametrize("cell", ["much", "nan", "inf", "-1", "1e300"])
def test_an_amount_that_cannot_be_is_refused(cell):
    assert features({"amount": cell, "days": "45", "state": "vic"}) is None


def test_what_is_written_is_read_again(tmp_path):
    write(tmp_path / "rows.csv", ("id", "amount"), [{"id": "a", "amount": 3}, {"id": "b"}])
    assert read(tmp_path / "rows.csv") == [{"id": "a", "amount": "3"}, {"id": "b", "amount": ""}]
