"""Puts the stand-in together as one web application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from bot.sandbox import archive, page, webhook
from bot.sandbox.api import BotApi
from bot.sandbox.desk import Desk
from bot.sandbox.guard import SameOrigin
from bot.sandbox.world import World


def create_app(world: World, hosts: Sequence[str] = ("localhost", "127.0.0.1")) -> Starlette:
    """Return the application for a world, answering to these host names only.

    Whoever stops the server calls `world.close()` first: that ends long polls and streams,
    which a server would otherwise wait for.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        world.closed = False
        tasks = [asyncio.create_task(webhook.deliver(world))]
        if world.state is not None:
            tasks.append(asyncio.create_task(archive.keep_saving(world, world.state)))
        try:
            yield
        finally:
            world.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if world.state is not None:
                archive.save(world, world.state, clean=True)

    return Starlette(
        routes=[*BotApi(world).routes(), *Desk(world).routes(), *page.routes()],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
            Middleware(SameOrigin),
        ],
        lifespan=lifespan,
    )
