import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot import intake
from storage import inbox
from storage.database import Database
from storage.schema import State
from tests.bot.talk import ask
from tests.conftest import Town, desk_open

SECRET = "a-secret_of-this-desk"
VALUE = st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.text(max_size=5)
KINDS = st.sampled_from(["message", "callback_query", "my_chat_member", "something_new"])
FIELDS = st.sampled_from(["chat", "from", "message", "id"])
OBJECT = st.dictionaries(FIELDS, VALUE | st.dictionaries(FIELDS, VALUE, max_size=3), max_size=3)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@given(st.integers(0, 2**31), st.dictionaries(KINDS, OBJECT | VALUE, max_size=3))
@example(7, {"message": {"chat": {"id": False}}})
def test_any_update_is_taken_in_whatever_it_holds(number: int, fields: dict[str, Any]) -> None:
    found = intake.arrival({"update_id": number, **fields})
    assert (found.update_id, type(found.chat_id)) == (number, int)


@pytest.mark.parametrize("body", [{}, {"update_id": "7"}, {"update_id": True}, {"message": {}}])
def test_what_has_no_update_id_is_no_update(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="update_id"):
        intake.arrival(body)


async def test_a_webhook_feeds_the_same_inbox(closed_town: Town) -> None:
    port = free_port()
    settings = closed_town.settings.model_copy(
        update={
            "webhook_url": f"http://127.0.0.1:{port}/hook",
            "webhook_secret": SecretStr(SECRET),
            "webhook_port": port,
        }
    )
    await closed_town.client.fault(kind="duplicate_update", times=2)
    async with desk_open(settings):
        await ask(closed_town.carla, "My parcel is late", "#1")
        await ask(closed_town.carla, "/status", "you are next")
        assert not await closed_town.client.outgoing("getUpdates")


async def test_the_webhook_takes_nothing_without_its_secret(database: Database) -> None:
    woken: list[bool] = []
    app = intake.webhook(SECRET, "/hook", database, lambda: woken.append(True))
    body = json.dumps({"update_id": 7, "message": {"chat": {"id": 1}}})
    header = "X-Telegram-Bot-Api-Secret-Token"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        for headers in ({}, {header: "wrong"}, {header: SECRET + "x"}):
            answer = await client.post("/hook", content=body, headers=headers)
            assert answer.status_code == 403
        right = {header: SECRET}
        for garbage in (b"", b"[]", b"{}", b"\xff", b'{"update_id": "x"}'):
            answer = await client.post("/hook", content=garbage, headers=right)
            assert answer.status_code == 400
        assert not woken
        for _ in range(2):
            assert (await client.post("/hook", content=body, headers=right)).status_code == 200
    async with database.read() as session:
        assert await inbox.count(session, State.PENDING) == 1
