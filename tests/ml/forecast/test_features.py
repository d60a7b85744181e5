"""What the network is told never knows the future, and counts have the right quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.forecast.counts import quantiles
from ml.forecast.features import describe

PARTS = ("inputs", "memories", "cycle", "dispersion")


def table(seed: int, products: int = 6, weeks: int = 45) -> np.ndarray:
    random = np.random.default_rng(seed)
    counts = random.poisson(random.gamma(1, 5, (products, 1)), (products, weeks)).astype(float)
    counts[0, : weeks // 3] = np.nan
    return counts


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 44))
def test_no_week_is_told_its_future(seed, weeks):
    counts = table(seed)
    whole, part = describe(counts), describe(counts[:, :weeks])
    for name in PARTS:
        np.testing.assert_allclose(
            getattr(whole, name)[:, :weeks], getattr(part, name), rtol=1e-5, atol=1e-6
        )


def test_a_product_is_described_alone_as_in_its_table():
    counts = table(0)
    whole, alone = describe(counts), describe(counts[2:3], counts)
    for name in PARTS:
        np.testing.assert_allclose(getattr(whole, name)[2:3], getattr(alone, name), rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1e6))
def test_features_are_finite_whatever_is_sold(seed, factor):
    features = describe(table(seed) * factor)
    assert all(np.isfinite(getattr(features, name)).all() for name in PARTS)


def test_the_common_level_follows_a_market_that_falls_by_a_third():
    random = np.random.default_rng(0)
    level = np.where(np.arange(40) < 30, 1.0, 0.67)
    counts = random.poisson(random.gamma(2, 5, (300, 1)) * level).astype(float)
    expected = describe(counts).memories[:, -1, 0].sum()
    assert expected == pytest.approx(counts[:, 30:].mean(axis=1).sum(), rel=0.05)


def test_one_product_alone_is_not_taken_for_the_market():
    counts = np.array([[5, 4, 6, 5, 5, 4, 6, 5, 5, 20]], dtype=float)
    assert describe(counts).memories[0, -1, 0] < 9


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1e6), st.floats(1, 50))
def test_quantiles_are_in_order_and_not_negative(mean, dispersion):
    low, median, high = quantiles(mean, dispersion)
    assert 0 <= low <= median <= high


@pytest.mark.parametrize("mean", [0.05, 0.7, 5, 40, 99, 101, 500])
@pytest.mark.parametrize("dispersion", [1.1, 2.0, 6.0])
def test_rounded_quantiles_are_those_of_whole_pieces(mean, dispersion):
    stats = pytest.importorskip("scipy.stats")
    size, success = mean / (dispersion - 1), 1 / dispersion
    exact = stats.nbinom.ppf([0.1, 0.5, 0.9], size, success)
    np.testing.assert_allclose(np.round(quantiles(mean, dispersion)), exact, atol=1)
    if mean <= 40:
        np.testing.assert_array_equal(np.round(quantiles(mean, dispersion)), exact)
