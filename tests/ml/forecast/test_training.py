"""Training: the same every time, and the exported graph says what the network says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.artifact import open_session
from ml.forecast import train
from ml.forecast.features import describe
from ml.forecast.network import Hyper
from ml.forecast.serve import INPUT_NAMES

QUICK = replace(Hyper(), hidden=4, members=2, steps=60, batch=16)


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    random = np.random.default_rng(1)
    return random.poisson(random.gamma(2, 3, (24, 1)), (24, 40)).astype(np.float64)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def same(one, other) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_the_same_seed_trains_the_same_network(counts):
    short = replace(QUICK, steps=10)
    first, losses = train.fit(counts, short, seed=3)
    second, again = train.fit(counts, short, seed=3)
    assert losses == again
    assert same(first, second)


def test_another_seed_trains_another_network(counts):
    short = replace(QUICK, steps=3)
    assert not same(train.fit(counts, short, seed=3)[0], train.fit(counts, short, seed=4)[0])


def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(counts, tmp_path: Path):
    whole, losses = train.fit(counts, QUICK)
    checkpoint = tmp_path / "checkpoint.pt"
    train.fit(counts, QUICK, checkpoint=checkpoint, stop_after=55)
    resumed, again = train.fit(counts, QUICK, checkpoint=checkpoint)
    assert again == losses
    assert same(whole, resumed)


def test_a_checkpoint_of_other_data_is_not_gone_on_from(counts, tmp_path: Path):
    checkpoint = tmp_path / "checkpoint.pt"
    short = replace(QUICK, steps=5)
    train.fit(counts, short, checkpoint=checkpoint)
    fresh = train.fit(counts + 1, short)[1]
    assert train.fit(counts + 1, short, checkpoint=checkpoint)[1] == fresh


@pytest.mark.parametrize("weeks", [2, 8, 20, 40])
@pytest.mark.parametrize("products", [1, 7])
def test_the_exported_graph_says_what_the_network_says(counts, exported, weeks, products):
    model, path = exported
    session = open_session(path)
    features = describe(counts[:products, :weeks], counts[:, :weeks]).last()
    [out] = session.run(None, dict(zip(INPUT_NAMES, features, strict=True)))
    with torch.no_grad():
        expected = model(*(torch.from_numpy(part) for part in features)).numpy()
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def exported(counts, tmp_path_factory: pytest.TempPathFactory):
    model, _ = train.fit_ensemble(counts, replace(QUICK, steps=5, members=1))
    path = tmp_path_factory.mktemp("graph") / "network.onnx"
    train.export(model, path)
    return model, path


def test_the_likelihood_is_that_of_a_negative_binomial():
    stats = pytest.importorskip("scipy.stats")
    mean, dispersion = np.array([0.3, 4.0, 60.0]), np.array([1.05, 1.5, 4.0])
    target = np.array([1.0, 2.0, 70.0])
    forecast = torch.from_numpy(np.stack([mean, dispersion], axis=-1))
    ours = -train.negative_log_likelihood(forecast, torch.from_numpy(target)).numpy()
    theirs = stats.nbinom.logpmf(target, mean / (dispersion - 1), 1 / dispersion)
    constant = -np.array([float(torch.lgamma(torch.tensor(t + 1))) for t in target])
    np.testing.assert_allclose(ours + constant, theirs, rtol=1e-4)


def test_the_textbook_recipe_resumes_as_if_nothing_had_happened(counts, tmp_path: Path):
    recipe = train.Textbook(epochs=600)
    whole = train.fit_textbook(counts, recipe)[1]
    checkpoint = tmp_path / "textbook.pt"
    train.fit_textbook(counts, recipe, checkpoint=checkpoint, stop_after=550)
    assert train.fit_textbook(counts, recipe, checkpoint=checkpoint)[1] == whole
    assert whole[-1] < whole[0]


def test_products_that_wander_keep_their_size_and_what_is_unknown(counts):
    known = np.vstack([counts] * 10)
    known[0, :5] = np.nan
    made = train.wander(known, np.random.default_rng(5))
    assert np.array_equal(np.isnan(made), np.isnan(known))
    assert np.nanmin(made) >= 0
    moved = np.abs(np.diff(np.nanmean(made.reshape(len(made), 4, 10), axis=2), axis=1)).mean()
    before = np.abs(np.diff(np.nanmean(known.reshape(len(known), 4, 10), axis=2), axis=1)).mean()
    assert moved > 2 * before
