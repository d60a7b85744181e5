"""Inbox -> conversations: in order per chat, one transaction per update."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from telegram import Update

from bot import texts
from bot.context import DeskApplication
from bot.lanes import Lanes
from bot.secrets import redact
from storage import inbox, people
from storage.database import Database
from storage.schema import Inbox, Person, Role, now

log = logging.getLogger(__name__)

TRIES = 3
PAUSE = timedelta(seconds=1)  # before the second try; doubled for the third


class _HandledElsewhereError(Exception):
    """Another process finished the update first: this transaction must not commit."""


class Dispatcher:
    """Hands updates to the conversations."""

    def __init__(
        self, application: DeskApplication, database: Database, on_done: Callable[[], None]
    ) -> None:
        self._application = application
        self._database = database
        self._on_done = on_done
        self.lanes = Lanes(self._fetch, self._handle)

    async def _fetch(self, limit: int, busy: Collection[int]) -> Sequence[Inbox]:
        async with self._database.read() as session:
            return await inbox.heads(session, limit, busy)

    async def _handle(self, row: Inbox) -> bool:
        try:
            async with self._database.write() as session:
                if not await inbox.claim(session, row):
                    return False
                update = Update.de_json(row.body, self._application.bot)
                await self._application.converse(update, session)
                if not await inbox.finish(session, row.update_id):
                    raise _HandledElsewhereError
        except _HandledElsewhereError:
            log.debug("Update %s was handled elsewhere", row.update_id)
        except Exception as error:
            log.exception("Update %s failed, try %s", row.update_id, row.attempts + 1)
            await self._failed(row, error)
        self._on_done()
        return True

    async def _failed(self, row: Inbox, error: Exception) -> None:
        reason = redact(f"{type(error).__name__}: {error}")[:500]
        async with self._database.write() as session:
            retry_at = now() + PAUSE * 2**row.attempts
            if not await inbox.fail(session, row.update_id, reason, tries=TRIES, retry_at=retry_at):
                return
            for admin in await people.with_role(session, Role.ADMIN):
                texts.enqueue(
                    session, admin.id, texts.set_aside(row.update_id, row.chat_id, reason)
                )
            if row.chat_id > 0:
                person = await session.get(Person, row.chat_id)
                if person is None or person.role != Role.ADMIN:
                    texts.enqueue(session, row.chat_id, texts.APOLOGY)
