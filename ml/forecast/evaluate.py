"""Rolling-origin figures of the shipped network on a user's own table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.forecast.data import SalesTable, read_table
from ml.forecast.serve import MIN_HISTORY, ForecastModel

Array = NDArray[np.float64]
WEEKS = 4


def figures(truth: Array, mean: Array, low: Array, high: Array, scale: float) -> dict[str, float]:
    """MAE, RMSE, MASE (Hyndman and Koehler, 2006), pinball loss and coverage of the interval."""
    error = truth - mean
    pinball = [
        np.maximum(level * (truth - quantile), (level - 1) * (truth - quantile)).mean()
        for level, quantile in ((0.1, low), (0.9, high))
    ]
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mase": float(np.abs(error).mean() / scale),
        "pinball": float(np.mean(pinball)),
        "coverage": float(((truth >= low) & (truth <= high)).mean()),
    }


def evaluate_file(model: ForecastModel, path: Path) -> dict[str, Any]:
    """The last four weeks of a wide table, forecast from those before, next to two baselines.

    Raises:
        ValueError: the table cannot be read or is too short.
    """
    table = read_table(path)
    if table.counts.shape[1] < MIN_HISTORY + WEEKS:
        raise ValueError(f"{path}: at least {MIN_HISTORY + WEEKS} weeks are needed")
    past, truth = table.counts[:, :-WEEKS], table.counts[:, -WEEKS:].astype(np.float64)
    before = SalesTable(table.products, table.weeks[:-WEEKS], past)
    made = [model.forecast(before, product, WEEKS) for product in table.products]
    scale = float(np.nanmean(np.abs(np.diff(past, axis=1)))) or 1.0
    mean, low, high = (
        np.array([getattr(forecast, name) for forecast in made], np.float64)
        for name in ("mean", "low", "high")
    )
    baselines = {}
    for name, window in (("naive", 1), ("mean of 26 weeks", 26)):
        level = np.repeat(np.nanmean(past[:, -window:], axis=1, keepdims=True), WEEKS, 1)
        spread = 1.2816 * np.nanstd(past[:, -26:], axis=1, keepdims=True)
        baselines[name] = figures(
            truth, level.astype(np.float64), np.maximum(level - spread, 0), level + spread, scale
        )
    result = figures(truth, mean, low, high, scale)
    return {"n": len(table.products), "weeks": WEEKS, **result, "baselines": baselines}
