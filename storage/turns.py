"""Whose turn it is: what the inbox and the outbox have in common."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from storage.schema import Inbox, Outbox, State, now

R = TypeVar("R", Inbox, Outbox)


async def heads(
    session: AsyncSession,
    model: type[R],
    number: InstrumentedAttribute[int],
    limit: int,
    busy: Collection[int],
) -> list[R]:
    """The pending row with the lowest number of each chat, if it is due, lowest first.

    Rows of busy chats are left out.
    """
    earlier = aliased(model)
    is_behind = (
        select(earlier)
        .where(
            earlier.state == State.PENDING,
            earlier.chat_id == model.chat_id,
            getattr(earlier, number.key) < number,
        )
        .exists()
    )
    is_due = (model.state == State.PENDING, model.not_before <= now(), ~is_behind)
    statement = select(model).where(*is_due, model.chat_id.not_in(busy))
    return list(await session.scalars(statement.order_by(number).limit(limit)))
