"""The company's own weekly sales."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.schema import Sale


async def put(session: AsyncSession, sales: Iterable[tuple[str, date, float]]) -> None:
    """Keep (product, Monday of the week, units); a week that is there is replaced."""
    for product, week, quantity in sales:
        await session.merge(Sale(product=product, week=week, quantity=quantity))


async def table(session: AsyncSession) -> dict[str, dict[date, float]]:
    """Units by product and week, both in order; empty until there are any."""
    rows = await session.scalars(select(Sale).order_by(Sale.product, Sale.week))
    found: dict[str, dict[date, float]] = {}
    for row in rows:
        found.setdefault(row.product, {})[row.week] = row.quantity
    return found
