import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from telegram import Bot

from bot.sandbox.client import Person, SandboxClient
from bot.sandbox.server import create_app
from bot.sandbox.world import SANDBOX_TOKEN, World


@contextlib.asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    """Serve a world over real HTTP within this loop."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(world), log_level="critical", timeout_graceful_shutdown=1, lifespan="on"
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        world.close()
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
def world() -> World:
    return World.default()


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    async with serving(world) as address:
        yield address


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
