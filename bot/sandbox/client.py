"""A client for tests: people who use the sandbox, and the faults one plans for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx

from bot.sandbox.world import BOT_ID

Json = dict[str, Any]
Condition = Callable[[Json], bool]


class SandboxRefusalError(Exception):
    """The sandbox would not do what a person wanted."""


class SandboxClient:
    """One sandbox, seen from outside."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=70, trust_env=False)

    async def __aenter__(self) -> SandboxClient:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def person(self, user_id: int) -> Person:
        """Return somebody who is in the world already."""
        return Person(self, user_id)

    async def add_person(self, first_name: str, user_id: int = 0, **details: Any) -> Person:
        """Let a new person in; details: last_name, username, language_code, is_bot."""
        body = {"id": user_id, "first_name": first_name, **details}
        return self.person((await self.post("/sandbox/people", body))["id"])

    async def add_chat(self, title: str, *members: int, **details: Any) -> int:
        """Open a chat and return its id; details: id, type, bot (is the bot in it)."""
        body = {"title": title, "members": list(members), **details}
        return int((await self.post("/sandbox/chats", body))["id"])

    async def set_member(self, chat: int, user_id: int, status: str) -> None:
        """Let somebody join, leave or change rank: member, administrator, left, kicked…"""
        await self.post(f"/sandbox/chats/{chat}/members", {"user_id": user_id, "status": status})

    async def fault(self, method: str = "", *, kind: str, times: int = 1, **details: Any) -> None:
        """Plan a fault; details: chat_id, retry_after, seconds, description."""
        body = {"method": method, "kind": kind, "times": times, **details}
        await self.post("/sandbox/faults", body)

    async def faults(self) -> list[Json]:
        """Return the faults that are still planned."""
        return list(await self.get("/sandbox/faults"))

    async def clear_faults(self) -> None:
        """Forget all planned faults."""
        await self._answer(await self._http.delete("/sandbox/faults"))

    async def inject(self, **fields: Any) -> Json:
        """Queue an update with any fields at all and return it."""
        return dict(await self.post("/sandbox/updates", fields))

    async def commands(self, scope: Json | None = None, language_code: str = "") -> list[Json]:
        """Return the command menu of exactly one scope."""
        asked = {"scope": json.dumps(scope or {"type": "default"}), "language_code": language_code}
        return list(await self.get("/sandbox/commands", **asked))

    async def outgoing(
        self, method: str = "", chat_id: int | None = None, after: int = 0
    ) -> list[Json]:
        """Return the bot's calls (seq, at, method, params, ok, result or error)."""
        asked = {"method": method, "chat_id": "" if chat_id is None else chat_id, "after": after}
        return list((await self.get("/sandbox/outgoing", **asked))["calls"])

    async def get(self, path: str, **params: Any) -> Any:
        """Read an endpoint."""
        return await self._answer(await self._http.get(path, params=params))

    async def post(self, path: str, body: Json) -> Any:
        """Act through an endpoint."""
        return await self._answer(await self._http.post(path, json=body))

    async def upload(self, path: str, name: str, content: bytes, fields: Json) -> Any:
        """Act through an endpoint that takes a file."""
        files = {"file": (name, content)}
        return await self._answer(await self._http.post(path, data=fields, files=files))

    async def _answer(self, response: httpx.Response) -> Any:
        if response.status_code == 400:
            raise SandboxRefusalError(response.json()["error"])
        response.raise_for_status()
        return response.json()


