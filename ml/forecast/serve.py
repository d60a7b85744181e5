"""Forecasts with the shipped network; needs ONNX Runtime and numpy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifact import WEIGHTS, WeightsError, load_card, open_session
from ml.forecast.data import SalesTable
from ml.forecast.features import WINDOW, describe

MIN_HISTORY = 8  # weeks
MAX_WEEKS = 13
GRAPH_WEEKS = 20
INTERVAL = 0.8  # what the interval from low to high should cover


class NoForecast(ValueError):  # noqa: N818
    """There is nothing to forecast; the message says why."""


@dataclass(frozen=True)
class Forecast:
    """Mean and 80% interval, float32 [weeks] each, in pieces."""

    mean: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


class ForecastModel:
    """The forecast network, and the sample table it answers from."""

    def __init__(self, card: dict[str, Any], session: Any, sample: SalesTable) -> None:
        self.card = card
        self.sample = sample
        self._session = session

    @classmethod
    def load(cls, directory: Path = WEIGHTS / "forecast") -> ForecastModel:
        """Load an artifact.

        Raises:
            WeightsError: it is missing or damaged.
        """
        card = load_card(directory)
        if card.get("network") != "forecast":
            raise WeightsError(f"{directory} holds no forecast network. Restore it.")
        with np.load(directory / "sample.npz", allow_pickle=False) as arrays:
            counts = arrays["counts"].astype(np.float32)
            products = [str(product) for product in arrays["products"]]
        weeks = [f"W{week}" for week in range(counts.shape[1])]
        session = open_session(directory / "network.onnx")
        return cls(card, session, SalesTable(products, weeks, counts))

    def forecast(self, table: SalesTable, product: str, weeks: int) -> Forecast:
        """Forecast a product of a table, whose other products show the common level.

        Raises:
            KeyError: the table does not have this product.
            NoForecast: too short a history, or not 1 to 13 weeks.
        """
        if not 1 <= weeks <= MAX_WEEKS:
            raise NoForecast(f"I forecast 1 to {MAX_WEEKS} weeks.")
        history = table.history(product)[None, -WINDOW:]
        known = int((~np.isnan(history)).sum())
        if known < MIN_HISTORY:
            raise NoForecast(f"{product} has {known} weeks of history; {MIN_HISTORY} are needed.")
        # The exported graph reads exactly GRAPH_WEEKS weeks; a shorter history is led by zeros.
        parts = [
            np.pad(part, [(0, 0), (GRAPH_WEEKS, 0)] + [(0, 0)] * (part.ndim - 2))[:, -GRAPH_WEEKS:]
            for part in describe(history, table.counts[:, -WINDOW:])
        ]
        names = ("inputs", "memories", "spread")
        [out] = self._session.run(None, dict(zip(names, parts, strict=True)))
        mean, low, _, high = out[0, :weeks].T
        return Forecast(mean, np.minimum(low, mean), np.maximum(high, mean))
