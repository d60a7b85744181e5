"""Bot API calls to be made: those of a chat in order, each until Telegram has taken it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import turns
from storage.schema import Outbox, State, TicketMessage, now

KEEP = timedelta(days=30)


def add(
    session: AsyncSession,
    chat_id: int,
    method: str,
    arguments: dict[str, Any],
    *,
    attachment: bytes | None = None,
    ticket_id: int | None = None,
    ticket_message_id: int | None = None,
    author_id: int | None = None,
) -> None:
    """Have a method of the Bot API called for a chat, once this transaction commits."""
    session.add(
        Outbox(
            chat_id=chat_id,
            method=method,
            arguments=arguments,
            attachment=attachment,
            ticket_id=ticket_id,
            ticket_message_id=ticket_message_id,
            author_id=author_id,
        )
    )


async def heads(session: AsyncSession, limit: int, busy: Collection[int] = ()) -> list[Outbox]:
    """The oldest pending call of each chat that is due and not busy, oldest first."""
    return await turns.heads(session, Outbox, Outbox.id, limit, busy)


async def sent(session: AsyncSession, row: Outbox, message_id: int | None) -> None:
    """Note that Telegram has taken the call, and under which id."""
    await session.execute(
        update(Outbox)
        .where(Outbox.id == row.id)
        .values(state=State.DONE, sent_at=now(), message_id=message_id, attachment=None, error=None)
    )
    if row.ticket_message_id is not None and row.author_id is not None:
        await session.execute(
            update(TicketMessage)
            .where(TicketMessage.id == row.ticket_message_id)
            .values(delivered_message_id=message_id)
        )


async def retry(session: AsyncSession, row: Outbox, error: str, at: datetime) -> None:
    """Try again later; what comes after it in the chat waits too."""
    await session.execute(
        update(Outbox)
        .where(Outbox.id == row.id)
        .values(attempts=Outbox.attempts + 1, error=error, not_before=at)
    )


async def set_aside(session: AsyncSession, row: Outbox, error: str) -> None:
    """Give the call up."""
    await session.execute(
        update(Outbox)
        .where(Outbox.id == row.id)
        .values(attempts=Outbox.attempts + 1, error=error, state=State.SET_ASIDE, attachment=None)
    )


async def ticket_of(session: AsyncSession, chat_id: int, message_id: int) -> int | None:
    """The ticket that a message sent by the bot is about."""
    statement = (
        select(Outbox.ticket_id)
        .where(
            Outbox.chat_id == chat_id,
            Outbox.message_id == message_id,
            Outbox.ticket_id.is_not(None),
        )
        .order_by(Outbox.id.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def count(session: AsyncSession, state: State) -> int:
    """How many calls are in this state."""
    statement = select(func.count()).select_from(Outbox).where(Outbox.state == state)
    return await session.scalar(statement) or 0


async def prune(session: AsyncSession) -> None:
    """Empty what was sent long ago; which message belongs to which ticket is kept."""
    await session.execute(
        update(Outbox)
        .where(Outbox.state == State.DONE, Outbox.sent_at < now() - KEEP)
        .values(arguments={})
    )
