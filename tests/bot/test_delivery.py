import asyncio
import selectors
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery import Limits
from bot.sandbox.client import Person
from bot.sandbox.world import BOT_ID, GROUP_ID
from storage import people
from storage.database import Database
from storage.schema import Role
from tests.bot.talk import ask
from tests.conftest import Town, desk_open


class Impatient(selectors.SelectSelector):
    """Does not wait, but moves a clock on."""

    clock = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.clock += (timeout or 0) + 1e-6  # time never stands still
        return super().select(0)


class Timeless(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to what is due next."""

    def __init__(self) -> None:
        self._impatient = Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        return self._impatient.clock


def passed(messages: dict[int, int]) -> list[tuple[float, int]]:
    """When so many messages to each chat would be sent, in seconds, in order."""
    loop, limits, moments = Timeless(), Limits(), list[tuple[float, int]]()

    async def lane(chat: int) -> None:
        for _ in range(messages[chat]):
            await limits.wait(chat)
            moments.append((loop.time(), chat))

    async def lanes() -> None:
        await asyncio.gather(*map(lane, messages))

    loop.run_until_complete(lanes())
    loop.close()
    return moments


@settings(max_examples=10)
@given(
    st.dictionaries(st.integers(1, 99), st.integers(1, 3), min_size=30, max_size=40),
    st.dictionaries(st.just(-1), st.integers(20, 50)),
)
def test_what_is_sent_stays_within_telegrams_limits(
    private: dict[int, int], groups: dict[int, int]
) -> None:
    messages = private | groups
    moments = passed(messages)
    everything = [at for at, _ in moments]
    assert all(b - a > 0.99 for a, b in zip(everything, everything[31:], strict=False))
    for chat in messages:
        mine = [at for at, to in moments if to == chat]
        assert len(mine) == messages[chat]
        assert all(b - a > 0.99 for a, b in pairwise(mine))
        if chat < 0:
            assert all(b - a > 59.9 for a, b in zip(mine, mine[20:], strict=False))


async def test_a_long_text_arrives_whole_and_in_order_through_failures(town: Town) -> None:
    await ask(town.carla, "\n".join(f"line {n:04}" for n in range(400)), "#1")
    for kind in ("server_error", "drop_before", "retry_after"):
        await town.client.fault("sendMessage", kind=kind, chat_id=town.ana.id)
    asked = await town.ana.say("/ticket 1")
    await town.ana.wait_for(
        lambda m: "line 0399" in m["text"], within=40, after=asked["message_id"]
    )
    parts = [m["text"] for m in await town.ana.messages(after=asked["message_id"])]
    whole = "\n".join(parts)
    positions = [whole.index(f"line {n:04}") for n in range(400)]
    assert positions == sorted(positions)
    assert all(len(part) <= 4096 for part in parts)


async def test_an_agent_is_told_when_the_customer_has_blocked_the_bot(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    await town.carla.block()
    await ask(town.ana, "/reply 1 It arrives today", "did not arrive")
    card = await ask(town.ana, "/ticket 1", "has blocked the bot")
    calls = await town.client.outgoing("sendMessage", chat_id=town.carla.id)
    await town.carla.unblock()
    await ask(town.carla, "/status", "is on it")
    assert "It arrives today" in card["text"]
    assert sum("It arrives today" in str(call["params"]) for call in calls) == 1


async def test_an_agent_is_told_that_the_news_of_a_resolved_ticket_did_not_arrive(
    town: Town,
) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    await town.carla.block()
    notice = await ask(town.ana, "/resolve 1", "did not arrive")
    assert "#1" in notice["text"]


async def test_an_unknown_chat_is_not_tried_forever(town: Town) -> None:
    await town.client.fault(
        "sendMessage",
        kind="bad_request",
        chat_id=town.carla.id,
        description="Bad Request: chat not found",
    )
    await town.carla.say("My parcel is late")
    await ask(town.ana, "/ticket 1", "has blocked the bot")


async def test_an_admin_is_told_when_the_desks_own_chats_are_gone(town: Town) -> None:
    await ask(town.carla, "My parcel is late", "#1")
    await ask(town.ana, "/next", "parcel is late")
    await town.ana.block()
    await town.carla.say("Are you still there?")
    await town.ada.wait_for(lambda m: f"chat {town.ana.id} was refused" in m["text"], within=15)
    await town.client.set_member(GROUP_ID, BOT_ID, "kicked")
    await town.dmitri.say("I was charged twice and nobody answers, this is outrageous!")
    await town.ada.wait_for(lambda m: f"chat {GROUP_ID} was refused" in m["text"], within=15)


async def test_a_call_that_telegram_refuses_is_shown_to_an_admin(town: Town) -> None:
    await town.client.fault(
        "sendMessage", kind="bad_request", chat_id=town.carla.id, description="Bad Request: no"
    )
    await town.carla.say("My parcel is late")
    await town.ada.wait_for(lambda m: "was refused" in m["text"], within=15)
    await ask(town.ada, "/stats", "1 messages")


async def test_a_dropped_connection_after_the_ok_repeats_at_most_that_message(town: Town) -> None:
    await town.client.fault("sendMessage", kind="drop_after", chat_id=town.carla.id)
    await town.carla.say("My parcel is late")
    await ask(town.carla, "/status", "you are next")
    said = [m["text"] for m in await town.carla.messages()]
    assert 1 <= sum("we have your message" in text for text in said) <= 2


@pytest.mark.parametrize("kind", ["method_missing", "bad_request"])
async def test_a_server_without_command_menus_is_no_reason_to_stop(
    closed_town: Town, kind: str
) -> None:
    await closed_town.client.fault("setMyCommands", kind=kind, times=99)
    async with desk_open(closed_town.settings):
        await ask(closed_town.carla, "My parcel is late", "#1")


async def test_menus_show_each_role_its_own_commands(town: Town) -> None:
    for person, wanted in ((town.carla, "/status"), (town.ana, "/queue"), (town.ada, "/stats")):
        await ask(person, "/help", wanted)

    async def menu(person: Person) -> set[str]:
        return {one["command"] for one in await person.commands()}

    everyone = {"start", "complete", "forecast", "movers", "help"}
    assert await menu(town.carla) == {*everyone, "status", "cancel"}
    assert {"queue"} == {"queue", "addagent"} & await menu(town.ana)
    assert {"queue", "addagent"} <= await menu(town.ada)

    await ask(town.ada, f"/addagent {town.dmitri.id}", "is an agent now")
    await town.dmitri.wait_for(lambda m: "You are an agent" in m["text"], within=15)
    assert "queue" in await menu(town.dmitri)
    database = Database(town.settings.database_url)
    async with database.read() as session:
        agents = {person.id for person in await people.with_role(session, Role.AGENT)}
    await database.close()
    assert agents == {town.ana.id, town.ben.id, town.dmitri.id}
