"""Learning from what agents corrected: from the desk's database to new weights."""

import asyncio
import shutil
from pathlib import Path

import pytest

from ml.artifact import WEIGHTS
from ml.sentiment import data, recipe
from ml.sentiment.data import Example
from ml.sentiment.serve import SentimentModel
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
    ensemble, vocabulary, _ = recipe.restore(WEIGHTS / "sentiment")
    assert len(list(ensemble.members)) >= 1
    assert len(vocabulary.words) > 10_000
