"""Reference values for test/stats, computed once with SciPy, scikit-learn and pymannkendall:

    python3 -m venv VENV && VENV/bin/pip install scipy scikit-learn pymannkendall
    VENV/bin/python scripts/make-stats-reference.py > test/stats/fixtures/reference.json
"""
import json
import math
import sys

import numpy as np
import pymannkendall
import scipy
import sklearn
from scipy import optimize, special, stats
from scipy.spatial.distance import jensenshannon
from sklearn import calibration, linear_model, metrics

rng = np.random.default_rng(20261123)
n = 600
# Rounded so that scores tie and every value survives JSON.
y = (rng.random(n) < 0.35).astype(int)
score = np.round(np.clip(0.35 + 0.2 * (y - 0.35) + 0.2 * rng.standard_normal(n), 0, 1), 2)
value = np.round(10 + 3 * rng.standard_normal(n), 4)
guess = np.round(value + rng.standard_normal(n), 4)
reference = np.round(2 + 1.6 * rng.standard_normal(n), 3)
current = np.round(2.4 + 1.6 * rng.standard_normal(450), 3)
messy = [float(v) for v in reference[:50]]

features = np.round(rng.standard_normal((n, 3)), 4)


def ridge_logistic(x, t, ridge):
    """Minimum of the penalised log-likelihood that src/stats/linear-model.ts defines."""
    design = np.c_[np.ones(len(x)), x]

    def loss(beta):
        z = design @ beta
        return np.sum(np.logaddexp(0, z) - t * z) + 0.5 * ridge * len(x) * np.sum(beta[1:] ** 2)

    return optimize.minimize(loss, np.zeros(design.shape[1]), method="BFGS", options={"gtol": 1e-9}).x


target = (features @ [1.0, -0.5, 0.0] + rng.standard_normal(n) > 0).astype(int)
counts_a, counts_b = [120, 80, 40, 10, 0], [90, 100, 45, 15, 5]


def psi(a, b):
    p = (np.array(a) + 0.5) / (np.sum(a) + 0.5 * len(a))
    q = (np.array(b) + 0.5) / (np.sum(b) + 0.5 * len(b))
    return float(np.sum((q - p) * np.log(q / p)))


def calibration_error(labels, scores, bins=10):
    """Equal-mass bins; equal scores go where the first of them goes."""
    first = stats.rankdata(scores, method="min") - 1
    bin_of = (first * bins) // len(scores)
    gaps = [np.mean(bin_of == b) * abs(scores[bin_of == b].mean() - labels[bin_of == b].mean()) for b in set(bin_of)]
    return float(np.sum(gaps))


# Another stream, so that what was drawn before stays as it was.
late = np.random.default_rng(20261124)
untied = np.round(late.random(n), 9)
happened = (late.random(n) < untied**1.3).astype(int)
shares_true, shares_said = calibration.calibration_curve(happened, untied, n_bins=10, strategy="quantile")
series = {
    "flat": np.round(100 + 4 * late.standard_normal(30), 3),
    "leak": np.round(100 + np.arange(30) + 4 * late.standard_normal(30), 3),
    "tied": np.round(late.standard_normal(24)),
    "falling": np.array([9.0, 8, 8, 7, 7, 6, 7, 5, 4, 4, 2, 1]),
}


# Four classes; "ant" is rare, "elk" is answered and never true.
many = np.random.default_rng(20261125)
classes = ["ant", "bee", "cat", "dog"]
truth = many.choice(classes, 400, p=[0.06, 0.34, 0.3, 0.3])
raw = many.random((400, 4)) + 0.6 * (truth[:, None] == np.array(classes))
shares = np.round(raw / raw.sum(axis=1, keepdims=True), 3)
shares[:, 3] = np.round(1 - shares[:, :3].sum(axis=1), 3)
named = np.array(classes)[shares.argmax(axis=1)]
named[::50] = "elk"


def trend(values):
    found = pymannkendall.original_test(values)
    return {
        "values": values.tolist(),
        "s": found.s,
        "z": found.z,
        "p": found.p,
        "slope": stats.theilslopes(values)[0],
        "mad": stats.median_abs_deviation(values, scale="normal"),
        "median": float(np.median(values)),
    }


