import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.artifact import CARD, WeightsError, write_card
from ml.sentiment.network import SentimentNetwork
from ml.sentiment.restore import restore
from ml.sentiment.train import export, fit_calibration
from ml.sentiment.words import Vocabulary

from .conftest import TINY, fitted, messages


def _train(vocabulary: Vocabulary, epochs: int, checkpoint: Path | None) -> SentimentNetwork:
    return fitted(vocabulary, messages(80, 5), epochs, 3, checkpoint)


def _same(one: SentimentNetwork, other: SentimentNetwork) -> bool:
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_training_twice_with_one_seed_gives_the_same_weights(vocabulary: Vocabulary) -> None:
    assert _same(_train(vocabulary, 2, None), _train(vocabulary, 2, None))


def test_a_run_that_was_stopped_ends_like_one_that_was_not(
    vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        pass

    save, saved = torch.save, []

    def save_once(state: object, path: Path) -> None:
        save(state, path)
        saved.append(path)
        if len(saved) == 2:
            raise StoppedError

    monkeypatch.setattr(torch, "save", save_once)
    with pytest.raises(StoppedError):
        _train(vocabulary, 4, tmp_path / "last.pt")
    monkeypatch.undo()
    assert _same(_train(vocabulary, 4, tmp_path / "last.pt"), _train(vocabulary, 4, None))


def test_calibration_finds_the_temperature_and_the_bias() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 20_000)
    truth = (rng.random(20_000) < 1 / (1 + np.exp(-(logits + 0.5) / 2))).astype(float)
    temperature, bias = fit_calibration(logits, truth, np.ones(20_000))
    assert temperature == pytest.approx(2, abs=0.1)
    assert bias == pytest.approx(0.5, abs=0.1)


def test_an_artifact_can_be_read_back_into_torch(
    artifact: Path, network: SentimentNetwork, tmp_path: Path
) -> None:
    restored, _, h = restore(artifact)
    assert h == TINY
    step = 1 / 63  # of 7 bits
    for name, parameter in network.named_parameters():
        most = parameter.abs().max().item()
        np.testing.assert_allclose(
            restored.state_dict()[name], parameter.detach(), atol=step * most
        )
    export(restored, tmp_path / "network.onnx")
    again, shipped = tmp_path / "network.bin", artifact / "network.bin"
    assert again.read_bytes() == shipped.read_bytes()


def test_an_artifact_of_another_version_is_not_learned_on_from(artifact: Path) -> None:
    card = json.loads((artifact / CARD).read_text())
    write_card(artifact, {**card, "hyperparameters": {"layers": 3}})
    with pytest.raises(WeightsError, match="another version"):
        restore(artifact)
