"""Updates waiting to be handled: each once, those of a chat in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import turns
from storage.database import CHAT_LOCK
from storage.schema import Inbox, State, now

KEEP = timedelta(days=30)  # Telegram repeats an update for a day at most


@dataclass(frozen=True)
class Arrival:
    """An update as it came in, and whose turn it counts towards."""

    update_id: int
    chat_id: int
    body: dict[str, Any]


async def add(session: AsyncSession, arrivals: Iterable[Arrival]) -> int:
    """Keep updates; those already known are passed over. Returns how many are new."""
    rows = [{"update_id": a.update_id, "chat_id": a.chat_id, "body": a.body} for a in arrivals]
    if not rows:
        return 0
    # Imported here, so that the other dialect takes no memory.
    dialect = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}")
    statement = dialect.insert(Inbox).on_conflict_do_nothing().returning(Inbox.update_id)
    return len((await session.scalars(statement, rows)).all())


async def heads(session: AsyncSession, limit: int, busy: Collection[int] = ()) -> list[Inbox]:
    """The oldest pending update of each chat that is due and not busy, oldest first."""
    return await turns.heads(session, Inbox, Inbox.update_id, limit, busy)


async def claim(session: AsyncSession, row: Inbox) -> bool:
    """Whether this transaction may handle the update, and nobody else does.

    On PostgreSQL an advisory lock for the chat, held to the end of the transaction, decides.
    On SQLite there is one process, which keeps its own list of busy chats.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    lock = text("SELECT pg_try_advisory_xact_lock(:space, hashint8(:chat))")
    if not await session.scalar(lock, {"space": CHAT_LOCK, "chat": row.chat_id}):
        return False
    head = (
        select(Inbox.update_id)
        .where(Inbox.chat_id == row.chat_id, Inbox.state == State.PENDING)
        .order_by(Inbox.update_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return await session.scalar(head) == row.update_id


async def finish(session: AsyncSession, update_id: int) -> bool:
    """Mark the update done. False: somebody else did, so this transaction must not commit."""
    statement = (
        update(Inbox)
        .where(Inbox.update_id == update_id, Inbox.state == State.PENDING)
        .values(state=State.DONE, handled_at=now(), error=None)
        .returning(Inbox.update_id)
    )
    return await session.scalar(statement) is not None


async def fail(
    session: AsyncSession, update_id: int, error: str, *, tries: int, retry_at: datetime
) -> bool:
    """Note a failed try. True: that was the last one, and the update is set aside."""
    row = await session.get(Inbox, update_id)
    if row is None or row.state != State.PENDING:
        return False
    row.attempts += 1
    row.error = error
    row.not_before = retry_at
    if row.attempts < tries:
        return False
    row.state = State.SET_ASIDE
    row.handled_at = now()
    return True


async def count(session: AsyncSession, state: State) -> int:
    """How many updates are in this state."""
    statement = select(func.count()).select_from(Inbox).where(Inbox.state == state)
    return await session.scalar(statement) or 0


async def prune(session: AsyncSession) -> None:
    """Forget what was done long ago."""
    await session.execute(
        delete(Inbox).where(Inbox.state == State.DONE, Inbox.received_at < now() - KEEP)
    )
