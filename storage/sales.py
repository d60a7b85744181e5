"""The company's own weekly sales: files laid one over the other."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.schema import ImportState, Sale, SalesImport

Row = tuple[str, str, float]  # product, week, units


async def propose(
    session: AsyncSession, filename: str, person_id: int | None, rows: Iterable[Row]
) -> SalesImport:
    """Put a file aside until its sender says yes; it replaces what they proposed before."""
    mine = (SalesImport.person_id == person_id, SalesImport.state == ImportState.PROPOSED)
    for former in (await session.scalars(select(SalesImport).where(*mine))).all():
        await drop(session, former.id)
    proposed = SalesImport(filename=filename, person_id=person_id)
    session.add(proposed)
    await session.flush()
    values = [
        {"import_id": proposed.id, "product": product, "week": week, "quantity": quantity}
        for product, week, quantity in rows
    ]
    if values:
        await session.execute(insert(Sale), values)
    return proposed


async def keep(session: AsyncSession, import_id: int, *, replaces: bool) -> SalesImport | None:
    """Make a proposed file count, in place of all that was there or on top of it.

    None: it is not proposed any more.
    """
    return await _move(session, import_id, ImportState.KEPT, ImportState.PROPOSED, replaces)


async def drop(session: AsyncSession, import_id: int) -> bool:
    """Forget a proposed file. False: it is not proposed any more."""
    forgotten = await _move(session, import_id, ImportState.UNDONE, ImportState.PROPOSED)
    await _forget_rows(session, forgotten)
    return forgotten is not None


async def undo(session: AsyncSession, import_id: int) -> SalesImport | None:
    """Take the latest file that counts back; what it lay over counts again.

    None: it is not the latest any more, or does not count.
    """
    latest = await last(session)
    if latest is None or latest.id != import_id:
        return None
    undone = await _move(session, import_id, ImportState.UNDONE, ImportState.KEPT)
    await _forget_rows(session, undone)
    return undone


async def last(session: AsyncSession) -> SalesImport | None:
    """The latest file that counts."""
    statement = (
        select(SalesImport)
        .where(SalesImport.state == ImportState.KEPT)
        .order_by(SalesImport.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def table(session: AsyncSession) -> dict[str, dict[str, float]]:
    """Units by product and week as all files together say; empty until there are any.

    Products and weeks come in no order.
    """
    kept = SalesImport.state == ImportState.KEPT
    start = select(func.max(SalesImport.id)).where(kept, SalesImport.replaces).scalar_subquery()
    statement = (
        select(Sale.product, Sale.week, Sale.quantity)
        .join(SalesImport, Sale.import_id == SalesImport.id)
        .where(kept, SalesImport.id >= func.coalesce(start, 0))
        .order_by(SalesImport.id)
    )
    found: dict[str, dict[str, float]] = {}
    names: dict[str, str] = {}
    for product, week, quantity in await session.execute(statement):
        name = names.setdefault(product.casefold(), product)
        found.setdefault(name, {})[week] = quantity
    return found


async def _move(
    session: AsyncSession,
    import_id: int,
    to: ImportState,
    was: ImportState,
    replaces: bool = False,
) -> SalesImport | None:
    statement = (
        update(SalesImport)
        .where(SalesImport.id == import_id, SalesImport.state == was)
        .values(state=to, replaces=replaces)
        .returning(SalesImport)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def _forget_rows(session: AsyncSession, forgotten: SalesImport | None) -> None:
    if forgotten is not None:
        await session.execute(delete(Sale).where(Sale.import_id == forgotten.id))
