"""What the network is told after every week: numpy only, shared by training and serving.

Every number given for week ``t`` is computed from weeks ``0..t``, so a whole table can be
described at once without showing any week its future.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WINDOW = 52  # weeks the network looks back at most
LONG = 26  # weeks of the long memory, a plain mean
RATES = (0.1, 0.3)  # of the shorter memories, exponentially weighted means
MEMORIES = 1 + len(RATES)
INPUTS = 9
SMOOTH = 0.5  # pieces added before logarithms and divisions


def describe(
    counts: NDArray[np.floating], table: NDArray[np.floating] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Describe histories week by week.

    Args:
        counts: [products, weeks] in pieces; NaN in weeks before a product's first.
        table: [any number of products, the same weeks], from which the network learns what all
            products have in common; by default ``counts``.

    Returns:
        float32 ``inputs`` [products, weeks, INPUTS] without unit; ``memories``
        [products, weeks, MEMORIES], weighted means of the past in pieces; ``spread``
        [products, weeks], the standard deviation of a week around the long memory, in pieces.
    """
    x = np.asarray(counts, dtype=np.float64)
    memories, spread, surprise = _past(x)
    if table is None:
        shared = _shared(x, memories[..., 0], surprise)
    else:
        whole = np.asarray(table, dtype=np.float64)
        whole_memories, _, whole_surprise = _past(whole)
        shared = _shared(whole, whole_memories[..., 0], whole_surprise)

    long = memories[..., 0]
    known = np.cumsum(~np.isnan(x), axis=1)
    ratios = [np.log((memories[..., i] + SMOOTH) / (long + SMOOTH)) for i in range(1, MEMORIES)]
    inputs = np.stack(
        [
            surprise,
            *ratios,
            np.log1p(np.minimum(long, 100)) / 2,  # larger ones were not seen in training
            np.log((spread**2 + SMOOTH) / (long + SMOOTH)),
            np.minimum(known / LONG, 1),
            *(np.broadcast_to(line, x.shape) for line in shared),
        ],
        axis=-1,
    )
    inputs = np.nan_to_num(np.clip(inputs, -4, 4))
    return inputs.astype(np.float32), memories.astype(np.float32), spread.astype(np.float32)


def _past(x: Array) -> tuple[Array, Array, Array]:
    """Memories and spread after each week, and how surprising the week was before it was known."""
    weight = (~np.isnan(x)).astype(np.float64)
    value = np.nan_to_num(x)
    n = np.maximum(_trailing_sum(weight), 1)
    long = _trailing_sum(value) / n
    # Centred, because sums of squares of large counts would cancel badly.
    centre = (value.sum(axis=1) / np.maximum(weight.sum(axis=1), 1))[:, None]
    deviation = (value - centre) * weight
    variance = _trailing_sum(deviation**2) / n - (_trailing_sum(deviation) / n) ** 2
    # A few weeks say little of their variance: eight more are imagined as Poisson.
    spread = np.sqrt((n * np.maximum(variance, 0) + 8 * (long + SMOOTH)) / (n + 8))

    memories = [long, *(_exponential(value, weight, rate) for rate in RATES)]
    surprise = np.zeros_like(x)
    surprise[:, 1:] = (value[:, 1:] - long[:, :-1]) / spread[:, :-1]
    surprise[:, 1:] *= weight[:, 1:] * weight[:, :-1]
    return np.stack(memories, axis=-1), spread, np.clip(surprise, -4, 4)


def _trailing_sum(x: Array) -> Array:
    """Sum over the last LONG weeks (fewer at the beginning)."""
    total = np.cumsum(x, axis=1)
    total[:, LONG:] -= total[:, :-LONG].copy()
    return total


def _exponential(value: Array, weight: Array, rate: float) -> Array:
    """Exponentially weighted mean whose weights sum to one from the first week on."""
    sums, weights = np.zeros(len(value)), np.zeros(len(value))
    means = np.empty_like(value)
    for week in range(value.shape[1]):
        sums = (1 - rate) * sums + rate * value[:, week]
        weights = (1 - rate) * weights + rate * weight[:, week]
        means[:, week] = sums / np.maximum(weights, 1e-9)
    return means


def _shared(x: Array, long: Array, surprise: Array) -> tuple[Array, Array, Array]:
    """What all products have in common, each [weeks]: level, unrest, and how unrest persists."""
    known = (~np.isnan(x)).any(axis=0)
    rows = np.maximum((~np.isnan(x)).sum(axis=0), 1)
    level = np.log((np.nansum(x, axis=0) + SMOOTH) / (long.sum(axis=0) + SMOOTH))
    unrest = (surprise**2).sum(axis=0) / rows - 1
    persistence = np.zeros(x.shape[1])
    persistence[1:] = (surprise[:, 1:] * surprise[:, :-1]).sum(axis=0) / rows[1:]
    return level * known, unrest * known, persistence * known
