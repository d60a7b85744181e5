import asyncio
import os
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from storage import tickets
from storage.database import HEAD, Database, InUseError, NoDeskError, look_up, parse_url
from storage.schema import Base


async def test_the_migrations_build_exactly_the_schema(database: Database) -> None:
    assert await database.version() == HEAD
    async with database.session() as session:
        connection = await session.connection()
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": False}), Base.metadata
            )
        )
    assert differences == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await database.migrate()
    assert await database.version() == HEAD


async def test_a_file_serves_one_process_at_a_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    first, second = Database(url), Database(url)
    in_use = pytest.raises(InUseError, match="in use by another process")
    with first.alone(), in_use, second.alone():
        pass
    with second.alone():
        pass


async def test_several_processes_can_start_on_an_empty_postgresql_at_once(
    postgres_url: str,
) -> None:
    databases = [Database(postgres_url) for _ in range(3)]
    await asyncio.gather(*(database.migrate() for database in databases))
    for database in databases:
        assert await database.version() == HEAD
        await database.close()


class Race:
    """Two processes of which one may be at work."""

    def __init__(self, url: str) -> None:
        self.databases = {name: Database(url) for name in ("first", "second")}
        self.began: asyncio.Queue[str] = asyncio.Queue()
        self.at_work = 0
        self.most = 0
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def enter(self, name: str) -> None:
        async def work() -> None:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            self.began.put_nowait(name)
            try:
                await asyncio.Event().wait()
            finally:
                self.at_work -= 1

        self.tasks[name] = asyncio.create_task(self.databases[name].lead(1, work))

    async def next(self) -> str:
        async with asyncio.timeout(15):
            return await self.began.get()

    async def leave(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.wait([self.tasks[name]])
        await self.databases[name].close()


async def test_the_lead_passes_on_when_its_holder_goes(postgres_url: str) -> None:
    race = Race(postgres_url)
    race.enter("first")
    assert await race.next() == "first"
    race.enter("second")
    await asyncio.sleep(2)
    assert race.began.empty()
    await race.leave("first")
    assert await race.next() == "second"
    await race.leave("second")
    assert race.most == 1


async def test_who_loses_the_connection_and_with_it_the_lock_stops_before_another_begins(
    postgres_url: str,
) -> None:
    race = Race(postgres_url)
    race.enter("first")
    assert await race.next() == "first"
    race.enter("second")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    leader = await race.next()
    await race.leave(leader)
    other = await race.next()
    assert {leader, other} == {"first", "second"}
    await race.leave(other)
    assert race.most == 1


async def test_the_inbox_survives_a_power_cut_as_far_as_sqlite_can(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/desk.db")
    async with database.read() as session:
        found = {
            name: await session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    await database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///desk.db", "sqlite+aiosqlite"),
        ("postgres://me@host/desk", "postgresql+psycopg"),
        ("postgresql://me@host/desk", "postgresql+psycopg"),
    ],
)
def test_a_url_gets_the_driver_that_fits(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


@pytest.mark.parametrize("url", ["mysql://host/desk", "desk.db", os.sep])
def test_a_url_of_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL"):
        parse_url(url)


def test_a_program_without_an_event_loop_reads_a_desk(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    with pytest.raises(NoDeskError, match="there is no database"):
        look_up(url, tickets.waiting)
    assert not list(tmp_path.iterdir())
    database = Database(url)
    asyncio.run(database.migrate())
    asyncio.run(database.close())
    assert look_up(url, tickets.waiting) == 0


def test_what_holds_no_desk_is_named_in_one_line(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "text.db").write_text("no database at all, but long enough to be one " * 50)
    (tmp_path / "empty.db").touch()
    for url, reason in (
        (f"sqlite:///{tmp_path}/text.db", "cannot be read: file is not a database"),
        (f"sqlite:///{tmp_path}/empty.db", "holds no desk"),
        (postgres_url, "holds no desk"),
        (postgres_url.replace("postgres:", "postgres:secret") + "x", "cannot be read"),
        ("mysql://desk", "must begin with sqlite or postgresql"),
    ):
        with pytest.raises(ValueError, match=reason) as caught:
            look_up(url, tickets.waiting)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)
