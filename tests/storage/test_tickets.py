import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage import tickets
from storage.database import Database
from storage.schema import Ticket, now
from tests.storage.conftest import PATIENCE, agent, message, opened


async def test_the_unhappiest_is_claimed_first_and_each_ticket_once(database: Database) -> None:
    numbers = {await opened(database, n, n / 10): n for n in (3, 9, 5)}
    await agent(database, 100)
    claimed = []
    for _ in range(4):
        async with database.write() as session:
            ticket = await tickets.claim_next(session, 100, 100)
            claimed.append(ticket and numbers[ticket.id])
    assert claimed == [9, 5, 3, None]


async def test_agents_who_press_next_at_once_never_get_the_same_ticket(database: Database) -> None:
    for n in range(1, 7):
        await opened(database, n, n / 10)
    for n in range(100, 110):
        await agent(database, n)

    async def press(number: int) -> int | None:
        async with database.write() as session:
            ticket = await tickets.claim_next(session, number, number)
            await asyncio.sleep(0.01)  # the transactions overlap
            return ticket and ticket.id

    claimed = [found for found in await asyncio.gather(*map(press, range(100, 110))) if found]
    assert sorted(claimed) == [1, 2, 3, 4, 5, 6]


async def test_a_held_or_resolved_ticket_cannot_be_claimed(database: Database) -> None:
    number = await opened(database, 1, 0.5)
    for n in (100, 101):
        await agent(database, n)
    async with database.write() as session:
        ticket = await tickets.claim(session, number, 100, 100)
        assert ticket is not None
        assert await tickets.claim(session, number, 101, 101) is None
        await tickets.resolve(session, ticket, 100, "resolved")
        assert await tickets.claim(session, number, 101, 101) is None


@given(st.floats(0, 1), st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_nobody_waits_behind_a_ticket_opened_more_than_the_patience_later(
    first: float, second: float, later: timedelta
) -> None:
    opened_at = now()
    mine = tickets.rank(opened_at, first, PATIENCE)
    theirs = tickets.rank(opened_at + later, second, PATIENCE)
    assert mine <= theirs or later <= PATIENCE


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_each_message_moves_a_ticket_forward_or_not_at_all(scores: list[float]) -> None:
    at = now()
    ranks = [tickets.rank(at, max(scores[: n + 1]), PATIENCE) for n in range(len(scores))]
    assert ranks == sorted(ranks, reverse=True)


async def test_a_released_ticket_is_ranked_by_what_is_still_unanswered(database: Database) -> None:
    number = await opened(database, 1, 0.9)
    await agent(database, 100)
    async with database.write() as session:
        ticket = await tickets.claim(session, number, 100, 100)
        assert ticket is not None
        await tickets.reply(session, ticket, message(100, "On it", incoming=False))
        calm = tickets.Scored(0.2, "test")
        await tickets.add_message(session, ticket, message(1, "thanks"), calm, PATIENCE)
        await tickets.release(session, ticket, 100, PATIENCE)
    async with database.read() as session:
        [listed] = await tickets.queue(session, 0, 10)
        assert listed.ticket.complaint == 0.2
        assert listed.ticket.rank == tickets.rank(listed.ticket.opened_at, 0.2, PATIENCE)
        assert listed.holder is None


async def test_an_edited_message_keeps_what_it_said_before(database: Database) -> None:
    number = await opened(database, 1, 0.9)
    async with database.write() as session:
        kept = await tickets.find_message(session, 1, 1)
        assert kept is not None
        await tickets.edit_message(session, kept, "hello again", now())
    async with database.read() as session:
        [(found, author)] = await tickets.thread(session, number, 10)
        assert (found.text, author.name) == ("hello again", "Customer 1")
        assert found.edited_at is not None


async def test_times_come_back_in_utc_as_they_were(database: Database) -> None:
    before = now()
    number = await opened(database, 1, 0.5)
    async with database.read() as session:
        ticket = await session.get(Ticket, number)
        assert ticket is not None
        assert before <= ticket.opened_at <= now()
        assert ticket.opened_at.utcoffset() == timedelta(0)


async def score_of(database: Database, number: int) -> float:
    async with database.read() as session:
        ticket = await session.get(Ticket, number)
        assert ticket is not None
        return ticket.complaint


async def correct(database: Database, number: int, complaint: bool) -> None:
    async with database.write() as session:
        ticket = await tickets.lock(session, number)
        found = await tickets.unhappiest(session, number)
        assert ticket is not None
        assert found is not None
        await tickets.correct(session, ticket, found, 100, complaint, PATIENCE)


async def test_an_agents_word_on_a_score_moves_the_ticket(database: Database) -> None:
    first, second = [await opened(database, n, 0.5) for n in (1, 2)]
    await agent(database, 100)
    await correct(database, first, False)
    await correct(database, second, True)
    assert [await score_of(database, n) for n in (first, second)] == [0.0, 1.0]
    async with database.read() as session:
        waiting = await tickets.queue(session, 0, 10)
    assert [row.ticket.id for row in waiting] == [second, first]


async def test_the_last_word_on_a_message_is_what_is_learned_from(database: Database) -> None:
    number = await opened(database, 1, 0.5)
    await agent(database, 100)
    await correct(database, number, True)
    await correct(database, number, False)
    async with database.read() as session:
        assert await tickets.corrections(session) == [("hello", False)]


async def test_the_unhappiest_unanswered_message_is_the_one_to_correct(database: Database) -> None:
    number = await opened(database, 1, 0.5)
    async with database.write() as session:
        ticket = await tickets.lock(session, number)
        assert ticket is not None
        for text, complaint in (("worse", 0.9), ("better", 0.1)):
            scored = tickets.Scored(complaint, "test")
            await tickets.add_message(session, ticket, message(1, text), scored, PATIENCE)
        found = await tickets.unhappiest(session, number)
        assert found is not None
        assert found.text == "worse"
