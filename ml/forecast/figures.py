"""Plots of a training run, saved as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ml.forecast.data import SalesTable
from ml.forecast.serve import INTERVAL, MAX_WEEKS, ForecastModel

SHOWN = 5  # products


def _random_rows(table: SalesTable, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).choice(len(table.products), SHOWN, replace=False)


def losses(curves: list[list[float]], path: Path) -> None:
    """Training loss of each network, by step."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        axes.plot(curve, linewidth=0.8)
    logarithmic = min(map(min, curves)) > 0
    axes.set(title="Training loss", xlabel="step", yscale="log" if logarithmic else "linear")
    figure.savefig(path)


def random_products(table: SalesTable, seed: int, path: Path) -> None:
    """Weekly sales of five random products."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    for row in _random_rows(table, seed):
        axes.plot(table.counts[row], label=table.products[row])
    axes.set(title="Five random products", xlabel="week", ylabel="pieces")
    axes.legend()
    figure.savefig(path)


def scatter(truth: ArrayLike, predicted: ArrayLike, path: Path) -> None:
    """Predictions of data that was trained on against truth, pieces."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(truth, predicted)
    axes.axline((0, 0), slope=1, color="grey", linewidth=0.8)
    axes.set(title="First 20, on the data it was trained on", xlabel="true", ylabel="predicted")
    figure.savefig(path)


def products(model: ForecastModel, table: SalesTable, path: Path, seed: int = 0) -> None:
    """Five random products with their forecasts after the last week."""
    figure = Figure(figsize=(10, 12), layout="constrained")
    weeks = table.counts.shape[1]
    ahead = weeks + np.arange(MAX_WEEKS)
    for axes, row in zip(
        figure.subplots(SHOWN, sharex=True), _random_rows(table, seed), strict=True
    ):
        made = model.forecast(table, table.products[row], MAX_WEEKS)
        axes.plot(table.counts[row])
        axes.plot(ahead, made.mean)
        axes.fill_between(ahead, made.low, made.high, alpha=0.3)
        axes.set(ylabel=table.products[row], ylim=(0, None))
    figure.savefig(path)


def predicted(forecasts: dict[str, Any], path: Path) -> None:
    """Held-out weeks: the mean of the forecast against what was sold, one panel an origin."""
    figure = Figure(figsize=(5 * len(forecasts), 5), layout="constrained")
    panels = figure.subplots(1, len(forecasts), squeeze=False)[0]
    for axes, (name, (truth, forecast)) in zip(panels, forecasts.items(), strict=True):
        axes.scatter(truth, forecast[..., 0], s=3, alpha=0.4)
        axes.axline((0, 0), slope=1, color="grey", linewidth=0.8)
        axes.set(title=f"Held out: from {name}", xlabel="true", ylabel="predicted")
    figure.savefig(path)


def coverage(measured: dict[str, Any], path: Path) -> None:
    """Share of held-out weeks inside the interval, by weeks ahead."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, row in measured.items():
        inside = row["coverage_by_week"]
        axes.plot(np.arange(1, len(inside) + 1), inside, "o-", label=name)
    axes.axhline(INTERVAL, color="grey", linestyle="--")
    axes.set(title="Held-out weeks inside the interval", xlabel="weeks ahead", ylim=(0.5, 1))
    axes.legend()
    figure.savefig(path)
