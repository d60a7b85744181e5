import json
from pathlib import Path

import pytest
import torch

from ml.artifact import CARD, WeightsError, write_card
from ml.sentiment.data import Example
from ml.sentiment.network import Ensemble, SentimentNetwork
from ml.sentiment.recipe import fine_tune
from ml.sentiment.restore import restore
from ml.sentiment.serve import SentimentModel
from ml.sentiment.train import fit, logits_of
from ml.sentiment.words import Vocabulary

from .conftest import TINY, messages, untrained


def _train(vocabulary: Vocabulary, epochs: int, checkpoint: Path | None) -> SentimentNetwork:
    network, examples = untrained(vocabulary), messages(80, 5)
    fit(
        network,
        vocabulary,
        examples,
        [1.0] * len(examples),
        TINY,
        epochs=epochs,
        learning_rate=TINY.learning_rate,
        seed=3,
        checkpoint=checkpoint,
    )
    return network


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


def test_an_artifact_can_be_read_back_into_torch(artifact: Path, ensemble: Ensemble) -> None:
    restored, vocabulary, h = restore(artifact)
    texts = [e.text for e in messages(20, 6)]
    assert h == TINY
    assert logits_of(restored, vocabulary, texts) == pytest.approx(
        logits_of(ensemble, vocabulary, texts), abs=1e-6
    )


def test_an_artifact_of_another_version_is_not_learned_on_from(artifact: Path) -> None:
    card = json.loads((artifact / CARD).read_text())
    write_card(artifact, {**card, "hyperparameters": {"layers": 3}})
    with pytest.raises(WeightsError, match="another version"):
        restore(artifact)


def test_fifty_consistent_corrections_change_the_score_of_a_similar_message(
    artifact: Path,
) -> None:
    similar = "please refuse it today"
    before = SentimentModel.load(artifact).score([similar])[0].complaint
    wrong = 0.0 if before > 0.5 else 1.0
    words = ["the", "my", "is", "was", "very", "order", "phone", "line", "room", "again"]
    given = [Example(f"{a} refuse {b}", wrong) for a in words for b in words if a < b][:50]
    result = fine_tune(artifact, given, messages(200, 8), messages(60, 9))
    assert result["replaced"]
    after = SentimentModel.load(artifact).score([similar])[0].complaint
    assert abs(after - wrong) < abs(before - wrong) - 0.2


def test_a_wrecked_set_of_corrections_is_refused(artifact: Path) -> None:
    version = SentimentModel.load(artifact).version
    wrecked = [Example(e.text, 1 - e.unhappy) for e in messages(300, 10)]
    result = fine_tune(artifact, wrecked, messages(20, 11), messages(60, 12))
    assert not result["replaced"]
    assert result["new"]["base"]["log_loss"] > result["old"]["base"]["log_loss"]
    assert SentimentModel.load(artifact).version == version
    assert [path.name for path in artifact.parent.iterdir()] == [artifact.name]


def test_too_few_corrections_are_refused(artifact: Path) -> None:
    with pytest.raises(ValueError, match="1 corrections are too few"):
        fine_tune(artifact, [Example("late", 0.0)], messages(20, 13), messages(20, 14))
