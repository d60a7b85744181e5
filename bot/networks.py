"""The three networks as the bot uses them: loaded once, run off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from ml.completion.serve import TEAM, CompletionModel
from ml.forecast.serve import OWN as OWN_SALES
from ml.forecast.serve import ForecastModel
from ml.sentiment.serve import OWN as OWN_WORDS
from ml.sentiment.serve import SentimentModel

P = ParamSpec("P")
T = TypeVar("T")


class Networks:
    """Sentiment, completion and forecast, and what learned from the desk, where there is such.

    Raises:
        ml.artifact.WeightsError: an artifact is missing or damaged.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        # Two threads: a picture under way does not hold up the scores.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="networks")
        self._load()

    def _load(self) -> None:
        """Load everything, or change nothing."""

        def learned(name: str) -> Path | None:
            return self._data_dir / name if (self._data_dir / name).is_dir() else None

        own_words, team, own_sales = learned(OWN_WORDS), learned(TEAM), learned(OWN_SALES)
        sentiment = SentimentModel.load(own_words) if own_words else SentimentModel.load()
        completion = CompletionModel.load()
        in_team_voice = CompletionModel.load(team) if team else None
        forecast = ForecastModel.load()
        own_forecast = ForecastModel.load(own_sales) if own_sales else forecast
        self.sentiment, self.completion, self.team = sentiment, completion, in_team_voice
        self.forecast, self.own_forecast = forecast, own_forecast

    async def reload(self) -> None:
        """Take up new weights without a restart.

        Raises:
            ml.artifact.WeightsError: an artifact is damaged; the old ones go on.
        """
        await self.run(self._load)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do CPU work in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    async def run_apart(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a picture drawn or a spreadsheet read by a process that ends with it.

        The libraries for either would more than double what the bot keeps in memory.
        """

        def apart() -> T:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                return pool.submit(work, *args, **kwargs).result()

        return await self.run(apart)
