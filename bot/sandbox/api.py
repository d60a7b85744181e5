"""The Bot API over HTTP: `/bot<token>/METHOD` and `/file/bot<token>/PATH`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.sandbox.arguments import Arguments, read_arguments
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.faults import Fault
from bot.sandbox.methods import Methods
from bot.sandbox.world import World

Json = dict[str, Any]

_MAX_TIMEOUT = 50
_GATEWAY_PAGE = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)


class DroppedConnection(Response):
    """An answer that breaks off, so that the client never learns what happened."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body and hang up before it is there."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


class BotApi:
    """Answers the bot's calls."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._methods = Methods(world)
        self._poll = 0

    def routes(self) -> list[Route]:
        """Return the two addresses a bot uses."""
        return [
            Route("/bot{token}/{method}", self.call, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", self.download, methods=["GET"]),
        ]

    async def download(self, request: Request) -> Response:
        """Return a file's bytes."""
        if request.path_params["token"] != self._world.token:
            return _refusal(ApiError(401, "Unauthorized"))
        for file in self._world.files.values():
            if file.path == request.path_params["path"]:
                return Response(file.content, media_type="application/octet-stream")
        return _refusal(ApiError(404, "Not Found"))

    async def call(self, request: Request) -> Response:
        """Answer one call, with the fault that was planned for it."""
        name = request.path_params["method"]
        if request.path_params["token"] != self._world.token:
            return _refusal(ApiError(401, "Unauthorized"))
        try:
            arguments = await read_arguments(request)
        except ApiError as error:
            return _refusal(error)
        chat_id = str(arguments.values.get("chat_id", ""))
        fault = self._world.faults.for_call(name, chat_id)
        if fault is not None and fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        elif fault is not None and fault.kind != "drop_after":
            status, response = _answer_of(fault)
            failed = {"ok": False, "error_code": status, "fault": fault.kind}
            self._world.record_call(name, arguments.as_json(), failed)
            return response
        try:
            answer: Json = {"ok": True, "result": await self._result(name, arguments)}
        except ApiError as error:
            self._world.record_call(name, arguments.as_json(), error.as_json())
            return _refusal(error)
        response = JSONResponse(answer)
        self._world.record_call(name, arguments.as_json(), answer)
        return DroppedConnection() if fault and fault.kind == "drop_after" else response

    async def _result(self, name: str, arguments: Arguments) -> Any:
        if name.lower() == "getupdates":
            return await self._get_updates(arguments)
        method = self._methods.find(name)
        if method is None:
            raise ApiError(404, "Not Found")
        return method(arguments)

    async def _get_updates(self, arguments: Arguments) -> list[Json]:
        world = self._world
        offset, limit = arguments.integer("offset"), arguments.integer("limit", 100)
        timeout = min(max(arguments.integer("timeout"), 0), _MAX_TIMEOUT)
        allowed = arguments.items("allowed_updates")
        if not 1 <= limit <= 100:
            limit = 100
        self._poll += 1
        mine = self._poll
        world.bell.ring()
        if allowed is not None:
            world.updates.allowed = [str(kind) for kind in allowed]
        until = time.monotonic() + timeout
        confirmed = False
        while True:
            if world.webhook.url:
                raise ApiError(
                    409,
                    "Conflict: can't use getUpdates method while webhook is active; "
                    "use deleteWebhook to delete the webhook first",
                )
            if mine != self._poll:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; "
                    "make sure that only one bot instance is running",
                )
            if not confirmed and offset:
                world.updates.confirm(offset)
                world.changes += 1
            confirmed = True
            if world.updates.pending or world.closed:
                return world.updates.batch(limit)
            if not await world.bell.wait(until - time.monotonic()):
                return []


def _answer_of(fault: Fault) -> tuple[int, Response]:
    """Return the status and the answer that a planned fault gives."""
    if fault.kind == "bad_gateway":
        return 502, HTMLResponse(_GATEWAY_PAGE, status_code=502)
    if fault.kind == "drop_before":
        return 0, DroppedConnection()
    seconds = fault.retry_after
    refusal = {
        "retry_after": ApiError(
            429, f"Too Many Requests: retry after {seconds}", retry_after=seconds
        ),
        "server_error": ApiError(500, "Internal Server Error"),
        "blocked": ApiError(403, "Forbidden: bot was blocked by the user"),
        "method_missing": ApiError(404, "Not Found"),
        "bad_request": bad_request(fault.description),
    }[fault.kind]
    return refusal.code, _refusal(refusal)


def _refusal(error: ApiError) -> Response:
    return JSONResponse(error.as_json(), status_code=error.code)
