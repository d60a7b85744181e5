"""The page to chat in."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

_STATIC = Path(__file__).parent / "static"
_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"


def routes() -> list[BaseRoute]:
    """Return the page and its parts."""
    return [
        Route("/", _index, methods=["GET"]),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]


async def _index(_: Request) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return FileResponse(_STATIC / "index.html", headers=headers)
