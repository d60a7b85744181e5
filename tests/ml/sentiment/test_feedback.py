"""Learning from what agents corrected: from the desk's database to new weights."""

import asyncio
import shutil
from pathlib import Path

import pytest

from ml.artifact import WEIGHTS
from ml.sentiment import data
from ml.sentiment.data import Example
from ml.sentiment.feedback import fine_tune
from ml.sentiment.restore import restore
from ml.sentiment.serve import SentimentModel
from ml.sentiment.train import logits_of
from storage import tickets
from storage.database import Database, NoDeskError
from tests.ml.sentiment.conftest import messages
from tests.scripts.loading import load_script
from tests.storage.conftest import PATIENCE, agent, message, opened

script = load_script("train_sentiment")


def desk_with(folder: Path, corrections: list[tuple[str, bool]]) -> str:
    """The URL of a desk whose agent corrected these messages."""
    url = f"sqlite:///{folder}/desk.db"

    async def fill() -> None:
        database = Database(url)
        await database.migrate()
        await agent(database, 100)
        number = await opened(database, 1, 0.5)
        async with database.write() as session:
            ticket = await tickets.lock(session, number)
            assert ticket is not None
            for text, complaint in corrections:
                said = await tickets.add_message(session, ticket, message(1, text))
                await tickets.correct(session, ticket, said, 100, complaint, PATIENCE)
        await database.close()

    asyncio.run(fill())
    return url


def test_corrections_of_a_desk_make_new_weights_beside_the_shipped_ones(
    artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(artifact, weights / "sentiment")
    monkeypatch.setattr(script, "WEIGHTS", weights)
    base = data.Split(messages(200, 8), messages(60, 9), [], [], [], 0)
    monkeypatch.setattr(data, "load", lambda folder: base)
    words = ["the", "my", "is", "was", "very", "order", "phone", "line", "room", "again"]
    texts = [f"{a} refuse {b}" for a in words for b in words if a < b]
    similar = "please refuse it today"
    before = SentimentModel.load(artifact).score([similar])[0].complaint
    url = desk_with(tmp_path, [(text, before < 0.5) for text in [*texts, "again the very phone"]])
    out = tmp_path / "data" / "sentiment"
    script.feedback(url, tmp_path, out, 0)
    after = SentimentModel.load(out).score([similar])[0].complaint
    assert abs(after - before) > 0.2
    shipped = SentimentModel.load(weights / "sentiment")
    assert shipped.score([similar])[0].complaint == before


def test_without_a_desk_or_corrections_nothing_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = data.Split([Example("late", 1.0)], [], [], [], [], 0)
    monkeypatch.setattr(data, "load", lambda folder: base)
    with pytest.raises(NoDeskError, match="there is no database"):
        script.feedback(f"sqlite:///{tmp_path}/none.db", tmp_path, tmp_path / "out", 0)
    url = desk_with(tmp_path, [])
    with pytest.raises(ValueError, match="0 corrections are too few"):
        script.feedback(url, tmp_path, tmp_path / "out", 0)


def test_the_shipped_weights_can_be_learned_on_from() -> None:
    network, vocabulary, _ = restore(WEIGHTS / "sentiment")
    assert len(vocabulary.words) > 10_000
    complaint, question = logits_of(network, vocabulary, ["it is late again", "how do I pay?"])
    assert complaint > 0 > question


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
