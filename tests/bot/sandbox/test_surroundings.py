"""Webhooks, keeping state, and who may ask."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot

from bot.sandbox import archive
from bot.sandbox.client import Person, SandboxRefusalError
from bot.sandbox.people import People
from bot.sandbox.world import World


async def test_a_restarted_world_goes_on_where_it_was(tmp_path: Path) -> None:
    state = tmp_path / "world.json"
    world = World.default(state)
    People(world).text(1001, 1001, "kept")
    People(world).file(1001, 1001, "document", "a.txt", b"bytes", {})
    archive.save(world, state, clean=True)
    again = World.default(state)
    assert again.updates == world.updates
    assert again.chats == world.chats
    assert again.files == world.files
    message = People(again).text(1001, 1001, "more")
    assert message["message_id"] == 3


async def test_a_webhook_gets_updates_in_order_until_it_accepts_them(
    world: World, bot: Bot, carla: Person
) -> None:
    got: list[tuple[str, str | None]] = []

    async def receive(request: Request) -> Response:
        update = await request.json()
        secret = request.headers.get("x-telegram-bot-api-secret-token")
        got.append((update["message"]["text"], secret))
        return Response(status_code=500 if len(got) == 1 else 200)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/hook", receive, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server._serve([listener]))
    port = listener.getsockname()[1]
    await bot.set_webhook(f"http://127.0.0.1:{port}/hook", secret_token="s3cret")
    await carla.say("one")
    await carla.say("two")
    async with asyncio.timeout(5):
        while len(got) < 3 or world.updates.pending:  # noqa: ASYNC110 - a queue empties silently
            await asyncio.sleep(0.02)
    assert [text for text, _ in got] == ["one", "one", "two"]
    assert {secret for _, secret in got} == {"s3cret"}
    assert "500" in ((await bot.get_webhook_info()).last_error_message or "")
    await bot.delete_webhook()
    server.should_exit = True
    await task


async def test_other_sites_and_other_host_names_are_refused(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/")).status_code == 200
        assert (await http.get("/", headers={"Host": "evil.example"})).status_code == 400
        foreign = {"Origin": "https://evil.example"}
        assert (await http.post("/sandbox/people", headers=foreign)).status_code == 403


async def test_a_page_that_outlived_a_restart_sees_what_is_new(url: str, carla: Person) -> None:
    line = ""
    async with (
        httpx.AsyncClient(base_url=url, timeout=10) as client,
        client.stream("GET", "/sandbox/stream", headers={"Last-Event-ID": "99999"}) as stream,
    ):
        await carla.say("after the restart")
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                break
    assert line.startswith("data:")


async def test_a_caption_too_long_for_telegram_is_refused(carla: Person) -> None:
    await carla.photo(b"photo", caption="😀" * 512)
    with pytest.raises(SandboxRefusalError, match="1024"):
        await carla.photo(b"photo", caption="😀" * 513)
