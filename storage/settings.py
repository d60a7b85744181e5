"""What the desk remembers by name."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from storage.schema import Setting


async def get(session: AsyncSession, name: str) -> Any:
    """The value, or None."""
    row = await session.get(Setting, name)
    return row and row.value


async def put(session: AsyncSession, name: str, value: Any) -> None:
    """Remember a value that JSON can hold."""
    await session.merge(Setting(name=name, value=value))
