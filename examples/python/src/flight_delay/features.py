"""From raw rows to feature values. Training and serving both use this module and no other.

A row is refused (None) when it cannot describe a flight: no distance, an hour outside 0 to 23,
a number that is not finite. Unknown recent delays are ordinary (no flight landed lately) and stay
None inside the row; the model has learnt what they mean.
"""

import argparse
import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

RAW = (
    "hour",
    "distance",
    "origin_delay",
    "destination_delay",
    "route_delay",
    "minutes_behind_usual",
)
NAMES = ("operating_hour", *RAW[1:])
LABEL = "late"
COLUMNS = ("id", *RAW, LABEL)

DAY_STARTS_AT = 4
"""Hour at which an airport's day begins: flights after midnight belong to the evening before."""

LONGEST_FLIGHT_MILES = 10_000
LONGEST_DELAY_MINUTES = 2 * 24 * 60

Features = tuple[float | None, ...]


def number(text: str | None) -> float | None:
    """The finite number that the cell holds; None for an empty cell.

    Raises ValueError for anything else, NaN and infinity included.
    """
    if text is None or not text.strip():
        return None
    value = float(text)
    if not math.isfinite(value):
        message = f"not a finite number: {text}"
        raise ValueError(message)
    return value


def operating_hour(hour: float) -> float:
    """Hours since four in the morning, 0 to 23: 05 is 1, 23 is 19, 01 is 21."""
    return (hour - DAY_STARTS_AT) % 24


def delay(text: str | None) -> float | None:
    """A delay in minutes, None when unknown; ValueError when no flight is that late or early."""
    minutes = number(text)
    if minutes is not None and abs(minutes) > LONGEST_DELAY_MINUTES:
        message = f"{minutes} minutes is no delay"
        raise ValueError(message)
    return minutes


def features_of(row: Mapping[str, str | None]) -> Features | None:
    """Feature values in the order of NAMES; None when the row must be refused."""
    try:
        hour = number(row.get("hour"))
        distance = number(row.get("distance"))
        delays = tuple(delay(row.get(name)) for name in RAW[2:])
    except ValueError:
        return None
    if hour is None or not 0 <= hour <= 23:  # noqa: PLR2004
        return None
    if distance is None or not 0 < distance <= LONGEST_FLIGHT_MILES:
        return None
    return (operating_hour(hour), distance, *delays)


def rows_of(lines: Iterable[str], source: str) -> Iterator[dict[str, str | None]]:
    """The id, the raw features and the label, if there is one, of each row of a CSV text.

    Other columns are skipped, a short row has None.
    Raises ValueError when a column is missing, before any row is read.
    """
    reader = csv.reader(lines)
    header = next(reader, [])
    missing = [name for name in ("id", *RAW) if name not in header]
    if missing:
        message = f"{source} has no column {', '.join(missing)}"
        raise ValueError(message)
    wanted = [(name, header.index(name)) for name in COLUMNS if name in header]
    for cells in reader:
        if cells:
            yield {name: cells[i] if i < len(cells) else None for name, i in wanted}


def read_rows(path: Path) -> Iterator[dict[str, str | None]]:
    """The rows of a CSV file, as rows_of gives them; a byte-order mark is skipped."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from rows_of(file, str(path))


def write_features(rows: Iterable[Mapping[str, str | None]], path: Path) -> None:
    """Writes id and features; a refused row keeps its id and has empty values."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", *NAMES))
        for row in rows:
            values = features_of(row) or (None,) * len(NAMES)
            writer.writerow((row["id"], *values))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compute the features of raw rows.")
    parser.add_argument("--in", dest="source", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_features(read_rows(options.source), options.out)


if __name__ == "__main__":
    main()
