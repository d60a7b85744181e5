"""What a forecast has to beat: rules without training, numpy only.

Each takes histories float [products, weeks] in pieces and returns one number a product for all
weeks ahead, with the standard deviation of what it missed so far, both float64 [products].
Described in Hyndman and Athanasopoulos, Forecasting: Principles and Practice, chapters 5 and 8.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rule = Callable[[Array], tuple[Array, Array]]


def naive(x: Array) -> tuple[Array, Array]:
    """The last week again."""
    errors = np.diff(x, axis=1)
    return x[:, -1].copy(), _deviation(errors)


def mean_26(x: Array) -> tuple[Array, Array]:
    """The mean of the last 26 weeks."""
    return mean_all(x[:, -26:])


def mean_all(x: Array) -> tuple[Array, Array]:
    """The mean of all weeks."""
    mean = np.nanmean(x, axis=1)
    return mean, _deviation(x - mean[:, None])


def smoothing(x: Array, rate: float = 0.3) -> tuple[Array, Array]:
    """Simple exponential smoothing, beginning at the first week."""
    level = np.full(len(x), np.nan)
    errors = np.full(x.shape, np.nan)
    for week in range(x.shape[1]):
        errors[:, week] = x[:, week] - level
        level = np.where(np.isnan(level), x[:, week], level + rate * np.nan_to_num(errors[:, week]))
    return level, _deviation(errors)


def _deviation(errors: Array) -> Array:
    deviation: Array = np.sqrt(np.nanmean(errors**2, axis=1))
    return deviation


BASELINES: dict[str, Rule] = {
    "naive": naive,
    "mean of 26 weeks": mean_26,
    "mean of all weeks": mean_all,
    "exponential smoothing 0.3": smoothing,
}
