"""Gradient boosting of small symmetric trees, in the standard library alone.

Every level of a tree asks one question ("is feature f in bin b or above?") of all rows, so a tree
of depth 3 is three questions and a table of eight values. Values are binned once by the training
quantiles; a missing value has bin 0, which a tree can tell from all others.
"""

import json
import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from flight_delay.features import NAMES, Features

FORMAT = 1

Split = tuple[int, int]
"""Feature number and the first bin that answers yes."""


@dataclass(frozen=True)
class Params:
    """Hyperparameters; chosen on the last fifth of the training table, see MODEL_CARD.md."""

    trees: int = 60
    depth: int = 3
    learning_rate: float = 0.15
    bins: int = 24
    l2: float = 5.0
    rows_per_tree: float = 0.7


@dataclass(frozen=True)
class Tree:
    """Questions from the first to the last, and the value of each combination of answers."""

    splits: tuple[Split, ...]
    leaves: tuple[float, ...]


@dataclass(frozen=True)
class Model:
    """A trained model: bin edges of each feature, the log odds to start from, and the trees."""

    edges: tuple[tuple[float, ...], ...]
    start: float
    trees: tuple[Tree, ...]

    def margins(self, rows: Sequence[Features]) -> Iterator[list[float]]:
        """Log odds of each row: those to start from, then those after each tree."""
        columns = binned(rows, self.edges)
        margins = [self.start] * len(rows)
        yield margins
        for tree in self.trees:
            leaves = tree.leaves
            margins = [
                margin + leaves[leaf]
                for margin, leaf in zip(margins, leaf_numbers(columns, tree.splits), strict=True)
            ]
            yield margins

    def scores(self, rows: Sequence[Features]) -> list[float]:
        """Probability that each row arrives late; its neighbours never change a row's score."""
        margins: list[float] = []
        for margins in self.margins(rows):  # noqa: B007 the last are wanted
            pass
        return [sigmoid(margin) for margin in margins]

    def save(self, path: Path) -> None:
        document = {"format": FORMAT, "features": NAMES, **asdict(self)}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: Path) -> "Model":
        """Reads a saved model; ValueError when it is one of other features or another format."""
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("format") != FORMAT or tuple(document["features"]) != NAMES:
            message = f"{path} was not written by this version of flight_delay: train again"
            raise ValueError(message)
        trees = (
            Tree(tuple((f, b) for f, b in tree["splits"]), tuple(tree["leaves"]))
            for tree in document["trees"]
        )
        return Model(tuple(map(tuple, document["edges"])), document["start"], tuple(trees))


def sigmoid(margin: float) -> float:
    return 1 / (1 + math.exp(-margin)) if margin >= 0 else 1 - 1 / (1 + math.exp(margin))


