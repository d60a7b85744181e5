from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage import inbox, people, tickets
from storage.database import Database
from storage.schema import TicketMessage, now

PATIENCE = timedelta(hours=24)


async def opened(database: Database, customer: int, complaint: float) -> int:
    async with database.write() as session:
        await people.meet(session, customer, f"Customer {customer}", None, None)
        ticket = await tickets.open_ticket(session, customer, now())
        message = TicketMessage(
            author_id=customer,
            incoming=True,
            chat_id=customer,
            message_id=1,
            kind="text",
            text="hello",
            sent_at=now(),
        )
        scored = tickets.Scored(complaint, "test")
        await tickets.add_message(session, ticket, message, scored, PATIENCE)
        return ticket.id


async def test_the_unhappiest_is_claimed_first_and_each_ticket_once(database: Database) -> None:
    numbers = {await opened(database, n, n / 10): n for n in (3, 9, 5)}
    async with database.write() as session:
        await people.meet(session, 100, "Ana", None, None)
    claimed = []
    for _ in range(4):
        async with database.write() as session:
            ticket = await tickets.claim_next(session, 100, 100)
            claimed.append(ticket and numbers[ticket.id])
    assert claimed == [9, 5, 3, None]


@given(st.floats(0, 1), st.floats(0, 1), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_nobody_waits_behind_a_ticket_opened_more_than_the_patience_later(
    first: float, second: float, later: timedelta
) -> None:
    opened_at = now()
    mine = tickets.rank(opened_at, first, PATIENCE)
    theirs = tickets.rank(opened_at + later, second, PATIENCE)
    assert mine <= theirs or later <= PATIENCE


async def test_an_update_is_kept_and_finished_once(database: Database) -> None:
    arrival = inbox.Arrival(7, 1, {"update_id": 7})
    for expected in (1, 0):
        async with database.write() as session:
            assert await inbox.add(session, [arrival, arrival]) == expected
    async with database.write() as session:
        assert await inbox.finish(session, 7)
        assert not await inbox.finish(session, 7)


async def test_only_the_oldest_update_of_each_chat_is_handed_out(database: Database) -> None:
    async with database.write() as session:
        arrivals = [inbox.Arrival(n, n % 2, {"update_id": n}) for n in (5, 3, 4, 6)]
        await inbox.add(session, arrivals)
        assert [row.update_id for row in await inbox.heads(session, 9)] == [3, 4]
        assert [row.update_id for row in await inbox.heads(session, 9, {1})] == [4]
