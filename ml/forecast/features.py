"""What the network is told after every week: numpy only, shared by training and serving.

Every number given for week ``t`` is computed from weeks ``0..t``, so a whole table can be
described at once without showing any week its future.

Sales are seen as a product's share times a common level. The level is what all products have in
common, followed by a scalar Kalman filter on its logarithm (Durbin and Koopman, Time Series
Analysis by State Space Methods, chapter 2); how far it trusts one week depends on how much that
week's total can be chance, so a table of three products is smoothed more than one of 800.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

WINDOW = 52  # weeks the network looks back at most
HORIZON = 13  # weeks ahead
RATES = (0.0, 0.1, 0.3)  # weekly forgetting of three memories of the recent past
CYCLE = 26  # weeks: half a year, of which the mean is remembered, and the same week in the last
MEMORIES = len(RATES) + 1
INPUTS = 12
SMOOTH = 0.5  # pieces added before logarithms and divisions
DRIFT = 0.03  # standard deviation of a week's change of the common level
MEMORY = 0.1  # weekly forgetting of how spread out a product is
PERSISTENCE = 0.7  # share of the unrest left a week later
BELIEF = 8  # weeks of ordinary behaviour imagined before a product's own count


@dataclass(frozen=True)
class Features:
    """What is known after each week.

    Attributes:
        inputs: float32 [products, weeks, INPUTS], without unit, for the recurrent part.
        memories: float32 [products, weeks, MEMORIES], pieces: ways to remember a week's sales.
        cycle: float32 [products, weeks, HORIZON, 2]: by how many pieces half a year ago tells to
            stray from the first memory, and how much more that leaves open, as a share of the
            dispersion.
        dispersion: float32 [products, weeks], variance of a week divided by its mean.
    """

    inputs: Floats
    memories: Floats
    cycle: Floats
    dispersion: Floats

    def last(self) -> tuple[Floats, Floats, Floats, Floats]:
        """What a forecast after the last week needs: all inputs, and the rest of that week."""
        return (
            self.inputs,
            self.memories[:, -1:],
            self.cycle[:, -1:],
            self.dispersion[:, -1:],
        )


@dataclass(frozen=True)
class Market:
    """What all products have in common after each week, float64 [weeks] each, without unit.

    Attributes:
        level: the common level, 1 in the first week.
        change: by how much the week surprised, as a logarithm.
        unrest: mean squared surprise of the products, 1 if they were Poisson, as a logarithm.
        persistence: mean product of a product's surprises in two weeks running.
        tilt: whether products that sell much surprised upwards.
        recurrence: mean product of a product's surprises with those CYCLE weeks before.
    """

    level: Array
    change: Array
    unrest: Array
    persistence: Array
    tilt: Array
    recurrence: Array


def describe(counts: NDArray[np.floating], table: NDArray[np.floating] | None = None) -> Features:
    """Describe histories week by week.

    Args:
        counts: [products, weeks] in pieces; NaN in weeks before a product's first.
        table: [any number of products, the same weeks], from which the network learns what all
            products have in common; by default ``counts``.
    """
    x = np.asarray(counts, dtype=np.float64)
    market, shares, surprise, dispersion = _follow(
        x if table is None else np.asarray(table, dtype=np.float64)
    )
    if table is not None:
        shares, surprise, dispersion = _products(x, market.level)
    level = market.level
    shares.append(_trailing(x, level))
    recent = np.stack([share * level for share in shares], axis=-1)
    long = recent[..., 0]
    known = np.cumsum(~np.isnan(x), axis=1)
    inputs = np.stack(
        [
            surprise,
            *(_log_ratio(recent[..., i], long) for i in range(1, recent.shape[-1])),
            np.log1p(np.minimum(long, 100)) / 2,  # larger ones were not seen in training
            np.log(dispersion),
            np.minimum(known / CYCLE, 1),
            *np.broadcast_to(
                np.stack(
                    [
                        4 * market.change,
                        market.unrest,
                        market.persistence,
                        market.tilt,
                        market.recurrence,
                    ]
                )[:, None],
                (5, *x.shape),
            ),
        ],
        axis=-1,
    )
    cycle = _cycle(x, level, shares[0], market.unrest)
    parts = (np.clip(inputs, -4, 4), recent, cycle, dispersion)
    return Features(*(part.astype(np.float32) for part in parts))


def _follow(table: Array) -> tuple[Market, list[Array], Array, Array]:
    """Follow the common level week by week.

    Returns the market, the products' shares for each rate [products, weeks] (pieces at level 1),
    their surprises and dispersions [products, weeks].
    """
    rows, weeks = table.shape
    value, weight = np.nan_to_num(table), (~np.isnan(table)).astype(np.float64)
    level, change = np.ones(weeks), np.zeros(weeks)
    sold, seen = np.zeros(rows), np.zeros(rows)  # of each product so far: pieces, levels
    squares, n = np.zeros(rows), np.zeros(rows)
    uncertainty = 0.0
    for week in range(weeks):
        if week:
            level[week] = level[week - 1]
            old = (seen > 0) & (weight[:, week] > 0)
            expected = sold[old] / seen[old] * level[week]
            total = expected.sum()
            if total > 1e-3:
                variance = ((squares[old] + BELIEF) / (n[old] + BELIEF) * (expected + SMOOTH)).sum()
                uncertainty += DRIFT**2
                chance = variance / total**2
                gain = uncertainty / (uncertainty + chance)
                change[week] = np.log((value[old, week].sum() + SMOOTH) / (total + SMOOTH))
                level[week] *= np.exp(gain * np.clip(change[week], -1, 1))
                uncertainty *= 1 - gain
                expected = sold[old] / seen[old] * level[week]
                error = (value[old, week] - expected) ** 2 / (expected + SMOOTH)
                squares[old] = (1 - MEMORY) * squares[old] + error
                n[old] = (1 - MEMORY) * n[old] + 1
        sold += value[:, week]
        seen += weight[:, week] * level[week]
    shares, surprise, dispersion = _products(table, level)
    market = _market(level, change, weight, shares[0] * level, surprise)
    return market, shares, surprise, dispersion


def _products(x: Array, level: Array) -> tuple[list[Array], Array, Array]:
    """Shares at each rate, surprises and dispersions of products, given the common level."""
    weight = (~np.isnan(x)).astype(np.float64)
    value = np.nan_to_num(x)
    shares = []
    for rate in RATES:
        sold, seen = np.zeros(len(x)), np.zeros(len(x))
        share = np.empty_like(value)
        for week in range(x.shape[1]):
            sold = (1 - rate) * sold + value[:, week]
            seen = (1 - rate) * seen + weight[:, week] * level[week]
            share[:, week] = sold / np.maximum(seen, 1e-9)
        shares.append(share)
    surprise = np.zeros_like(value)
    expected = shares[0][:, :-1] * level[1:]
    surprise[:, 1:] = (value[:, 1:] - expected) / np.sqrt(expected + SMOOTH)
    # Of a product known for n weeks one expects to miss more, for its share is known less well.
    n_known = np.cumsum(weight, axis=1)[:, :-1]
    surprise[:, 1:] *= weight[:, 1:] * np.sqrt(n_known / (n_known + 1))
    squares, n = np.zeros(len(x)), np.zeros(len(x))
    dispersion = np.empty_like(value)
    for week in range(x.shape[1]):
        squares = (1 - MEMORY) * squares + np.clip(surprise[:, week], -20, 20) ** 2
        n = (1 - MEMORY) * n + weight[:, week]
        dispersion[:, week] = (squares + BELIEF) / (n + BELIEF)
    return shares, np.clip(surprise, -4, 4), dispersion


def _market(level: Array, change: Array, weight: Array, long: Array, surprise: Array) -> Market:
    rows = np.maximum(weight.sum(axis=0), 1)
    size = np.log(long + SMOOTH)
    size = (size - (size * weight).sum(axis=0) / rows) * weight
    deviation = np.sqrt((size**2).sum(axis=0) / rows) + 1e-9

    unrest = np.log(((surprise**2).sum(axis=0) + BELIEF) / (rows + BELIEF))
    unrest[0] = 0  # nothing can surprise in the first week

    def agreement(lag: int) -> Array:
        out = np.zeros(len(level))
        if len(level) > lag:
            out[lag:] = (surprise[:, lag:] * surprise[:, :-lag]).sum(axis=0) / rows[lag:]
        return out

    return Market(
        level=level,
        change=np.clip(change, -1, 1),
        unrest=unrest,
        persistence=agreement(1),
        tilt=(size / deviation * surprise).sum(axis=0) / rows,
        recurrence=agreement(CYCLE),
    )


def _trailing(x: Array, level: Array) -> Array:
    """Shares [products, weeks] in the last CYCLE weeks alone."""
    sold = np.cumsum(np.nan_to_num(x), axis=1)
    seen = np.cumsum(~np.isnan(x) * level, axis=1)
    for total in (sold, seen):
        total[:, CYCLE:] -= total[:, :-CYCLE].copy()
    share: Array = sold / np.maximum(seen, 1e-9)
    return share


def _cycle(x: Array, level: Array, share: Array, unrest: Array) -> Array:
    """What CYCLE weeks before each week ahead tells, float64 [products, weeks, HORIZON, 2].

    Where the market was as calm then as it mostly is, products strayed from their shares by
    chance, and nothing is told. Where their mean squared surprise was larger, the excess is signal:
    of a normal signal seen through normal noise in three neighbouring weeks, the mean given
    what was seen is how far to stray, in pieces; its variance is how much that leaves open, as a
    share of the noise. (Empirical Bayes: Efron and Morris, 1973.)
    """
    weeks = x.shape[1]
    relative = x / level
    calm = np.array([np.median(unrest[: week + 1]) for week in range(weeks)])
    then = np.arange(weeks)[:, None] + np.arange(1, HORIZON + 1) - CYCLE
    strayed = np.zeros((*x.shape, HORIZON))
    worth = np.zeros_like(strayed)
    signal = np.zeros_like(strayed)
    for week in (then - 1, then, then + 1):
        index = np.maximum(week, 0)
        there = (week >= 0) & ~np.isnan(relative[:, index])
        odds = there * np.expm1(np.clip(unrest[index] - calm[:, None], 0, 4))
        strayed += odds * np.nan_to_num(relative[:, index] - share[..., None])
        worth += odds
        signal = odds if week is then else signal
    pieces = strayed / (1 + worth) * level[:, None]
    # What unsettles the market now will not be over next week.
    lasting = np.expm1(np.clip(unrest - calm, 0, 4))[:, None] * PERSISTENCE ** np.arange(HORIZON)
    return np.stack([pieces, signal / (1 + worth) + lasting], axis=-1)


def _log_ratio(a: Array, b: Array) -> Array:
    ratio: Array = np.log((a + SMOOTH) / (b + SMOOTH))
    return ratio