class Person:
    """Somebody with a Telegram app; `chat` is the private chat with the bot unless given."""

    def __init__(self, client: SandboxClient, user_id: int) -> None:
        self._client = client
        self.id = user_id

    async def say(
        self,
        text: str,
        chat: int | None = None,
        reply_to: int | None = None,
        *,
        anonymous: bool = False,
    ) -> Json:
        """Send a text, perhaps as the group's anonymous admin."""
        body = {"text": text, "reply_to": reply_to or 0, "anonymous": anonymous}
        return await self._act("text", chat, body)

    async def start(self, payload: str = "") -> Json:
        """Press START, or follow a deep link with a payload."""
        return await self.say(f"/start {payload}".strip())

    async def edit(self, message_id: int, text: str, chat: int | None = None) -> Json:
        """Change the text or the caption of an own message."""
        return await self._act("edit", chat, {"message_id": message_id, "text": text})

    async def photo(self, content: bytes, caption: str = "", **where: Any) -> Json:
        """Send a photo; where: chat, reply_to, name."""
        return await self._file("photo", content, {"caption": caption}, where, "photo.jpg")

    async def document(self, content: bytes, caption: str = "", **where: Any) -> Json:
        """Send a document; where: chat, reply_to, name."""
        return await self._file("document", content, {"caption": caption}, where, "document.txt")

    async def voice(self, content: bytes = b"OggS", caption: str = "", **where: Any) -> Json:
        """Send a voice message; where: chat, reply_to."""
        return await self._file("voice", content, {"caption": caption}, where, "voice.oga")

    async def video(self, content: bytes = b"video", caption: str = "", **where: Any) -> Json:
        """Send a video; where: chat, reply_to, name."""
        return await self._file("video", content, {"caption": caption}, where, "video.mp4")

    async def sticker(self, emoji: str = "🙂", **where: Any) -> Json:
        """Send a sticker; where: chat, reply_to."""
        return await self._file("sticker", b"RIFF....WEBP", {"emoji": emoji}, where, "sticker.webp")

    async def location(self, latitude: float, longitude: float, chat: int | None = None) -> Json:
        """Send a location."""
        place = {"latitude": latitude, "longitude": longitude}
        return await self._act("content", chat, {"location": place})

    async def contact(
        self, phone_number: str, first_name: str, chat: int | None = None, **details: Any
    ) -> Json:
        """Send a contact; details: last_name, user_id, vcard."""
        card = {"phone_number": phone_number, "first_name": first_name, **details}
        return await self._act("content", chat, {"contact": card})

    async def messages(self, chat: int | None = None, after: int = 0) -> list[Json]:
        """Return the chat's messages after a message, the bot's and everybody's."""
        return list(await self._client.get(self._path("messages", chat), after=after))

    async def commands(self, chat: int | None = None) -> list[Json]:
        """Return the command menu this person sees in a chat."""
        return list(await self._client.get(self._path("commands", chat)))

    async def wait_for(
        self,
        condition: Condition | None = None,
        within: float = 5,
        after: int | None = None,
        chat: int | None = None,
    ) -> Json:
        """Return the first message of the bot that fits; AssertionError when time is up."""
        until = time.monotonic() + within
        while True:
            seq = (await self._client.get("/sandbox/world"))["seq"]
            seen = await self.messages(chat, after or 0)
            said = [one for one in seen if one.get("from", {}).get("id", BOT_ID) == BOT_ID]
            for message in said:
                if condition is None or condition(message):
                    return message
            left = until - time.monotonic()
            if left <= 0:
                texts = [message["text"] or message["caption"] for message in said]
                raise AssertionError(f"no such message within {within} s; there were {texts}")
            await self._client.get("/sandbox/events", after=seq, timeout=left)

    async def press(self, message: Json, button: str, wait: float = 5) -> Json:
        """Press the button with this label, or whose data begins so; return the answer.

        The answer holds answered, text, show_alert and url.
        """
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [one for row in rows for one in row if "callback_data" in one]
        matching = [one for one in buttons if one["text"] == button] or [
            one for one in buttons if one["callback_data"].startswith(button)
        ]
        if not matching:
            labels = [f"{one['text']} ({one['callback_data']})" for one in buttons]
            raise AssertionError(f"no button {button!r}; there are {labels}")
        body = {
            "message_id": message["message_id"],
            "data": matching[0]["callback_data"],
            "wait": wait,
        }
        return await self._act("press", message["chat"]["id"], body)

    async def inline(self, query: str, chat: int | None = None, wait: float = 5) -> Json:
        """Type after the bot's name; return query_id, answered, results and button."""
        return await self._act("inline", chat, {"query": query, "wait": wait})

    async def choose(
        self, results: Json, result_id: str, chat: int | None = None, *, feedback: bool = False
    ) -> Json:
        """Send one of the results that `inline` returned."""
        body = {"query_id": results["query_id"], "result_id": result_id, "feedback": feedback}
        return await self._act("choose", chat, body)

    async def block(self) -> None:
        """Block the bot."""
        await self._client.post(f"/sandbox/people/{self.id}/block", {})

    async def unblock(self) -> None:
        """Unblock the bot."""
        await self._client.post(f"/sandbox/people/{self.id}/unblock", {})

    def _path(self, action: str, chat: int | None) -> str:
        return f"/sandbox/people/{self.id}/chats/{self.id if chat is None else chat}/{action}"

    async def _act(self, action: str, chat: int | None, body: Json) -> Json:
        return dict(await self._client.post(self._path(action, chat), body))

    async def _file(self, kind: str, content: bytes, fields: Json, where: Json, name: str) -> Json:
        fields = {"kind": kind, "reply_to": where.get("reply_to") or 0, **fields}
        path = self._path("file", where.get("chat"))
        return dict(await self._client.upload(path, where.get("name", name), content, fields))
