"""What a forecast is worth: figures next to baselines, on any table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.forecast.baselines import baselines
from ml.forecast.data import SalesTable
from ml.forecast.serve import MIN_HISTORY, ForecastModel
from ml.forecast.sheet import read_sheet

Array = NDArray[np.float64]
LEVELS = (0.1, 0.5, 0.9)
WEEKS = 4
RESAMPLES = 2000


def losses(truth: Array, forecast: Array) -> dict[str, Array]:
    """Losses of each product, float64 [products] each, by name.

    Absolute error is that of the median and squared error that of the mean, which are the numbers
    that make each the smallest (Kolassa, Evaluating predictive count data distributions in
    retail sales forecasting, 2016); the absolute error of the mean is told too.

    Args:
        truth: [products, weeks], pieces; NaN where unknown.
        forecast: [products, weeks, 4], pieces: mean, low, median and high.
    """
    error = truth[..., None] - forecast[..., 1:]
    level = np.array(LEVELS)
    inside = (truth >= forecast[..., 1]) & (truth <= forecast[..., 3])
    known = ~np.isnan(truth)
    return {
        "mae": np.nanmean(np.abs(error[..., 1]), axis=1),
        "mae of the mean": np.nanmean(np.abs(truth - forecast[..., 0]), axis=1),
        "mse": np.nanmean((truth - forecast[..., 0]) ** 2, axis=1),
        "pinball": np.nanmean(np.maximum(level * error, (level - 1) * error), axis=(1, 2)),
        "coverage": (inside & known).sum(axis=1) / known.sum(axis=1),
    }


def figures(lost: dict[str, Array], scale: Array) -> dict[str, float | None]:
    """MAE, RMSE, MASE (Hyndman and Koehler, 2006), pinball loss and coverage over products.

    ``scale`` [products] is the mean absolute error of the naive forecast within each one's past,
    pieces; products of which nothing changed have no MASE.
    """
    moved = scale > 0
    return {
        "mae": float(lost["mae"].mean()),
        "mae_of_mean": float(lost["mae of the mean"].mean()),
        "rmse": float(np.sqrt(lost["mse"].mean())),
        "mase": float((lost["mae"][moved] / scale[moved]).mean()) if moved.any() else None,
        "pinball": float(lost["pinball"].mean()),
        "coverage": float(lost["coverage"].mean()),
    }


def naive_error(past: Array) -> Array:
    """Mean absolute change of each product from week to week, pieces; 0 where none is known."""
    change = np.abs(np.diff(past, axis=1))
    mean: Array = np.nansum(change, axis=1) / np.maximum((~np.isnan(change)).sum(axis=1), 1)
    return mean


def resampled(values: Array, seed: int = 0) -> list[float]:
    """95% bootstrap interval of the mean of float64 [products]: products are drawn again."""
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return [float(low), float(high)]


def compare(past: Array, truth: Array, forecast: Array) -> dict[str, Any]:
    """Figures of a forecast and of all baselines, and how far it is ahead of each.

    Args:
        past: [products, weeks before the origin], pieces; NaN where unknown.
        truth: [products, weeks after it], pieces.
        forecast: [products, weeks after it, 4], pieces: mean, low, median and high.
    """
    scale = naive_error(past)
    own = losses(truth, forecast)
    result: dict[str, Any] = {
        "n": len(truth),
        "weeks": truth.shape[1],
        **figures(own, scale),
        "mae_interval": resampled(own["mae"]),
        "pinball_interval": resampled(own["pinball"]),
        "coverage_by_week": _covered(truth, forecast),
        "baselines": {},
    }
    for name, rule in baselines().items():
        lost = losses(truth, rule(past, truth.shape[1]))
        result["baselines"][name] = {
            **figures(lost, scale),
            "mae_saved": resampled(lost["mae"] - own["mae"]),
            "pinball_saved": resampled(lost["pinball"] - own["pinball"]),
        }
    return result


def usable(past: Array, truth: Array) -> NDArray[np.bool_]:
    """Which products, [products], have enough history and anything to compare with."""
    long_known = (~np.isnan(past)).sum(axis=1) >= MIN_HISTORY
    wanted: NDArray[np.bool_] = long_known & (~np.isnan(truth)).any(axis=1)
    return wanted


def _covered(truth: Array, forecast: Array) -> list[float | None]:
    """Share of known products inside the interval in each week; None where none is known."""
    inside = ((truth >= forecast[..., 1]) & (truth <= forecast[..., 3])).sum(axis=0)
    known = (~np.isnan(truth)).sum(axis=0)
    return [float(i / k) if k else None for i, k in zip(inside, known, strict=True)]


def evaluate_file(model: ForecastModel, path: Path) -> dict[str, Any]:
    """The last weeks of a table, forecast from those before, next to the baselines.

    The table is a file that :func:`ml.forecast.sheet.read_sheet` understands. Up to four weeks are
    held back, fewer of a short table. Products with too short a history before are left out.

    Raises:
        ValueError: the table cannot be read or is too short; one line says why.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name}: cannot be read: {error.strerror}.") from error
    sheet = read_sheet(content, path.name)
    counts = sheet.quantities.astype(np.float64)
    ahead = min(WEEKS, counts.shape[1] - MIN_HISTORY)
    if ahead < 1:
        raise ValueError(
            f"{path.name}: has {counts.shape[1]} weeks; at least {MIN_HISTORY + 1} are needed."
        )
    past, truth = counts[:, :-ahead], counts[:, -ahead:]
    measured = usable(past, truth)
    if not measured.any():
        raise ValueError(f"{path.name}: no product has {MIN_HISTORY} weeks and {ahead} more.")
    before = SalesTable(sheet.products, sheet.weeks[:-ahead], past.astype(np.float32))
    forecast = model.forecast_all(before, ahead)[measured]
    return compare(past[measured], truth[measured], forecast)
