"""Telegram -> inbox: by long polling or by a webhook. Nothing is confirmed before it is kept."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from telegram import Bot
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.secrets import redact
from storage import inbox
from storage.database import Database

if TYPE_CHECKING:
    from starlette.applications import Starlette

log = logging.getLogger(__name__)

POLLING = 1  # the task of which only one process may be the leader
LONG_POLL = timedelta(seconds=30)
BATCH = 100
UPDATES = [
    "message",
    "edited_message",
    "channel_post",
    "callback_query",
    "inline_query",
    "my_chat_member",
]


def arrival(body: dict[str, Any]) -> inbox.Arrival:
    """Whose turn an update counts towards: its chat, else its user, else 0.

    Raises:
        ValueError: it has no update id.
    """
    update_id = body.get("update_id")
    if type(update_id) is not int:  # isinstance would let True and False pass
        raise ValueError("an update without an update_id")
    chat_id = 0
    for content in body.values():
        if isinstance(content, dict):
            message = content.get("message")
            sources = [content.get("chat"), content.get("from")]
            if isinstance(message, dict):
                sources.insert(0, message.get("chat"))
            ids = [source.get("id") for source in sources if isinstance(source, dict)]
            chat_id = next((found for found in ids if type(found) is int), 0)
            break
    return inbox.Arrival(update_id, chat_id, body)


async def poll(bot: Bot, database: Database, wake: Callable[[], None]) -> None:
    """Fetch updates until cancelled, while no other process does."""
    await database.lead(POLLING, lambda: _poll(bot, database, wake))


async def _poll(bot: Bot, database: Database, wake: Callable[[], None]) -> None:
    """Fetch updates. Asking for the next ones confirms those already kept."""
    offset = 0
    pause = 1.0
    while True:
        try:
            bodies = await bot.do_api_request(
                "getUpdates",
                {
                    "offset": offset,
                    "limit": BATCH,
                    "timeout": int(LONG_POLL.total_seconds()),
                    "allowed_updates": UPDATES,
                },
                read_timeout=LONG_POLL.total_seconds() + 5,
            )
            if bodies:
                arrivals = [arrival(body) for body in bodies]
                async with database.write() as session:
                    await inbox.add(session, arrivals)
                offset = max(a.update_id for a in arrivals) + 1
                wake()
            pause = 1.0
        except RetryAfter as error:
            await asyncio.sleep(_seconds(error.retry_after))
        except InvalidToken:
            raise
        except Conflict as error:
            log.error("Another program fetches this bot's updates: %s", error)
            await asyncio.sleep(5)
        except TelegramError as error:
            log.warning("No updates (%s); next try in %.0f s", redact(str(error)), pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)
        except Exception:
            log.exception("Updates could not be kept; they will be fetched again")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)


def _seconds(span: int | timedelta) -> float:
    return span.total_seconds() if isinstance(span, timedelta) else span


def webhook(secret: str, path: str, database: Database, wake: Callable[[], None]) -> Starlette:
    """An application that takes updates by POST and answers 200 once they are kept."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def take(request: Request) -> Response:
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            log.warning("A call of the webhook without its secret was refused")
            return Response(status_code=403)
        try:
            body = json.loads(await request.body())
            kept = arrival(body if isinstance(body, dict) else {})
        except ValueError as error:
            log.warning("A call of the webhook held no update: %s", error)
            return Response(status_code=400)
        async with database.write() as session:
            await inbox.add(session, [kept])
        wake()
        return Response()

    return Starlette(routes=[Route(path, take, methods=["POST"])])