def quantile_edges(values: Sequence[float | None], bins: int) -> tuple[float, ...]:
    """Distinct values that cut the known ones into at most `bins` groups of about equal size."""
    known = sorted(value for value in values if value is not None)
    cuts = {known[len(known) * i // bins] for i in range(1, bins)} if known else set()
    return tuple(sorted(cuts - set(known[:1])))


def binned(rows: Sequence[Features], edges: Sequence[Sequence[float]]) -> list[list[int]]:
    """One list of bin numbers for each feature; 0 is missing."""
    return [
        [0 if (value := row[f]) is None else bisect_right(cuts, value) + 1 for row in rows]
        for f, cuts in enumerate(edges)
    ]


def leaf_numbers(columns: Sequence[Sequence[int]], splits: Sequence[Split]) -> list[int]:
    """The leaf of each row: answers read as a binary number, first question first."""
    leaves = [0] * len(columns[0])
    for feature, first in splits:
        leaves = [
            2 * leaf + (value >= first)
            for leaf, value in zip(leaves, columns[feature], strict=True)
        ]
    return leaves


def best_split(  # noqa: PLR0913, PLR0917 the inner loop of training: plain columns are fastest
    columns: Sequence[Sequence[int]],
    leaves: Sequence[int],
    leaf_count: int,
    gradients: Sequence[float],
    hessians: Sequence[float],
    params: Params,
) -> Split:
    """The question that, asked in all leaves at once, lowers the loss most (second order)."""
    width = params.bins + 1
    best, best_gain = (0, 1), -math.inf
    offsets = [leaf * width for leaf in leaves]
    for feature, column in enumerate(columns):
        g, h = [0.0] * (leaf_count * width), [0.0] * (leaf_count * width)
        for offset, value, gradient, hessian in zip(
            offsets, column, gradients, hessians, strict=True
        ):
            g[offset + value] += gradient
            h[offset + value] += hessian
        gains = [0.0] * width
        for start in range(0, leaf_count * width, width):
            g_all, h_all = sum(g[start : start + width]), sum(h[start : start + width])
            g_low = h_low = 0.0
            for first in range(1, width):
                g_low += g[start + first - 1]
                h_low += h[start + first - 1]
                gains[first] += g_low**2 / (h_low + params.l2)
                gains[first] += (g_all - g_low) ** 2 / (h_all - h_low + params.l2)
        for first in range(1, width):
            if gains[first] > best_gain + 1e-12:
                best, best_gain = (feature, first), gains[first]
    return best


def grow(
    columns: Sequence[Sequence[int]],
    gradients: Sequence[float],
    hessians: Sequence[float],
    params: Params,
) -> Tree:
    """One symmetric tree for the given gradients, leaf values already shrunk."""
    splits: list[Split] = []
    leaves = [0] * len(gradients)
    for level in range(params.depth):
        split = best_split(columns, leaves, 2**level, gradients, hessians, params)
        splits.append(split)
        leaves = leaf_numbers(columns, splits)
    g, h = [0.0] * 2**params.depth, [0.0] * 2**params.depth
    for leaf, gradient, hessian in zip(leaves, gradients, hessians, strict=True):
        g[leaf] += gradient
        h[leaf] += hessian
    values = (-params.learning_rate * a / (b + params.l2) for a, b in zip(g, h, strict=True))
    return Tree(tuple(splits), tuple(values))


def log_loss(labels: Sequence[int], margins: Sequence[float]) -> float:
    """Mean negative log likelihood, in nats, without overflow at any margin."""
    terms = (
        max(margin, 0.0) - margin * label + math.log1p(math.exp(-abs(margin)))
        for label, margin in zip(labels, margins, strict=True)
    )
    return math.fsum(terms) / len(labels)


def train(
    rows: Sequence[Features],
    labels: Sequence[int],
    seed: int,
    params: Params,
    report: Callable[[int, float], None] = lambda _step, _loss: None,
) -> Model:
    """Fits the model; `report` hears the training loss before the first tree and after each.

    Raises ValueError without rows or with one class only: there is nothing to learn then.
    """
    if len(set(labels)) < 2:  # noqa: PLR2004
        message = "training needs rows of both classes"
        raise ValueError(message)
    edges = tuple(quantile_edges([row[f] for row in rows], params.bins) for f in range(len(NAMES)))
    columns = binned(rows, edges)
    rate = sum(labels) / len(labels)
    start = math.log(rate / (1 - rate))
    margins = [start] * len(rows)
    chooser = random.Random(seed)  # noqa: S311 sampling, not security
    trees: list[Tree] = []
    report(0, log_loss(labels, margins))
    for step in range(1, params.trees + 1):
        chosen = sorted(chooser.sample(range(len(rows)), round(params.rows_per_tree * len(rows))))
        scores = [sigmoid(margins[i]) for i in chosen]
        tree = grow(
            [[column[i] for i in chosen] for column in columns],
            [score - labels[i] for score, i in zip(scores, chosen, strict=True)],
            [score * (1 - score) for score in scores],
            params,
        )
        trees.append(tree)
        for i, leaf in enumerate(leaf_numbers(columns, tree.splits)):
            margins[i] += tree.leaves[leaf]
        report(step, log_loss(labels, margins))
    return Model(edges, start, tuple(trees))
