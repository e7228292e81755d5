"""Reference values on real tables for test/stats/peers.test.ts, computed once with Evidently, SciPy, scikit-learn and pandas:

    python3 -m venv VENV && VENV/bin/pip install -r scripts/python/evidently.txt
    npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
    VENV/bin/python scripts/make-stats-peers.py package/data test/stats/fixtures

It writes weather.csv (Seattle, NOAA, public domain), flights.csv (US Bureau of Transportation Statistics, open) and peers.json.
"""
import json
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import evidently
import numpy as np
import pandas as pd
import scipy
import sklearn
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import jensenshannon_stat_test, psi_stat_test
from evidently.legacy.core import ColumnType
from evidently.metrics import MaxValue, MinValue, MissingValueCount
from scipy import stats
from sklearn import linear_model, metrics, preprocessing

source, target = Path(sys.argv[1]), Path(sys.argv[2])
weather = pd.read_csv(source / "seattle-weather.csv")
weather.insert(0, "id", [f"d{i}" for i in range(len(weather))])
flights = pd.read_json(source / "flights-2k.json", convert_dates=False)
flights = flights.sort_values(["date", "origin", "destination"], kind="stable").reset_index(drop=True)
flights.insert(0, "id", [f"f{i}" for i in range(len(flights))])
weather.to_csv(target / "weather.csv", index=False)
flights.to_csv(target / "flights.csv", index=False)


