"""The picture of a forecast."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ml.forecast.serve import Forecast


def plot_forecast(product: str, history: NDArray[np.float32], forecast: Forecast) -> bytes:
    """A PNG of 900 x 600 pixels with history [weeks], forecast and 80% band.

    Its own light background keeps it readable in dark chats too.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=100, facecolor="#f6f7f9", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_facecolor("#f6f7f9")
    past = np.arange(len(history))
    ahead = len(history) + np.arange(len(forecast.mean))
    axes.plot(past, history, color="#33415c", linewidth=2, label="sold")
    axes.fill_between(
        ahead, forecast.low, forecast.high, color="#e76f51", alpha=0.25, label="8 in 10 weeks"
    )
    axes.plot(ahead, forecast.mean, "o-", color="#e76f51", linewidth=2.5, label="expected")
    axes.set_title(product.replace("$", r"\$"), fontsize=22, loc="left", color="#22223b")
    axes.set_xlabel("week", fontsize=16)
    axes.set_ylabel("units", fontsize=16)
    axes.tick_params(labelsize=14)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=14, frameon=False, ncols=3, loc="upper left")
    buffer = io.BytesIO()
    canvas.print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
