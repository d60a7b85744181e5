"""The database: SQLite in a file by default, PostgreSQL where several processes share the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

log = logging.getLogger(__name__)
T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0002"  # the newest migration; known here so that an up-to-date start needs no Alembic

# Namespaces of PostgreSQL's advisory locks.
CHAT_LOCK, LEADER_LOCK, MIGRATION_LOCK = 1, 2, 3
WATCH = 0.5  # seconds between two looks at a leader's lock


def parse_url(url: str) -> URL:
    """A database URL with the driver that fits: aiosqlite or psycopg.

    Raises:
        ValueError: the URL is neither SQLite's nor PostgreSQL's.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("DATABASE_URL is not a database URL") from None
    drivers = {
        "sqlite": "sqlite+aiosqlite",
        "postgresql": "postgresql+psycopg",
        "postgres": "postgresql+psycopg",
    }
    backend = parsed.drivername.partition("+")[0]
    if backend not in drivers:
        raise ValueError(f"DATABASE_URL must begin with sqlite or postgresql, not {backend!r}")
    return parsed.set(drivername=drivers[backend])


class InUseError(Exception):
    """Another process works with this SQLite file."""


class Database:
    """Opens transactions; one object per process.

    Raises:
        ValueError: the URL is of no database that Firstline knows.
    """

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_async_engine(
            self.url, **({"connect_args": {"timeout": 30}} if self.is_sqlite else {"pool_size": 20})
        )
        self._reader = self._engine.execution_options(read_only=True)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _set_up_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    def session(self) -> AsyncSession:
        """A session whose transaction begins with its first statement and may write."""
        return AsyncSession(self._engine, expire_on_commit=False)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end, rolled back if the block raises."""
        async with self.session() as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A snapshot to read from, which never waits for a writer."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session:
            yield session

    async def version(self) -> str | None:
        """The schema's version, or None in a database without one."""
        async with self._engine.connect() as connection:
            if not await connection.run_sync(
                lambda sync: sync.dialect.has_table(sync, "alembic_version")
            ):
                return None
            result = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return result.scalar()

    async def migrate(self) -> None:
        """Bring the schema up to date (nothing to do: one query)."""
        if await self.version() == HEAD:
            return
        async with self._engine.begin() as connection:
            if not self.is_sqlite:  # two processes may start at once
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:n, 0)"), {"n": MIGRATION_LOCK}
                )
            await connection.run_sync(_upgrade)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold a SQLite file for one process; PostgreSQL is there to be shared.

        The lock is a transaction on a file beside the database, which ends with its process.

        Raises:
            InUseError: another process holds it.
        """
        if not self.is_sqlite:
            yield
            return
        with contextlib.closing(sqlite3.connect(f"{self.url.database}-lock", timeout=0)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                raise InUseError(f"{self.url.database} is in use by another process") from None
            yield

    async def lead(self, task: int, work: Callable[[], Awaitable[None]]) -> None:
        """Work while this process is the only one at the task, until cancelled.

        On SQLite there is one process. On PostgreSQL a session's advisory lock decides, and
        passes on by itself when its holder dies. A holder that loses its connection, and with it
        the lock, stops within ``WATCH``, and waits in line again.
        """
        if self.is_sqlite:
            await work()
            return
        while True:
            try:
                async with self._engine.connect() as connection:
                    try:
                        await self._lead(connection, task, work)
                        return
                    finally:
                        await connection.invalidate()  # the lock ends with the connection
            except DBAPIError as error:
                log.warning("The connection that held a lock is lost: %s", error.orig)
            await asyncio.sleep(WATCH)

    async def _lead(
        self, connection: AsyncConnection, task: int, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Wait for the lock and work, until the connection fails or the work does."""
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        lock = text("SELECT pg_try_advisory_lock(:space, :task)")
        parameters = {"space": LEADER_LOCK, "task": task}
        while True:
            if await connection.scalar(lock, parameters):
                break
            await asyncio.sleep(WATCH)
        await asyncio.sleep(2 * WATCH)  # a former holder may not know yet that it is none
        working = asyncio.ensure_future(work())
        try:
            while not working.done():
                await connection.scalar(text("SELECT 1"))
                await asyncio.wait([working], timeout=WATCH)
        finally:
            working.cancel()
            await asyncio.wait([working])
        working.result()

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


class NoDeskError(ValueError):
    """There is no desk at a URL; the message is one line."""


def look_up(url: str, query: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Read from a desk's database, for programs that have no event loop.

    Raises:
        NoDeskError: there is no database, or no desk in it.
        ValueError: the desk is of another version, or cannot be read; or the URL is of no
            database that Firstline knows.
    """
    place = parse_url(url)
    name = place.set(drivername=place.get_backend_name()).render_as_string(hide_password=True)
    if place.get_backend_name() == "sqlite" and not Path(place.database or "").is_file():
        raise NoDeskError(f"there is no database {name}")  # and reading would make one

    async def read() -> T:
        database = Database(url)
        try:
            version = await database.version()
            if version is None:
                raise NoDeskError(f"{name} holds no desk")
            if version != HEAD:
                raise ValueError(
                    f"{name} is of version {version}, not {HEAD}; firstline run migrates it"
                )
            async with database.read() as session:
                return await query(session)
        except DBAPIError as error:
            reason = str(error.orig).strip().partition("\n")[0]
            raise ValueError(f"{name} cannot be read: {reason}") from error
        finally:
            await database.close()

    return asyncio.run(read())


def _set_up_sqlite(connection: Any, record: Any) -> None:
    # The driver must not begin transactions of its own: _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that will write takes the lock at once: one that read first and then
    # wanted to write could not wait for another writer, it would fail.
    read_only = connection.get_execution_options().get("read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
