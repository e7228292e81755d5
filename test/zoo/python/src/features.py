"""From a raw row to what the model sees; training, prediction and serving all come through here."""

import csv
import math
import sys

STATES = ("act", "nsw", "vic")
NAMES = ("amount_scaled", "days_bend", "state")


def number(text, low, high):
    """The number in a cell; None where there is none, or one that cannot be."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and low <= value <= high else None


def features(row):
    """The features of a row; None for a row that is refused."""
    amount = number(row.get("amount"), 0, 1000)
    days = number(row.get("days"), 0, 1000)
    if amount is None or days is None or not row.get("state"):
        return None
    return {
        "amount_scaled": (amount - 100) / 10,
        "days_bend": ((days - 60) / 15) ** 2,
        "state": row["state"],
    }


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, names, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    rows = read(sys.argv[1])
    write(sys.argv[2], ("id", *NAMES), [{"id": row["id"], **(features(row) or {})} for row in rows])
