"""Outbox -> Telegram: in order per chat, within Telegram's limits, until it is taken."""

from __future__ import annotations

import asyncio
import logging
import secrets
import warnings
from collections.abc import Collection, Sequence
from datetime import timedelta

from aiolimiter import AsyncLimiter
from telegram import Bot, InputFile
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    RetryAfter,
    TelegramError,
)

from bot import texts
from bot.lanes import Lanes
from bot.secrets import redact
from storage import outbox, people
from storage.database import Database
from storage.schema import Outbox, Role, now

log = logging.getLogger(__name__)

SENDING = 2  # the task of which only one process may be the leader: limits are kept in one place
OPTIONAL = {"setMyCommands", "deleteMyCommands"}  # a Bot API server may lack them
LONGEST_PAUSE = 300.0  # seconds between two tries

# The outbox holds calls as the Bot API names them; that is what do_api_request is for.
warnings.filterwarnings("ignore", message=r"Please use 'Bot\.")


class Limits:
    """Telegram's limits: 30 a second overall, 1 a second per chat, 20 a minute per group.

    https://core.telegram.org/bots/faq#broadcasting-to-users. A leaky bucket lets its burst
    through on top of its rate, so a group's holds half a minute's worth.
    """

    def __init__(self) -> None:
        self._overall = AsyncLimiter(1, 1 / 30)
        self._groups: dict[int, AsyncLimiter] = {}
        self._next: dict[int, float] = {}

    async def wait(self, chat_id: int) -> None:
        """Wait for this chat's turn; a chat waits for one call at a time."""
        time = asyncio.get_running_loop().time
        if chat_id < 0:
            await self._groups.setdefault(chat_id, AsyncLimiter(9, 60)).acquire()
        await asyncio.sleep(max(0.0, self._next.get(chat_id, 0.0) - time()))
        await self._overall.acquire()
        if len(self._next) > 10_000:
            self._next = {chat: at for chat, at in self._next.items() if at > time()}
        self._next[chat_id] = time() + 1


class Delivery:
    """Makes the calls of the outbox."""

    def __init__(self, bot: Bot, database: Database) -> None:
        self._bot = bot
        self._database = database
        self._limits = Limits()
        self.lanes = Lanes(self._fetch, self._deliver)

    async def run(self) -> None:
        """Send until cancelled."""
        await self._database.lead(SENDING, self.lanes.run)

    async def _fetch(self, limit: int, busy: Collection[int]) -> Sequence[Outbox]:
        async with self._database.read() as session:
            return await outbox.heads(session, limit, busy)

    async def _deliver(self, row: Outbox) -> bool:
        await self._limits.wait(row.chat_id)
        try:
            message_id = await self._call(row)
        except RetryAfter as error:
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else wait
            log.warning("Telegram asks for a pause of %s s in chat %s", seconds, row.chat_id)
            await self._retry(row, error, seconds)
        except (Forbidden, BadRequest, ChatMigrated) as error:
            await self._refused(row, error)
        except EndPointNotFound as error:
            if row.method in OPTIONAL:
                log.info("This Bot API server lacks %s", row.method)
                await self._refused(row, error)
            else:
                await self._retry_later(row, error)
        except TelegramError as error:
            await self._retry_later(row, error)
        else:
            async with self._database.write() as session:
                await outbox.sent(session, row, message_id)
        return True

    async def _call(self, row: Outbox) -> int | None:
        arguments = dict(row.arguments)
        if row.attachment is not None:
            arguments["photo"] = InputFile(row.attachment, filename="picture.png")
        result = await self._bot.do_api_request(
            row.method, arguments, read_timeout=20, write_timeout=60
        )
        return result.get("message_id") if isinstance(result, dict) else None

    async def _retry_later(self, row: Outbox, error: Exception) -> None:
        jitter = secrets.SystemRandom().uniform(0.75, 1.25)
        pause = min(2.0**row.attempts, LONGEST_PAUSE) * jitter
        log.warning(
            "%s to chat %s failed (%s); next try in %.0f s",
            row.method,
            row.chat_id,
            redact(str(error)),
            pause,
        )
        await self._retry(row, error, pause)

    async def _retry(self, row: Outbox, error: Exception, seconds: float) -> None:
        async with self._database.write() as session:
            at = now() + timedelta(seconds=seconds)
            await outbox.retry(session, row, redact(str(error)), at)
        asyncio.get_running_loop().call_later(seconds, self.lanes.wake)

    async def _refused(self, row: Outbox, error: TelegramError) -> None:
        """Telegram will never take this call."""
        reason = redact(str(error))
        if "message is not modified" in reason.lower():
            async with self._database.write() as session:
                await outbox.sent(session, row, None)
            return
        gone = isinstance(error, Forbidden) or "chat not found" in reason.lower()
        log.log(
            logging.INFO if gone else logging.ERROR,
            "%s to chat %s was refused: %s",
            row.method,
            row.chat_id,
            reason,
        )
        async with self._database.write() as session:
            await outbox.set_aside(session, row, reason)
            if gone:
                await people.unreachable(session, row.chat_id)
            if row.author_id is not None and row.author_id != row.chat_id:
                notice = texts.reply_not_delivered(row.ticket_id or 0, reason)
                texts.enqueue(session, row.author_id, notice)
            elif row.method not in OPTIONAL and (not gone or row.ticket_id is not None):
                # A customer may be gone; that the desk's own chat is, nobody else would notice.
                for admin in await people.with_role(session, Role.ADMIN):
                    if admin.id != row.chat_id:
                        notice = texts.not_delivered(row.method, row.chat_id, reason)
                        texts.enqueue(session, admin.id, notice)