def deciles(values):
    """Inner edges as src/stats/quantile-edges.ts defines them."""
    return sorted(set(np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf").tolist()))


def evidently_drift(reference, current, kind):
    """Evidently's PSI and Jensen-Shannon distance (of base e), by its own functions."""
    return {
        "psi": float(psi_stat_test.func(reference, current, kind, 0.1)[0]),
        "jensen_shannon": float(jensenshannon_stat_test.func(reference, current, kind, 0.1)[0]),
    }


def column_drift(reference, current):
    if reference.dtype == object:
        return evidently_drift(reference, current, ColumnType.Categorical)
    edges = deciles(reference)
    binned = [pd.Series(np.searchsorted(edges, side, side="left").astype(str)) for side in (reference, current)]
    return {
        "edges": edges,
        "own_bins": evidently_drift(reference, current, ColumnType.Numerical),
        **evidently_drift(*binned, ColumnType.Categorical),
        "ks": float(stats.ks_2samp(reference, current).statistic),
    }


def summary(frame, columns):
    """Evidently's own summary of each column, through its report."""
    asked = {"rows": None, "missing": MissingValueCount, "min": MinValue, "max": MaxValue}
    dataset = Dataset.from_pandas(frame[columns], data_definition=DataDefinition(numerical_columns=columns))
    found = {}
    for column in columns:
        found[column] = {}
        for name, metric in asked.items():
            if metric is None:
                found[column][name] = len(frame)
                continue
            value = Report([metric(column=column)]).run(dataset, None).dict()["metrics"][0]["value"]
            found[column][name] = float(value["count"] if isinstance(value, dict) else value)
    return found


def halves(frame, cut, columns):
    reference, current = frame[:cut], frame[cut:]
    numbers = [name for name in columns if frame[name].dtype != object]
    return {
        "cut": cut,
        "drift": {name: column_drift(reference[name].reset_index(drop=True), current[name].reset_index(drop=True)) for name in columns},
        "summary": summary(reference, numbers),
    }


cut = int((weather["date"] < "2014-01-01").sum())
train, held = weather[:cut], weather[cut:]
features = ["temp_max", "temp_min", "wind"]


def design(frame):
    scaled = (frame[features] - train[features].mean()) / train[features].std(ddof=0)
    return np.clip(scaled.to_numpy(), -5, 5)


rain = [(side["precipitation"] > 0).astype(int).to_numpy() for side in (train, held)]
ridge = 1e-3 * len(train)
logistic = linear_model.LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000).fit(design(train), rain[0])
linear = linear_model.Ridge(alpha=ridge).fit(design(train), train["precipitation"])


def single(frame, name):
    """The binned mean of the label, drawn to the mean of all by ten rows: scikit-learn's TargetEncoder."""
    ordered = np.sort(train[name])
    edges = np.unique(ordered[(np.arange(1, 10) * len(ordered)) // 10])
    bins = [np.searchsorted(edges, side[name], side="left").reshape(-1, 1) for side in (train, frame)]
    return preprocessing.TargetEncoder(smooth=10, target_type="continuous").fit(bins[0], rain[0]).transform(bins[1]).ravel()


probability = logistic.predict_proba(design(held))[:, 1]
amount = linear.predict(design(held))
months = held["date"].str[5:7].astype(int)
monthly = weather.assign(month=weather["date"].str[:7], wind=-weather["wind"]).groupby("month")[["temp_max", "wind"]].mean().round(4)
some, many = monthly[:7], monthly[:24]


def exact_p(frame):
    """Share of all orders whose rank correlation is at least as large."""
    rho = lambda x: stats.spearmanr(x, frame["wind"]).statistic
    found = stats.permutation_test((frame["temp_max"],), rho, permutation_type="pairings", alternative="greater", n_resamples=20_000, rng=1)
    return float(found.pvalue)


def correlation(frame):
    rho = float(stats.spearmanr(frame["temp_max"], frame["wind"]).statistic)
    return {"a": frame["temp_max"].tolist(), "b": frame["wind"].tolist(), "rho": rho, "p": exact_p(frame)}


def cramers_v(a, b):
    """With the correction of Bergsma (2013), from SciPy's chi-square."""
    table = pd.crosstab(a, b).to_numpy()
    n, (r, k) = table.sum(), table.shape
    phi = max(0, stats.chi2_contingency(table, correction=False).statistic / n - (k - 1) * (r - 1) / (n - 1))
    corrected = [m - (m - 1) ** 2 / (n - 1) for m in (r, k)]
    return float(np.sqrt(phi / (min(corrected) - 1)))


# Through single precision, and there some digits are lost.
again = ((weather["temp_max"] + 273.15).astype("float32").astype("float64") - 273.15).round(9)
same = np.abs(again - weather["temp_max"]) <= 1e-12 + 1e-6 * np.maximum(np.abs(again), np.abs(weather["temp_max"]))

out = {
    "versions": {"evidently": evidently.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "pandas": pd.__version__, "numpy": np.__version__},
    "weather": halves(weather, cut, ["precipitation", "temp_max", "temp_min", "wind", "weather"]),
    "flights": halves(flights, 1000, ["delay", "distance", "origin", "destination"]),
    "metrics": {
        "auc": metrics.roc_auc_score(rain[1], probability),
        "accuracy": metrics.accuracy_score(rain[1], probability >= 0.5),
        "f1": metrics.f1_score(rain[1], probability >= 0.5),
        "log_loss": metrics.log_loss(rain[1], probability),
        "rmse": float(metrics.mean_squared_error(held["precipitation"], amount) ** 0.5),
        "mae": metrics.mean_absolute_error(held["precipitation"], amount),
        "r2": metrics.r2_score(held["precipitation"], amount),
        "auc_by_month": [metrics.roc_auc_score(rain[1][months == m], probability[months == m]) for m in range(1, 13)],
    },
    "baselines": {
        "constant": float(rain[0].mean()),
        "logistic": probability.tolist(),
        "linear": amount.tolist(),
        "single": {name: single(held, name).tolist() for name in features},
    },
    "spearman": [correlation(some), correlation(many)],
    "association": {
        "weather_temp_max": cramers_v(weather["weather"], np.searchsorted(deciles(weather["temp_max"]), weather["temp_max"], side="left")),
        "temp_max_temp_min": cramers_v(*(np.searchsorted(deciles(weather[name]), weather[name], side="left") for name in ("temp_max", "temp_min"))),
    },
    "differences": {"again": again.tolist(), "differing": int((~same).sum())},
    "schema": {
        "above_five": float((held["temp_max"] > 5).mean()),
        "outside": float(((held["wind"] < 1) | (held["wind"] > 7)).mean()),
        "fractions": float((held["precipitation"] % 1 != 0).mean()),
        "unseen": float((~held["weather"].isin(["sun", "rain"])).mean()),
    },
}
(target / "peers.json").write_text(json.dumps(out) + "\n")
