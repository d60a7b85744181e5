"""Keeps other web sites away from a server on the visitor's own machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class SameOrigin:
    """Refuses requests that a page of another origin makes a browser send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and _is_foreign(Headers(scope=scope), scope["path"]):
            response = PlainTextResponse("Requests from other sites are refused", status_code=403)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_foreign(headers: Headers, path: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return True
    return path != "/" and headers.get("sec-fetch-site") in {"cross-site", "same-site"}
