from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from bot.sandbox.client import Person, SandboxClient
from bot.sandbox.server import create_app
from bot.sandbox.world import SANDBOX_TOKEN, World
from bot.serving import serving


@pytest.fixture
def world() -> World:
    return World.default()


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    async with serving(create_app(world), "127.0.0.1", 0) as address:
        yield address
        world.close()


@pytest.fixture
async def client(url: str) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(url) as sandbox:
        yield sandbox


@pytest.fixture
async def bot(url: str) -> AsyncIterator[Bot]:
    async with Bot(SANDBOX_TOKEN, base_url=f"{url}/bot", base_file_url=f"{url}/file/bot") as bot:
        yield bot


@pytest.fixture
def carla(client: SandboxClient) -> Person:
    return client.person(1001)


@pytest.fixture
def ana(client: SandboxClient) -> Person:
    return client.person(2001)
