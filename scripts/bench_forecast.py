"""How fast forecasts are on one core, next to AutoETS: python scripts/bench_forecast.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np

from ml.forecast.baselines import baselines
from ml.forecast.plot import plot_forecast
from ml.forecast.serve import MAX_WEEKS, ForecastModel, movers

LIMITS = {"all_products": 1.0, "movers": 1.0, "one_with_picture": 0.4}  # seconds


def main() -> None:
    """Print seconds (the median of several runs) as JSON; exit 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description="Time forecasts on one core")
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    model = ForecastModel.load()
    table = model.sample
    name = table.products[0]

    def one() -> None:
        plot_forecast(name, table.history(name), model.forecast(table, name, MAX_WEEKS))

    seconds = {
        "all_products": _time(lambda: model.forecast_all(table, MAX_WEEKS), repeats),
        "movers": _time(lambda: movers(model, table, MAX_WEEKS), repeats),
        "one_with_picture": _time(one, repeats),
    }
    result: dict[str, object] = {
        "products": len(table.products),
        "weeks": MAX_WEEKS,
        "seconds": seconds,
        "limits": LIMITS,
    }
    auto_ets = baselines().get("AutoETS")
    if auto_ets:
        counts = table.counts.astype(np.float64)
        taken = _time(lambda: auto_ets(counts, MAX_WEEKS), 1)
        result["auto_ets_seconds"] = taken
        result["times_faster_than_auto_ets"] = taken / seconds["all_products"]
    print(json.dumps(result, indent=1))
    if any(seconds[key] > limit for key, limit in LIMITS.items()):
        sys.exit(1)


def _time(action: Callable[[], object], repeats: int) -> float:
    """Median of wall-clock seconds, after one run to warm up."""
    action()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
