"""What a forecast has to beat: simple rules, and statsforecast's methods where it is installed.

Each rule takes histories, float64 [products, weeks] in pieces (NaN before a product's first week),
and the number of weeks ahead, and returns float64 [products, weeks ahead, 4]: mean, low, median
and high, in pieces, none below zero. Low and high hold 80% between them if what was missed
so far was normally distributed. The rules are described in Hyndman and Athanasopoulos,
Forecasting: Principles and Practice, chapters 5 and 8.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.forecast.counts import quantiles

Array = NDArray[np.float64]
Rule = Callable[[Array, int], Array]

EIGHT_IN_TEN = 1.2816  # standard deviations to each side that hold 80% of a normal distribution
RECENT = 26  # weeks


def naive(x: Array, ahead: int) -> Array:
    """The last week again; what it may miss grows with the root of the weeks ahead."""
    x = _filled(x)
    deviation = _deviation(np.diff(x, axis=1))[:, None] * np.sqrt(np.arange(1, ahead + 1))
    return _normal(x[:, -1:], deviation)


def mean_26(x: Array, ahead: int) -> Array:
    """The mean of the last 26 weeks."""
    return mean_all(_filled(x)[:, -RECENT:], ahead)


def poisson_26(x: Array, ahead: int) -> Array:
    """Chance around the mean of the last 26 weeks: the strongest simple rule in calm times."""
    mean = np.nanmean(_filled(x)[:, -RECENT:], axis=1)
    low, median, high = np.moveaxis(quantiles(mean, 1.0), -1, 0)
    made = np.stack([mean, low, np.round(median), high], axis=-1)
    return np.repeat(made[:, None], ahead, axis=1)


def mean_all(x: Array, ahead: int) -> Array:
    """The mean of all weeks."""
    mean = np.nanmean(x, axis=1)[:, None]
    return _normal(np.repeat(mean, ahead, axis=1), _deviation(x - mean)[:, None])


def smoothing(x: Array, ahead: int, rate: float = 0.3) -> Array:
    """Simple exponential smoothing, beginning at the first week."""
    level = np.full(len(x), np.nan)
    errors = np.full(x.shape, np.nan)
    for week in range(x.shape[1]):
        errors[:, week] = x[:, week] - level
        level = np.where(np.isnan(level), x[:, week], level + rate * np.nan_to_num(errors[:, week]))
    growth = np.sqrt(1 + rate**2 * np.arange(ahead))
    return _normal(np.repeat(level[:, None], ahead, axis=1), _deviation(errors)[:, None] * growth)


def _filled(x: Array) -> Array:
    """Weeks of which nothing is known are taken for the week before, once there is one."""
    filled = x.copy()
    for week in range(1, x.shape[1]):
        filled[:, week] = np.where(np.isnan(x[:, week]), filled[:, week - 1], x[:, week])
    return filled


def _deviation(errors: Array) -> Array:
    deviation: Array = np.sqrt(np.nanmean(errors**2, axis=1))
    return deviation


def _normal(mean: Array, deviation: Array) -> Array:
    mean, deviation = np.broadcast_arrays(mean, deviation)
    width = EIGHT_IN_TEN * deviation
    return np.maximum(np.stack([mean, mean - width, mean, mean + width], axis=-1), 0)


RULES: dict[str, Rule] = {
    "naive": naive,
    "mean of 26 weeks": mean_26,
    "mean of 26 weeks, as a Poisson distribution": poisson_26,
    "mean of all weeks": mean_all,
    "exponential smoothing 0.3": smoothing,
}


def baselines() -> dict[str, Rule]:
    """The rules above, and five methods of statsforecast if it is installed."""
    if importlib.util.find_spec("statsforecast") is None:
        return dict(RULES)
    from statsforecast import models

    methods = {
        "AutoETS": models.AutoETS(season_length=1),
        "DynamicOptimizedTheta": models.DynamicOptimizedTheta(season_length=1),
        "CES": models.AutoCES(season_length=1),
        "Croston": models.CrostonClassic(),
        "TSB": models.TSB(alpha_d=0.2, alpha_p=0.2),
    }
    return RULES | {name: _wrap(method) for name, method in methods.items()}


def _wrap(method: Any) -> Rule:
    """One product at a time; Croston and TSB know no interval and get one from recent misses."""
    has_interval = type(method).__name__ not in ("CrostonClassic", "TSB")

    def rule(x: Array, ahead: int) -> Array:
        out = np.empty((len(x), ahead, 4))
        for row, series in enumerate(x):
            known = series[~np.isnan(series)]
            if has_interval and np.ptp(known) > 0:
                made = method.forecast(known, ahead, level=[80])
                quantiles = (made["lo-80"], made["mean"], made["hi-80"])
                out[row] = np.stack([made["mean"], *quantiles], axis=-1)
            else:  # these methods fail or divide by zero on constant histories
                mean = method.forecast(known, ahead)["mean"] if known.any() else np.zeros(ahead)
                missed = _deviation(known[None, -RECENT:] - mean[0])
                out[row] = _normal(np.asarray(mean, float)[None], missed[:, None])[0]
        return np.maximum(np.nan_to_num(out), 0)

    return rule
