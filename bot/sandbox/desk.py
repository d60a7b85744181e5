"""`/sandbox/…`: what the page and the tests use to act for people and to plan faults."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.sandbox.arguments import Arguments, read_arguments
from bot.sandbox.errors import ApiError
from bot.sandbox.faults import Fault
from bot.sandbox.media import KINDS, image_type
from bot.sandbox.people import ImpossibleError, People, content_of
from bot.sandbox.world import BOT_ID, ROLES, SandboxChat, SandboxUser, World

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]
Action = Callable[[Request, Arguments], Awaitable[Any]]

_CHAT = "/sandbox/people/{person:int}/chats/{chat}"
_HEARTBEAT = 15.0


class Desk:
    """The JSON endpoints beside the Bot API."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = People(world)

    def routes(self) -> list[Route]:
        """Return all endpoints."""
        reading: dict[str, Action] = {
            "/sandbox/world": self._overview,
            "/sandbox/people/{person:int}/chats": self._chats,
            f"{_CHAT}/messages": self._messages,
            f"{_CHAT}/commands": self._commands,
            "/sandbox/commands": self._menu,
            "/sandbox/events": self._events,
            "/sandbox/outgoing": self._outgoing,
            "/sandbox/faults": self._planned,
        }
        acting: dict[str, Action] = {
            "/sandbox/people": self._add_person,
            "/sandbox/people/{person:int}/block": self._block,
            "/sandbox/people/{person:int}/unblock": self._unblock,
            f"{_CHAT}/text": self._text,
            f"{_CHAT}/content": self._content,
            f"{_CHAT}/file": self._file,
            f"{_CHAT}/edit": self._edit,
            f"{_CHAT}/press": self._press,
            f"{_CHAT}/inline": self._inline,
            f"{_CHAT}/choose": self._choose,
            "/sandbox/chats": self._add_chat,
            "/sandbox/chats/{chat}/members": self._set_member,
            "/sandbox/updates": self._inject,
            "/sandbox/faults": self._plan,
        }
        return [
            *(Route(path, _endpoint(action), methods=["GET"]) for path, action in reading.items()),
            *(Route(path, _endpoint(action), methods=["POST"]) for path, action in acting.items()),
            Route("/sandbox/faults", _endpoint(self._clear_faults), methods=["DELETE"]),
            Route("/sandbox/stream", self._stream, methods=["GET"]),
            Route("/sandbox/files/{file_id}", self._file_content, methods=["GET"]),
        ]

    # Looking

    async def _overview(self, request: Request, _: Arguments) -> Json:
        people = [
            {
                **user.as_json(),
                "role": ROLES.get(user.id, "customer"),
                "blocked": user.blocked,
                "started": user.started,
            }
            for user in self._world.users.values()
            if not user.is_bot
        ]
        return {"bot": self._world.bot.as_json(), "people": people, "seq": self._world.last_event}

    async def _chats(self, request: Request, _: Arguments) -> list[Json]:
        person = request.path_params["person"]
        self._people.user(person)
        return [
            {
                **self._world.chat_json(chat),
                "keyboard": chat.keyboard,
                "last_message": self._last(chat),
            }
            for chat in self._world.chats_of(person)
        ]

    def _last(self, chat: SandboxChat) -> Json | None:
        return next(
            (self._people.seen(message) for message in reversed(chat.messages.values())), None
        )

    async def _messages(self, request: Request, given: Arguments) -> list[Json]:
        return self._people.messages(*_where(request), given.integer("after"))

    async def _commands(self, request: Request, _: Arguments) -> list[Json]:
        person, chat_id = _where(request)
        chat = self._people.chat(person, chat_id)
        return self._world.menus.seen_by(
            person,
            chat_id,
            private=chat.type == "private",
            admin=chat.members.get(person) in {"creator", "administrator"},
            language=self._people.user(person).language_code,
        )

    async def _menu(self, request: Request, given: Arguments) -> list[Json]:
        scope = given.mapping("scope") or {"type": "default"}
        return self._world.menus.get(scope, given.text("language_code"))

    async def _events(self, request: Request, given: Arguments) -> Json:
        after, wait = given.integer("after"), float(given.text("timeout") or 0)
        await self._event_after(after, wait)
        events = [event for event in self._world.events if event["seq"] > after]
        return {"seq": self._world.last_event, "events": events}

    async def _event_after(self, after: int, wait: float) -> None:
        until = time.monotonic() + wait
        while self._world.last_event <= after and not self._world.closed:
            if not await self._world.bell.wait(until - time.monotonic()):
                return

    async def _stream(self, request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("after", "")
        after = int(last) if last.isdigit() else self._world.last_event
        if after > self._world.last_event:  # a page that outlived a restart counts from before it
            after = 0

        async def lines(after: int) -> AsyncIterator[str]:
            yield "retry: 1000\n\n"
            while not self._world.closed:
                await self._event_after(after, _HEARTBEAT)
                for event in [event for event in self._world.events if event["seq"] > after]:
                    yield f"id: {event['seq']}\ndata: {json.dumps(event)}\n\n"
                    after = event["seq"]
                yield ": still here\n\n"

        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(lines(after), media_type="text/event-stream", headers=headers)

    async def _outgoing(self, request: Request, given: Arguments) -> Json:
        method, after = given.text("method").lower(), given.integer("after")
        chat_id = given.text("chat_id")
        calls = [
            call
            for call in self._world.calls
            if call["seq"] > after
            and (call["method"].lower() == method if method else call["method"] != "getUpdates")
            and (not chat_id or str(call["params"].get("chat_id")) == chat_id)
        ]
        return {"seq": self._world.last_call, "calls": calls}

    async def _file_content(self, request: Request) -> Response:
        file = self._world.files.get(request.path_params["file_id"])
        if file is None:
            return JSONResponse({"error": "there is no such file"}, status_code=404)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
        shown = image_type(file.content)
        if shown is None:
            headers["Content-Disposition"] = "attachment"
        return Response(
            file.content, headers=headers, media_type=shown or "application/octet-stream"
        )

    # Acting

    async def _add_person(self, request: Request, given: Arguments) -> Json:
        user_id = given.integer("id") or max([10_000, *self._world.users]) + 1
        if user_id in self._world.users:
            raise ImpossibleError(f"somebody has the id {user_id} already")
        user = SandboxUser(
            user_id,
            given.text("first_name") or f"Person {user_id}",
            last_name=given.text("last_name"),
            username=given.text("username"),
            language_code=given.text("language_code") or "en",
            is_bot=given.flag("is_bot"),
        )
        return self._world.add_user(user).as_json()

    async def _block(self, request: Request, _: Arguments) -> bool:
        self._people.set_blocked(request.path_params["person"], True)
        return True

    async def _unblock(self, request: Request, _: Arguments) -> bool:
        self._people.set_blocked(request.path_params["person"], False)
        return True

    async def _text(self, request: Request, given: Arguments) -> Json:
        return self._people.text(*_where(request), given.text("text"), _options(given))

    async def _content(self, request: Request, given: Arguments) -> Json:
        return self._people.say(*_where(request), content_of(given.values), _options(given))

    async def _file(self, request: Request, given: Arguments) -> Json:
        kind, upload = given.text("kind"), given.upload("file")
        if kind not in KINDS or upload is None:
            raise ImpossibleError(f"a file and one of the kinds {', '.join(KINDS)} are needed")
        where, options = _where(request), _options(given)
        return self._people.file(*where, kind, upload.name, upload.content, options)

    async def _edit(self, request: Request, given: Arguments) -> Json:
        where = _where(request)
        return self._people.edit(*where, given.integer("message_id"), given.text("text"))

    async def _press(self, request: Request, given: Arguments) -> Json:
        message_id, data = given.integer("message_id"), given.text("data")
        return await self._people.press(*_where(request), message_id, data, _wait(given))

    async def _inline(self, request: Request, given: Arguments) -> Json:
        return await self._people.ask_inline(*_where(request), given.text("query"), _wait(given))

    async def _choose(self, request: Request, given: Arguments) -> Json:
        return self._people.choose(*_where(request), given.values)

    async def _add_chat(self, request: Request, given: Arguments) -> Json:
        chat_id = given.integer("id") or min([-1002000000000, *self._world.chats]) - 1
        if chat_id in self._world.chats:
            raise ImpossibleError(f"there is a chat {chat_id} already")
        kind = given.text("type") or "supergroup"
        members = dict.fromkeys([int(user) for user in given.items("members") or []], "member")
        if "bot" not in given.values or given.flag("bot"):
            members[BOT_ID] = "administrator"
        chat = SandboxChat(chat_id, kind, given.text("title") or "Chat", members=members)
        return self._world.chat_json(self._world.add_chat(chat))

    async def _set_member(self, request: Request, given: Arguments) -> bool:
        chat_id, status = _chat_id(request), given.text("status") or "member"
        self._people.set_member(chat_id, given.integer("user_id"), status)
        return True

    async def _inject(self, request: Request, given: Arguments) -> Json:
        update = self._world.updates.add_raw(given.values, self._world.faults.for_update())
        self._world.touch()
        return update

    # Faults

    async def _planned(self, request: Request, _: Arguments) -> list[Json]:
        return self._world.faults.as_json()

    async def _plan(self, request: Request, given: Arguments) -> list[Json]:
        try:
            self._world.faults.plan(Fault(**given.values))
        except (TypeError, ValueError) as error:
            raise ImpossibleError(str(error)) from None
        return self._world.faults.as_json()

    async def _clear_faults(self, request: Request, _: Arguments) -> bool:
        self._world.faults.clear()
        return True


def _endpoint(action: Action) -> Endpoint:
    """Wrap an action: JSON out, and a refusal as 400."""

    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await action(request, await read_arguments(request)))
        except ImpossibleError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except ApiError as error:
            return JSONResponse({"error": error.description}, status_code=400)

    return endpoint


def _where(request: Request) -> tuple[int, int]:
    return request.path_params["person"], _chat_id(request)


def _chat_id(request: Request) -> int:
    """Return the chat in the path; Starlette's own numbers are never negative."""
    try:
        return int(request.path_params["chat"])
    except ValueError:
        raise ImpossibleError("a chat's id is a number") from None


def _options(given: Arguments) -> Json:
    return {
        "reply_to": given.integer("reply_to"),
        "anonymous": given.flag("anonymous"),
        "via_bot": given.flag("via_bot"),
        "caption": given.text("caption"),
        "emoji": given.text("emoji"),
    }


def _wait(given: Arguments) -> float:
    return float(given.text("wait") or 5)
