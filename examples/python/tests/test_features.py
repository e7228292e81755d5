from pathlib import Path

import pytest
from conftest import Row

from flight_delay.features import NAMES, features_of, operating_hour, read_rows, write_features

pytestmark = pytest.mark.ml_test("data-7")


@pytest.mark.parametrize(("hour", "expected"), [(4, 0), (5, 1), (23, 19), (0, 20), (3, 23)])
def test_the_operating_day_begins_at_four_and_runs_past_midnight(hour: int, expected: int) -> None:
    assert operating_hour(hour) == expected


def test_values_keep_their_order_and_unknown_delays_stay_unknown(ordinary: Row) -> None:
    row = ordinary | {"origin_delay": "12.5", "destination_delay": "", "route_delay": None}
    assert features_of(row) == (6.0, 600.0, 12.5, None, None, 0.0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("hour", "24"),
        ("hour", "-1"),
        ("hour", ""),
        ("distance", "0"),
        ("distance", "-600"),
        ("distance", "60000"),
        ("distance", "far"),
        ("distance", None),
        ("origin_delay", "nan"),
        ("destination_delay", "inf"),
        ("route_delay", "-1e308"),
        ("minutes_behind_usual", "late"),
    ],
)
def test_an_impossible_row_is_refused(ordinary: Row, column: str, value: str | None) -> None:
    assert features_of(ordinary | {column: value}) is None


def test_a_column_that_is_no_feature_changes_nothing(ordinary: Row) -> None:
    assert features_of(ordinary | {"region": "atlantis", "origin": "???"}) == features_of(ordinary)


def test_a_file_may_have_a_byte_order_mark_other_columns_and_short_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    header = "note,distance,hour,id,origin_delay,destination_delay,route_delay,minutes_behind_usual"
    file.write_bytes(
        b"\xef\xbb\xbf" + f"{header}\r\nx,300,7,a,1,2,3,4\r\n\r\ny,300,7,b\r\n".encode()
    )
    rows = list(read_rows(file))
    assert [features_of(row) for row in rows] == [
        (3.0, 300.0, 1.0, 2.0, 3.0, 4.0),
        (3.0, 300.0, None, None, None, None),
    ]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("id,hour\na,7\n")
    with pytest.raises(ValueError, match="has no column distance, origin_delay"):
        list(read_rows(file))


def test_the_written_table_has_every_id_and_empty_values_for_a_refused_row(
    tmp_path: Path, ordinary: Row
) -> None:
    file = tmp_path / "features.csv"
    write_features([ordinary, ordinary | {"id": "b", "hour": "99"}], file)
    assert file.read_text() == (f"id,{','.join(NAMES)}\na,6.0,600.0,0.0,0.0,0.0,0.0\nb,,,,,,\n")
