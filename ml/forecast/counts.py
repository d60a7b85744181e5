"""Quantiles of what may be sold: a negative binomial distribution, numpy only.

It is the Poisson distribution with a dispersion: its variance is ``dispersion * mean``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LEAST_DISPERSION = 1.02  # hardly more than Poisson
EXACT_BELOW = 100.0  # pieces; larger means are close enough to smooth
# Of a standard normal distribution at 10%, 50% and 90%.
SCORES = {0.1: -1.2815515655446004, 0.5: 0.0, 0.9: 1.2815515655446004}


def quantiles(mean: ArrayLike, dispersion: ArrayLike) -> Array:
    """The 10%, 50% and 90% quantiles of counts; float64 [..., 3], pieces.

    Between whole pieces the distribution function is drawn straight from half to half, as if a
    count of 7 could be anything from 6.5 to 7.5; rounding a quantile gives the exact one of whole
    pieces. An interval made of them holds what it should on average over products, which closed
    intervals of whole pieces can't. Means of EXACT_BELOW and more use the expansion of Cornish
    and Fisher (1938) to the skewness.

    Args:
        mean: [...], pieces, at least 0.
        dispersion: [...], variance divided by mean; below LEAST_DISPERSION counts as that.
    """
    mean, dispersion = np.broadcast_arrays(
        np.maximum(np.asarray(mean, np.float64), 1e-6),
        np.maximum(np.asarray(dispersion, np.float64), LEAST_DISPERSION),
    )
    out = np.empty((*mean.shape, len(SCORES)))
    small = mean < EXACT_BELOW
    out[small] = _exact(mean[small], dispersion[small])
    mean, dispersion = mean[~small, None], dispersion[~small, None]
    z = np.array(list(SCORES.values()))
    deviation = np.sqrt(mean * dispersion)
    out[~small] = mean + deviation * z + (2 * dispersion - 1) * (z**2 - 1) / 6
    clipped: Array = np.maximum(out, 0)
    return clipped


def _exact(mean: Array, dispersion: Array) -> Array:
    """By adding up probabilities from 0 pieces on, of all distributions at once."""
    size = mean / (dispersion - 1)
    ratio = (dispersion - 1) / dispersion
    probability = np.exp(-size * np.log(dispersion))
    probability = np.maximum(probability, 1e-300)
    below = np.zeros_like(mean)
    out = np.zeros((*mean.shape, len(SCORES)))
    pieces = 0
    open_rows = np.arange(len(mean))
    while len(open_rows):
        total = below + probability
        for i, level in enumerate(SCORES):
            here = (below < level) & (total >= level)
            share = (level - below[here]) / probability[here]
            out[open_rows[here], i] = pieces - 0.5 + share
        left = total < max(SCORES)
        open_rows, below = open_rows[left], total[left]
        size, ratio = size[left], ratio[left]
        probability = probability[left] * (size + pieces) / (pieces + 1) * ratio
        pieces += 1
    return out
