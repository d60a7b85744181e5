"""Forecasts with the shipped network; needs ONNX Runtime and numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifact import WEIGHTS, WeightsError, load_card, open_session
from ml.forecast.counts import quantiles
from ml.forecast.data import SalesTable
from ml.forecast.features import HORIZON, WINDOW, describe

MIN_HISTORY = 8  # weeks
MAX_WEEKS = HORIZON
RECENT = 8  # weeks that a rise or fall is measured against
OWN = "forecast"  # folder of the network that learned from the company's own sales
INTERVAL = 0.8  # what the interval from low to high should cover
INPUT_NAMES = ("inputs", "memories", "cycle", "dispersion")  # of the exported graph

Array = NDArray[np.float64]


class NoForecastError(ValueError):
    """There is nothing to forecast; the message says why."""


@dataclass(frozen=True)
class Forecast:
    """Mean, 80% interval and median, float32 [weeks] each, in pieces; the median in whole ones."""

    mean: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    median: NDArray[np.float32]


@dataclass(frozen=True)
class Outlook:
    """What a product is expected to sell against what it sold lately.

    Attributes:
        product: its name.
        recent: mean of its last RECENT weeks, pieces a week.
        expected: mean of the weeks ahead, pieces a week.
        strength: the difference in standard deviations of both means; below zero it falls.
    """

    product: str
    recent: float
    expected: float
    strength: float

    @property
    def certainty(self) -> float:
        """Probability that the direction is right, 0.5 to 1, as if means were normal."""
        return 0.5 * (1 + math.erf(abs(self.strength) / math.sqrt(2)))


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
        try:
            with np.load(directory / "sample.npz", allow_pickle=False) as arrays:
                counts = arrays["counts"].astype(np.float32)
                products = [str(product) for product in arrays["products"]]
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"{directory / 'sample.npz'} cannot be read ({error}). Restore it."
            ) from error
        session = open_session(directory / "network.onnx")
        names = tuple(node.name for node in session.get_inputs())
        if names != INPUT_NAMES:
            raise WeightsError(f"{directory / 'network.onnx'} is of another version. Restore it.")
        weeks = [f"W{week}" for week in range(counts.shape[1])]
        return cls(card, session, SalesTable(products, weeks, counts))

    def forecast(self, table: SalesTable, product: str, weeks: int) -> Forecast:
        """Forecast a product of a table, whose other products show the common level.

        Raises:
            KeyError: the table does not have this product.
            NoForecastError: too short a history, or not 1 to 13 weeks.
        """
        history = table.history(product)[None, -WINDOW:]
        known = int((~np.isnan(history)).sum())
        if known < MIN_HISTORY:
            raise NoForecastError(
                f"{product} has {known} weeks of history; {MIN_HISTORY} are needed."
            )
        [made] = self._run(history, table.counts[:, -WINDOW:], weeks).astype(np.float32)
        mean, low, median, high = made.T
        return Forecast(mean, low, high, median)

    def forecast_all(self, table: SalesTable, weeks: int) -> Array:
        """Forecast all products of a table at once.

        Returns:
            float64 [products, weeks, 4], pieces: mean, low, median and high. Of products with
            fewer than MIN_HISTORY weeks nothing should be believed.

        Raises:
            NoForecastError: not 1 to 13 weeks.
        """
        counts = table.counts[:, -WINDOW:]
        return self._run(counts, None, weeks)

    def _run(
        self, counts: NDArray[np.float32], table: NDArray[np.float32] | None, weeks: int
    ) -> Array:
        if not 1 <= weeks <= MAX_WEEKS:
            raise NoForecastError(f"I forecast 1 to {MAX_WEEKS} weeks.")
        parts = describe(counts, table).last()
        [out] = self._session.run(None, dict(zip(INPUT_NAMES, parts, strict=True)))
        return summarise(out[:, :weeks])


def summarise(out: NDArray[np.float32]) -> Array:
    """What people are told of the network's [..., 2]: mean, low, median and high [..., 4], pieces.

    The median is rounded to whole pieces, which are what is sold.
    """
    mean, dispersion = out[..., 0], out[..., 1]
    low, median, high = np.moveaxis(quantiles(mean, dispersion), -1, 0)
    low, high = np.minimum(low, mean), np.maximum(high, mean)
    return np.stack([mean.astype(np.float64), low, np.round(median), high], axis=-1)


def outlook(table: SalesTable, product: str, forecast: Forecast) -> Outlook:
    """What a forecast says against the last weeks of a product of the table.

    Raises:
        KeyError: the table does not have this product.
    """
    made = np.stack([forecast.mean, forecast.low, forecast.median, forecast.high], axis=-1)
    recent, expected, strength = _compare(table.history(product)[None], made[None].astype(float))
    return Outlook(product, float(recent[0]), float(expected[0]), float(strength[0]))


def _compare(counts: NDArray[np.float32], made: Array) -> tuple[Array, Array, Array]:
    """Recent and expected means, and strengths, [products] each; see Outlook.

    Their doubt is the standard deviation of one week, of which both means hold some, as if weeks
    were independent.
    """
    lately = counts[:, -RECENT:].astype(np.float64)
    known = (~np.isnan(lately)).sum(axis=1)
    recent = np.nansum(lately, axis=1) / np.maximum(known, 1)
    expected = made[..., 0].mean(axis=1)
    deviation = (made[..., 3] - made[..., 1]).mean(axis=1) / 2.563  # 80% of a normal distribution
    doubt = np.maximum(deviation, 0.5) * np.sqrt(1 / np.maximum(known, 1) + 1 / made.shape[1])
    return recent, expected, np.where(known > 0, (expected - recent) / doubt, 0)


def movers(model: ForecastModel, table: SalesTable, weeks: int, n: int = 5) -> list[Outlook]:
    """Products expected to rise or fall most against their recent level, relative to doubt.

    Products known for fewer than MIN_HISTORY weeks are left out.

    Returns:
        Up to ``n`` that rise, the strongest first, then up to ``n`` that fall, the strongest first.

    Raises:
        NoForecastError: not 1 to 13 weeks.
    """
    recent, expected, strength = _compare(table.counts, model.forecast_all(table, weeks))
    long_known = (~np.isnan(table.counts[:, -WINDOW:])).sum(axis=1) >= MIN_HISTORY
    strength = np.where(long_known, np.nan_to_num(strength), 0)
    order = np.argsort(-strength, kind="stable")
    rising = [row for row in order[:n] if strength[row] > 0]
    falling = [row for row in order[::-1][:n] if strength[row] < 0]
    return [
        Outlook(table.products[row], float(recent[row]), float(expected[row]), float(strength[row]))
        for row in [*rising, *falling]
    ]