ridge = linear_model.Ridge(alpha=1e-3 * n).fit(features, value)
out = {
    "versions": {"python": sys.version.split()[0], "numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "pymannkendall": pymannkendall.__version__},
    "binary": {
        "y": y.tolist(),
        "score": score.tolist(),
        "auc": metrics.roc_auc_score(y, score),
        "accuracy": metrics.accuracy_score(y, score >= 0.5),
        "f1": metrics.f1_score(y, score >= 0.5),
        "log_loss": metrics.log_loss(y, np.clip(score, 2**-52, 1 - 2**-52)),
    },
    "multiclass": {
        "classes": classes,
        "y": truth.tolist(),
        "prediction": named.tolist(),
        "shares": shares.tolist(),
        # "elk" is no class of the labels: it is wrong, and has no score of its own.
        "f1": metrics.f1_score(truth, named, labels=classes, average="macro"),
        "auc": metrics.roc_auc_score(truth, shares, multi_class="ovr", average="macro", labels=classes),
        "without_ant": metrics.f1_score(truth[truth != "ant"], named[truth != "ant"], labels=classes, average="macro"),
    },
    "regression": {
        "y": value.tolist(),
        "score": guess.tolist(),
        "rmse": math.sqrt(metrics.mean_squared_error(value, guess)),
        "mae": metrics.mean_absolute_error(value, guess),
        "r2": metrics.r2_score(value, guess),
    },
    "columns": {
        "reference": reference.tolist(),
        "current": current.tolist(),
        "ks": stats.ks_2samp(reference, current).statistic,
        "deciles": np.quantile(reference, np.arange(1, 10) / 10, method="inverted_cdf").tolist(),
        "distinct": int(len(set(reference.tolist()))),
    },
    "counts": {
        "a": counts_a,
        "b": counts_b,
        "psi": psi(counts_a, counts_b),
        "jensen_shannon": float(jensenshannon(counts_a, counts_b, base=2)),
    },
    "linear": {
        "x": features.tolist(),
        "value": value.tolist(),
        "target": target.tolist(),
        "ridge": [float(ridge.intercept_), *ridge.coef_.tolist()],
        "logistic": ridge_logistic(features, target, 1e-3).tolist(),
    },
    "chi_square_isf": [[tail, df, stats.chi2.isf(tail, df)] for tail in (0.5, 0.05, 0.01, 0.0002) for df in (1, 2, 9, 30)],
    "normal_cdf": [[z, stats.norm.cdf(z)] for z in (-6.0, -1.96, -0.3, 0.0, 0.5, 3.0)],
    "normal_ppf": [[p, stats.norm.ppf(p)] for p in (1e-6, 0.025, 0.5, 0.9, 0.995)],
    "log_gamma": [[x, math.lgamma(x)] for x in (0.3, 0.5, 1.0, 4.5, 30.0)],
    "wilson": [[k, m, *stats.binomtest(k, m).proportion_ci(0.95, method="wilson")] for k, m in ((0, 10), (3, 10), (50, 100), (999, 1000))],
    "holm": {"p": [0.01, 0.04, 0.03, 0.005], "adjusted": [0.03, 0.06, 0.06, 0.02]},
    "calibration": {
        "tied": calibration_error(y, score),
        "untied": {"y": happened.tolist(), "score": untied.tolist(), "ece": calibration_error(happened, untied)},
        # Bins of 60 rows each: the mean over bins is the mean over rows.
        "scikit_learn": float(np.mean(np.abs(shares_true - shares_said))),
    },
    "trends": {name: trend(values) for name, values in series.items()},
    "incomplete_beta": [[x, a, b, special.betainc(a, b, x)] for x in (0.001, 0.3, 0.5, 0.97) for a, b in ((0.5, 0.5), (2.5, 0.5), (8, 3), (60, 0.5))],
    "student_t": [[t, df, stats.t.sf(t, df)] for t in (-1.5, 0.0, 0.7, 3.0, 12.0) for df in (1, 5, 11.4, 40)],
    "student_t_isf": [[tail, df, stats.t.isf(tail, df)] for tail in (0.4, 0.005, 1e-5) for df in (2, 5, 17, 200)],
    "shift": {
        "reference": messy[:12],
        "served": messy[20:26],
        "p": float(2 * stats.t.sf(abs((np.mean(messy[20:26]) - np.mean(messy[:12])) / (np.std(messy[:12], ddof=1) * math.sqrt(1 / 12 + 1 / 6))), 11)),
    },
    "bootstrap_auc_se": float(np.std([metrics.roc_auc_score(y[i], score[i]) for i in (rng.integers(0, n, n) for _ in range(4000))], ddof=1)),
}
json.dump(out, sys.stdout)
print()
