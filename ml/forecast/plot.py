"""The picture of a forecast."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.forecast.serve import Forecast

YEAR = 52  # weeks
SHOWN = 52  # weeks of history
BACKGROUND, INK, SOLD, EXPECTED, LAST_YEAR = "#f6f7f9", "#22223b", "#33415c", "#d1495b", "#5b8e7d"
MAX_TITLE = 40  # characters


@dataclass(frozen=True)
class Shown:
    """One product of a picture; history float32 [weeks], pieces, NaN where unknown."""

    product: str
    history: NDArray[np.float32]
    forecast: Forecast


def plot_forecast(product: str, history: NDArray[np.float32], forecast: Forecast) -> bytes:
    """A PNG of 900 x 600 pixels with history [weeks], forecast and 80% band."""
    return plot_products([Shown(product, history, forecast)])


def plot_products(shown: Sequence[Shown]) -> bytes:
    """A PNG of 900 pixels width with one panel a product, all on the same scale of weeks.

    Each shows up to a year of history, the forecast, its 80% band and, where the history reaches
    back that far, what was sold in the same weeks a year before. Its own light background keeps
    it readable in dark chats too.

    Raises:
        ValueError: there is no product to show.
    """
    if not shown:
        raise ValueError("no product to show")
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    height = 6.0 if len(shown) == 1 else 1.0 + 3.0 * len(shown)
    figure = Figure(figsize=(9, height), dpi=100, facecolor=BACKGROUND, layout="constrained")
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, one in zip(panels, shown, strict=True):
        ahead = np.arange(1, len(one.forecast.mean) + 1)
        history = one.history[-SHOWN:]
        past = np.arange(1 - len(history), 1)
        axes.set_facecolor(BACKGROUND)
        axes.plot(past, history, color=SOLD, linewidth=2, label="sold")
        axes.fill_between(
            ahead,
            one.forecast.low,
            one.forecast.high,
            color=EXPECTED,
            alpha=0.25,
            label="8 in 10 weeks",
        )
        style = {"color": EXPECTED, "linewidth": 2.5, "marker": "o", "markersize": 4}
        axes.plot(ahead, one.forecast.mean, label="expected", **style)
        before = last_year(one.history, len(ahead))
        if not np.isnan(before).all():
            axes.plot(ahead, before, ":", color=LAST_YEAR, linewidth=2.5, label="a year before")
        title = one.product if len(one.product) <= MAX_TITLE else one.product[:MAX_TITLE] + "…"
        axes.set_title(title, fontsize=22, loc="left", color=INK, parse_math=False)
        axes.set_ylabel("units a week", fontsize=16, color=INK)
        axes.tick_params(labelsize=14, colors=INK)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.axvline(0.5, color=INK, linewidth=0.8, alpha=0.4)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("weeks from now", fontsize=16, color=INK)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        lines, labels, fontsize=14, frameon=False, ncols=len(labels), loc="outside lower center"
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def last_year(history: NDArray[np.float32], weeks: int) -> NDArray[np.float32]:
    """What was sold a year before each of the weeks ahead, float32 [weeks]; NaN where unknown."""
    first = len(history) - YEAR
    padded = np.concatenate([np.full(max(0, -first), np.nan, np.float32), history])
    start = max(first, 0)
    before = padded[start : start + weeks]
    missing = np.full(weeks - len(before), np.nan, np.float32)
    return np.concatenate([before, missing]).astype(np.float32)
