import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import sales
from storage.database import Database

Row = tuple[str, str, float]


async def put(database: Database, *rows: Row, replaces: bool = False) -> int:
    """Propose a file and keep it at once."""
    async with database.write() as session:
        proposed = await sales.propose(session, "sales.csv", None, rows)
        assert await sales.keep(session, proposed.id, replaces=replaces)
        return proposed.id


async def table(database: Database) -> dict[str, dict[str, float]]:
    async with database.read() as session:
        return await sales.table(session)


async def test_a_proposed_file_counts_only_when_it_is_kept(database: Database) -> None:
    async with database.write() as session:
        proposed = await sales.propose(session, "sales.csv", None, [("Tea", "2026-01-05", 3)])
    assert await table(database) == {}
    async with database.write() as session:
        assert await sales.keep(session, proposed.id, replaces=False)
        assert not await sales.keep(session, proposed.id, replaces=False)
        assert not await sales.drop(session, proposed.id)
    assert await table(database) == {"Tea": {"2026-01-05": 3}}


async def test_a_new_proposal_takes_the_place_of_the_senders_last_one(database: Database) -> None:
    async with database.write() as session:
        first = await sales.propose(session, "a.csv", None, [("Tea", "W1", 3)])
        await sales.propose(session, "b.csv", None, [("Tea", "W1", 4)])
        assert await sales.keep(session, first.id, replaces=False) is None


async def test_later_files_win_and_the_next_weeks_are_added(database: Database) -> None:
    await put(database, ("Tea", "W1", 3), ("Tea", "W2", 4))
    await put(database, ("tea", "W2", 5), ("Tea", "W3", 6), ("Jam", "W3", 1))
    assert await table(database) == {"Tea": {"W1": 3, "W2": 5, "W3": 6}, "Jam": {"W3": 1}}


async def test_undoing_brings_back_what_was_there_before(database: Database) -> None:
    first = await put(database, ("Tea", "W1", 3))
    second = await put(database, ("Jam", "W1", 9), replaces=True)
    assert await table(database) == {"Jam": {"W1": 9}}
    async with database.write() as session:
        assert await sales.undo(session, first) is None  # not the latest
        assert await sales.undo(session, second)
        assert await sales.undo(session, second) is None
    assert await table(database) == {"Tea": {"W1": 3}}


FILES = st.lists(
    st.tuples(
        st.dictionaries(
            st.tuples(st.sampled_from(["Tea", "Jam"]), st.sampled_from(["W1", "W2", "W3"])),
            st.integers(0, 9).map(float),
        ),
        st.booleans(),
    ),
    max_size=5,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database without sales."""
    file = tmp_path_factory.mktemp("sales") / "empty.db"

    async def make() -> None:
        database = Database(f"sqlite:///{file}")
        await database.migrate()
        await database.close()

    asyncio.run(make())
    return file


@given(FILES)
def test_undoing_every_file_goes_back_the_same_way(
    empty: Path, files: Sequence[tuple[dict[tuple[str, str], float], bool]]
) -> None:
    async def check() -> None:
        database = Database(f"sqlite:///{shutil.copy(empty, empty.with_name('test.db'))}")
        states, numbers = [await table(database)], []
        for cells, replaces in files:
            rows = [(product, week, units) for (product, week), units in cells.items()]
            numbers.append(await put(database, *rows, replaces=replaces))
            states.append(await table(database))
        for number in reversed(numbers):
            assert await table(database) == states.pop()
            async with database.write() as session:
                assert await sales.undo(session, number)
        assert await table(database) == states.pop() == {}
        await database.close()

    asyncio.run(check())
