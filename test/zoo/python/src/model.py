"""A logistic regression, fitted by Newton's method on a drawn share of the rows."""

import json
import math
import os
import random

from features import STATES, features

TERMS = ("one", "amount_scaled", "days_bend", *STATES[1:])
STEPS = 6


def terms(row):
    """What the model adds up; None for a row that is refused."""
    found = features(row)
    if found is None:
        return None
    return [1.0, found["amount_scaled"], found["days_bend"], *(float(found["state"] == state) for state in STATES[1:])]


def probability(weights, x):
    margin = sum(w * v for w, v in zip(weights, x))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, margin))))


def solve(a, b):
    """x of a x = b, by elimination; a is positive definite."""
    n = len(b)
    a = [[*row, value] for row, value in zip(a, b)]
    for i in range(n):
        for k in range(i + 1, n):
            factor = a[k][i] / a[i][i]
            a[k] = [v - factor * u for u, v in zip(a[i], a[k])]
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (a[i][n] - sum(a[i][k] * x[k] for k in range(i + 1, n))) / a[i][i]
    return x


def step(weights, xs, ys, l2):
    """One step of Newton's method; the log loss before it."""
    n = len(weights)
    gradient = [l2 * w for w in weights]
    hessian = [[l2 * (i == k) for k in range(n)] for i in range(n)]
    loss = 0.0
    for x, y in zip(xs, ys):
        p = probability(weights, x)
        loss -= math.log(p if y == 1 else 1 - p)
        for i in range(n):
            gradient[i] += (p - y) * x[i]
            for k in range(n):
                hessian[i][k] += p * (1 - p) * x[i] * x[k]
    return [w - s for w, s in zip(weights, solve(hessian, gradient))], loss / len(xs)


def fit(rows, seed, l2, share):
    """The weights, and the loss before each step."""
    usable = [(x, int(row["late"])) for row in rows if (x := terms(row)) is not None]
    drawn = random.Random(seed).sample(usable, max(1, round(share * len(usable))))
    xs, ys = [x for x, _ in drawn], [y for _, y in drawn]
    weights, losses = [0.0] * len(TERMS), []
    for _ in range(STEPS):
        weights, loss = step(weights, xs, ys, l2)
        losses.append(loss)
    return weights, losses


def score(weights, row):
    """The probability; None for a row that is refused."""
    x = terms(row)
    return None if x is None else probability(weights, x)


def save(model, path):
    """Whole or not at all."""
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump(model, file)
    os.replace(f"{path}.part", path)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
