import hashlib
import random
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.completion.network import zeros
from ml.completion.replies import ENOUGH, MASK, Reply, TooFewRepliesError, learn, mask
from ml.completion.restore import restore
from ml.completion.serve import CompletionModel
from storage import people, tickets
from storage.database import Database
from storage.schema import Role, TicketMessage, now
from tests.ml.completion.conftest import IDS, H

THINGS = ["parcel", "refund", "router", "invoice", "ticket", "order", "letter", "card"]
DAYS = ["today", "tomorrow", "on monday", "on friday", "this week", "next week"]
OPENINGS = ["hello and sorry", "thank you", "good morning", "dear customer", "so sorry", "hi"]


def voices(number: int) -> list[str]:
    """Different replies of one team."""
    every = [f"{o}, the {t} is on its way {d}." for o in OPENINGS for t in THINGS for d in DAYS]
    return random.Random(0).sample(every, number)


async def resolved_desk(path: Path, texts: list[str]) -> Database:
    """A desk whose agent wrote these replies, each in a ticket of its own."""
    database = Database(f"sqlite:///{path}/desk.db")
    await database.migrate()
    async with database.write() as session:
        await people.meet(session, 1, "Carla Jones", None, None)
        await people.set_role(session, 2, Role.AGENT)
        for number, text in enumerate(texts):
            ticket = await tickets.open_ticket(session, 1, now())
            reply = TicketMessage(
                author_id=2,
                incoming=False,
                chat_id=2,
                message_id=number,
                kind="text",
                text=text,
                sent_at=now(),
            )
            await tickets.reply(session, ticket, reply)
            await tickets.resolve(session, ticket, 2, "resolved")
    return database


async def test_the_network_learns_the_teams_voice_from_its_desk(
    artifact: Path, tmp_path: Path
) -> None:
    database = await resolved_desk(tmp_path, voices(ENOUGH + 60))
    async with database.read() as session:
        replies = [Reply(text, name) for text, name in await tickets.replies(session)]
    await database.close()
    outcome = learn(artifact, tmp_path / "team", replies)
    assert outcome.installed
    assert outcome.after < outcome.before
    assert outcome.held_out > 10
    team = CompletionModel.load(tmp_path / "team")
    assert all(MASK not in suggestion for suggestion in team.suggest("the cat"))


def test_too_few_replies_say_how_many_are_missing(artifact: Path, tmp_path: Path) -> None:
    replies = [Reply(text, "Carla") for text in [*voices(150), *voices(150)]]
    with pytest.raises(TooFewRepliesError, match="50 replies are missing"):
        learn(artifact, tmp_path / "team", replies)
    assert not (tmp_path / "team").exists()


def test_what_is_not_better_is_not_installed(artifact: Path, tmp_path: Path) -> None:
    def bucket(text: str) -> int:
        return hashlib.sha256(text.lower().encode()).digest()[0] % 10

    animals, places = ("cat", "dog"), ("mat", "log")
    usual = [
        " ".join([f"the {one} sat on the {here}. the {other} sat on the {there}."] * n)
        for one, other in product(animals, animals)
        for here, there in product(places, places)
        for n in range(1, 26)
    ]
    strange = [f"{'gmdtlhe' * (1 + n % 3)} {'ab' * (n % 20)}{'cd' * (n // 20)}" for n in range(400)]
    texts = [t for t in usual if bucket(t) == 9] + [t for t in strange if bucket(t) < 9]
    outcome = learn(artifact, tmp_path / "team", [Reply(text, "Carla") for text in texts])
    assert not outcome.installed
    assert not (tmp_path / "team").exists()


def test_a_shipped_network_can_be_read_back(artifact: Path) -> None:
    again = restore(artifact)
    served = CompletionModel.load(artifact)
    ids = IDS[:40][None]
    with torch.no_grad():
        logits, *_ = again(ids, *zeros(H.layers, 1, H.hidden))
    expected, _ = served._run(ids.numpy(), served._zeros())
    difference = logits.softmax(-1) - torch.from_numpy(expected).softmax(-1)
    assert float(difference.abs().max()) < 0.03


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Hello Carla, see https://shop.example/o/1?x=2 please", "Hello #, see # please"),
        ("Write to carla.jones@mail.example or call +49 30 1234567", "Write to # or call #"),
        ("Order AB-12345 went out 2 days ago", "Order # went out 2 days ago"),
        ("Card 4111 1111 1111 1111, dear jones", "Card #, dear #"),
        ("Ask @carla_j for it", "Ask # for it"),
    ],
)
def test_what_belongs_to_the_customer_is_masked(text: str, masked: str) -> None:
    assert mask(Reply(text, "Carla Jones")) == masked


@given(st.text(max_size=40), st.from_regex(r"[0-9]{5,16}", fullmatch=True))
def test_no_long_number_survives_the_mask(words: str, number: str) -> None:
    assert number not in mask(Reply(f"{words} {number} {words}", "Carla"))
