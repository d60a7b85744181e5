"""The three networks as the bot uses them: loaded once, run off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from ml.completion.serve import TEAM, CompletionModel
from ml.forecast.serve import OWN, ForecastModel
from ml.sentiment.serve import SentimentModel

P = ParamSpec("P")
T = TypeVar("T")


class Networks:
    """Sentiment, completion and forecast, and what learned from the desk, where there is such.

    Raises:
        ml.artifact.WeightsError: an artifact is missing or damaged.
    """

    def __init__(self, data_dir: Path) -> None:
        self.sentiment = SentimentModel.load()
        self.completion = CompletionModel.load()
        team = data_dir / TEAM
        self.team = CompletionModel.load(team) if team.is_dir() else None
        self.forecast = ForecastModel.load()
        own = data_dir / OWN
        self.own_forecast = ForecastModel.load(own) if own.is_dir() else self.forecast
        # Two threads: a picture under way does not hold up the scores.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="networks")

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
