from datetime import timedelta

from storage import inbox
from storage.database import Database
from storage.schema import Inbox, State, now


def arrivals(*pairs: tuple[int, int]) -> list[inbox.Arrival]:
    return [inbox.Arrival(number, chat, {"update_id": number}) for number, chat in pairs]


async def test_an_update_is_kept_and_finished_once(database: Database) -> None:
    [arrival] = arrivals((7, 1))
    for expected in (1, 0):
        async with database.write() as session:
            assert await inbox.add(session, [arrival, arrival]) == expected
    async with database.write() as session:
        assert await inbox.finish(session, 7)
        assert not await inbox.finish(session, 7)


async def test_only_the_oldest_update_of_each_chat_is_handed_out(database: Database) -> None:
    async with database.write() as session:
        await inbox.add(session, arrivals((5, 1), (3, 1), (4, -10012345678901), (6, 1)))
        assert [row.update_id for row in await inbox.heads(session, 9)] == [3, 4]
        assert [row.update_id for row in await inbox.heads(session, 9, {1})] == [4]


async def test_a_failing_update_waits_holds_its_chat_back_and_is_set_aside(
    database: Database,
) -> None:
    async with database.write() as session:
        await inbox.add(session, arrivals((1, 1), (2, 1)))
        later = now() + timedelta(hours=1)
        assert not await inbox.fail(session, 1, "first", tries=2, retry_at=later)
        assert await inbox.heads(session, 9) == []
        assert await inbox.fail(session, 1, "second", tries=2, retry_at=later)
        assert [row.update_id for row in await inbox.heads(session, 9)] == [2]
        assert await inbox.count(session, State.SET_ASIDE) == 1


async def test_what_was_done_long_ago_is_forgotten_and_nothing_else(database: Database) -> None:
    async with database.write() as session:
        await inbox.add(session, arrivals((1, 1), (2, 1)))
        await inbox.finish(session, 1)
        for number in (1, 2):
            row = await session.get(Inbox, number)
            assert row is not None
            row.received_at = now() - inbox.KEEP - timedelta(days=1)
        await session.flush()
        await inbox.prune(session)
    async with database.read() as session:
        assert await session.get(Inbox, 1) is None
        assert await session.get(Inbox, 2) is not None


async def test_two_transactions_cannot_both_handle_a_chat(database: Database) -> None:
    async with database.write() as session:
        await inbox.add(session, arrivals((1, 5)))
    async with database.read() as session:
        [row] = await inbox.heads(session, 1)
    if database.is_sqlite:  # one process at a time, see the next test
        return
    async with database.write() as mine, database.write() as theirs:
        assert await inbox.claim(mine, row)
        assert not await inbox.claim(theirs, row)
