"""Tickets: the queue, who holds what, and the thread of messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from storage.schema import (
    Correction,
    Event,
    MessageEdit,
    Person,
    Score,
    Ticket,
    TicketMessage,
    now,
)

BY_HAND = "agent"  # instead of a version of the weights


@dataclass(frozen=True)
class Scored:
    """A probability of complaint, and the version of the weights that gave it."""

    complaint: float
    version: str


@dataclass(frozen=True)
class Listed:
    """A ticket as the queue shows it."""

    ticket: Ticket
    customer: Person
    holder: Person | None
    words: str  # of the customer's first message
    kind: str


def rank(opened_at: datetime, complaint: float, patience: timedelta) -> datetime:
    """A ticket's place in the queue: the smaller, the sooner."""
    return opened_at - patience * complaint


def note(session: AsyncSession, ticket_id: int, actor_id: int, kind: str) -> None:
    """Record who did what to a ticket."""
    session.add(Event(ticket_id=ticket_id, actor_id=actor_id, kind=kind))


async def open_of(session: AsyncSession, customer_id: int) -> Ticket | None:
    """The customer's open ticket."""
    statement = (
        select(Ticket)
        .where(Ticket.customer_id == customer_id, Ticket.resolved_at.is_(None))
        .with_for_update()
    )
    return (await session.scalars(statement)).one_or_none()


async def lock(session: AsyncSession, ticket_id: int) -> Ticket | None:
    """A ticket that nobody else changes until this transaction ends."""
    return await session.get(Ticket, ticket_id, with_for_update=True, populate_existing=True)


async def open_ticket(session: AsyncSession, customer_id: int, at: datetime) -> Ticket:
    """Open a ticket; its rank comes with its first message."""
    ticket = Ticket(customer_id=customer_id, opened_at=at, complaint=0.0, rank=at)
    session.add(ticket)
    await session.flush()
    note(session, ticket.id, customer_id, "opened")
    return ticket


async def add_message(
    session: AsyncSession,
    ticket: Ticket,
    message: TicketMessage,
    scored: Scored | None = None,
    patience: timedelta = timedelta(),
) -> TicketMessage:
    """Put a message into the thread; one with a score can move the ticket forward."""
    message.ticket_id = ticket.id
    session.add(message)
    await session.flush()
    if scored is not None:
        await add_score(session, ticket, message, scored, patience)
    return message


async def add_score(
    session: AsyncSession,
    ticket: Ticket,
    message: TicketMessage,
    scored: Scored,
    patience: timedelta,
) -> None:
    """Keep a score. It moves the ticket forward or leaves it where it is."""
    session.add(
        Score(ticket_message_id=message.id, complaint=scored.complaint, version=scored.version)
    )
    ticket.complaint = max(ticket.complaint, scored.complaint)
    ticket.rank = min(ticket.rank, rank(ticket.opened_at, ticket.complaint, patience))
    await session.flush()


async def find_message(
    session: AsyncSession, chat_id: int, message_id: int
) -> TicketMessage | None:
    """The thread's message that somebody wrote as this Telegram message."""
    statement = (
        select(TicketMessage)
        .where(TicketMessage.chat_id == chat_id, TicketMessage.message_id == message_id)
        .order_by(TicketMessage.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def edit_message(
    session: AsyncSession, message: TicketMessage, text: str, at: datetime
) -> None:
    """Replace a message's text and keep what it said before."""
    session.add(MessageEdit(ticket_message_id=message.id, text=message.text, replaced_at=at))
    message.text, message.edited_at = text, at
    note(session, message.ticket_id, message.author_id, "edited")
    await session.flush()


async def claim_next(session: AsyncSession, agent_id: int, desk_chat_id: int) -> Ticket | None:
    """Give the most urgent waiting ticket to an agent, in one statement. None: nobody waits."""
    head = (
        _waiting(select(Ticket.id))
        .order_by(Ticket.rank, Ticket.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite has one writer and leaves this out
        .scalar_subquery()
    )
    return await _claim(session, head, agent_id, desk_chat_id)


async def claim(
    session: AsyncSession, ticket_id: int, agent_id: int, desk_chat_id: int
) -> Ticket | None:
    """Give a waiting ticket to an agent. None: it is held, resolved or does not exist."""
    return await _claim(session, ticket_id, agent_id, desk_chat_id)


def _waiting(statement: Select[int]) -> Select[int]:
    return statement.where(Ticket.resolved_at.is_(None), Ticket.holder_id.is_(None))


async def _claim(
    session: AsyncSession, wanted: int | ScalarSelect[int], agent_id: int, desk_chat_id: int
) -> Ticket | None:
    statement = (
        update(Ticket)
        .where(Ticket.id == wanted, Ticket.resolved_at.is_(None), Ticket.holder_id.is_(None))
        .values(holder_id=agent_id, desk_chat_id=desk_chat_id, claimed_at=now())
        .returning(Ticket)
        .execution_options(populate_existing=True)
    )
    ticket = (await session.scalars(statement)).one_or_none()
    if ticket is not None:
        note(session, ticket.id, agent_id, "claimed")
    return ticket


async def release(
    session: AsyncSession, ticket: Ticket, actor_id: int, patience: timedelta
) -> None:
    """Put a ticket back into the queue, ranked by what is still unanswered."""
    ticket.holder_id = ticket.desk_chat_id = ticket.claimed_at = None
    note(session, ticket.id, actor_id, "released")
    await _rank_anew(session, ticket, patience)


async def _rank_anew(session: AsyncSession, ticket: Ticket, patience: timedelta) -> None:
    latest = (
        select(func.max(Score.id))
        .join(TicketMessage, Score.ticket_message_id == TicketMessage.id)
        .where(
            TicketMessage.ticket_id == ticket.id,
            TicketMessage.incoming,
            TicketMessage.answered_at.is_(None),
        )
        .group_by(TicketMessage.id)
    )
    statement = select(func.max(Score.complaint)).where(Score.id.in_(latest))
    ticket.complaint = await session.scalar(statement) or 0.0
    ticket.rank = rank(ticket.opened_at, ticket.complaint, patience)
    await session.flush()


async def correct(
    session: AsyncSession,
    ticket: Ticket,
    message: TicketMessage,
    agent_id: int,
    complaint: bool,
    patience: timedelta,
) -> None:
    """Take an agent's word on a message for its score, and keep it to learn from."""
    session.add(
        Correction(
            ticket_message_id=message.id,
            agent_id=agent_id,
            text=message.text,
            complaint=complaint,
        )
    )
    session.add(Score(ticket_message_id=message.id, complaint=float(complaint), version=BY_HAND))
    note(session, ticket.id, agent_id, "corrected")
    await session.flush()
    if ticket.resolved_at is None:
        await _rank_anew(session, ticket, patience)


async def corrections(session: AsyncSession) -> list[tuple[str, bool]]:
    """Texts that agents corrected, and whether they are complaints; the last word on each."""
    last = select(func.max(Correction.id)).group_by(Correction.ticket_message_id)
    statement = (
        select(Correction.text, Correction.complaint)
        .where(Correction.id.in_(last), Correction.text != "")
        .order_by(Correction.id)
    )
    return [(text, complaint) for text, complaint in await session.execute(statement)]


async def unhappiest(session: AsyncSession, ticket_id: int) -> TicketMessage | None:
    """The message that a ticket's score comes from, or its customer's last one."""
    latest = select(func.max(Score.id)).group_by(Score.ticket_message_id)
    statement = (
        select(TicketMessage)
        .join(Score, Score.ticket_message_id == TicketMessage.id)
        .where(TicketMessage.ticket_id == ticket_id, TicketMessage.incoming, Score.id.in_(latest))
        .order_by(
            TicketMessage.answered_at.is_(None).desc(),
            case((TicketMessage.answered_at.is_(None), Score.complaint), else_=0.0).desc(),
            TicketMessage.id.desc(),
        )
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def reply(session: AsyncSession, ticket: Ticket, message: TicketMessage) -> TicketMessage:
    """Put an agent's reply into the thread; the customer's messages so far are answered."""
    await session.execute(
        update(TicketMessage)
        .where(TicketMessage.ticket_id == ticket.id, TicketMessage.answered_at.is_(None))
        .values(answered_at=message.sent_at)
    )
    ticket.complaint = 0.0
    ticket.first_reply_at = ticket.first_reply_at or message.sent_at
    note(session, ticket.id, message.author_id, "replied")
    return await add_message(session, ticket, message)


async def resolve(session: AsyncSession, ticket: Ticket, actor_id: int, kind: str) -> None:
    """Close a ticket: ``resolved`` by an agent, or ``withdrawn`` by the customer."""
    ticket.resolved_at = now()
    note(session, ticket.id, actor_id, kind)
    await session.flush()


def _listed() -> Select[Ticket, Person, Person, str, str]:
    holder = aliased(Person)
    any_message = aliased(TicketMessage)
    first = (
        select(func.min(any_message.id))
        .where(any_message.ticket_id == Ticket.id, any_message.incoming)
        .scalar_subquery()
    )
    return (
        select(Ticket, Person, holder, TicketMessage.text, TicketMessage.kind)
        .join(Person, Ticket.customer_id == Person.id)
        .outerjoin(holder, Ticket.holder_id == holder.id)
        .join(TicketMessage, TicketMessage.id == first)
    )


def _to_listed(row: Row[Ticket, Person, Person, str, str]) -> Listed:
    ticket, customer, holder, words, kind = row
    return Listed(ticket, customer, holder, words, kind)


async def queue(session: AsyncSession, offset: int, limit: int) -> list[Listed]:
    """A page of the tickets that wait for an agent, the most urgent first."""
    statement = (
        _listed()
        .where(Ticket.resolved_at.is_(None), Ticket.holder_id.is_(None))
        .order_by(Ticket.rank, Ticket.id)
        .offset(offset)
        .limit(limit)
    )
    return [_to_listed(row) for row in await session.execute(statement)]


async def held_by(session: AsyncSession, agent_id: int) -> list[Ticket]:
    """The open tickets that an agent holds, oldest claim first."""
    statement = (
        select(Ticket)
        .where(Ticket.holder_id == agent_id, Ticket.resolved_at.is_(None))
        .order_by(Ticket.claimed_at, Ticket.id)
    )
    return list(await session.scalars(statement))


async def find(session: AsyncSession, ticket_id: int) -> Listed | None:
    """One ticket with its customer and holder."""
    row = (await session.execute(_listed().where(Ticket.id == ticket_id))).one_or_none()
    return row and _to_listed(row)


async def thread(
    session: AsyncSession, ticket_id: int, limit: int
) -> list[tuple[TicketMessage, Person]]:
    """The last messages of a ticket with their authors, oldest first."""
    statement = (
        select(TicketMessage, Person)
        .join(Person, TicketMessage.author_id == Person.id)
        .where(TicketMessage.ticket_id == ticket_id)
        .order_by(TicketMessage.id.desc())
        .limit(limit)
    )
    return [(message, author) for message, author in await session.execute(statement)][::-1]


async def replies(session: AsyncSession) -> list[tuple[str, str]]:
    """What agents wrote in resolved tickets, with the customer's name, oldest first."""
    statement = (
        select(TicketMessage.text, Person.name)
        .join(Ticket, TicketMessage.ticket_id == Ticket.id)
        .join(Person, Ticket.customer_id == Person.id)
        .where(Ticket.resolved_at.is_not(None), ~TicketMessage.incoming, TicketMessage.text != "")
        .order_by(TicketMessage.id)
    )
    return [(text, name) for text, name in await session.execute(statement)]


async def waiting(session: AsyncSession) -> int:
    """How many tickets wait for an agent."""
    return await session.scalar(_waiting(select(func.count(Ticket.id)))) or 0


async def ahead_of(session: AsyncSession, ticket: Ticket) -> int:
    """How many waiting tickets come before this one."""
    before = and_(Ticket.rank == ticket.rank, Ticket.id < ticket.id) | (Ticket.rank < ticket.rank)
    return await session.scalar(_waiting(select(func.count(Ticket.id))).where(before)) or 0


@dataclass(frozen=True)
class Stats:
    """The desk in figures."""

    waiting: int
    held: int
    resolved: int  # since the given time
    opened: int  # likewise
    oldest_waiting: datetime | None
    waiting_complaints: list[float]  # P(complaint) of each waiting ticket
    first_replies: list[timedelta]  # from opening to first reply, of tickets opened since then


async def stats(session: AsyncSession, since: datetime) -> Stats:
    """Count the desk."""

    async def count(*conditions: ColumnElement[bool]) -> int:
        statement = select(func.count(Ticket.id)).where(*conditions)
        return await session.scalar(statement) or 0

    is_waiting = (Ticket.resolved_at.is_(None), Ticket.holder_id.is_(None))
    replied = await session.execute(
        select(Ticket.opened_at, Ticket.first_reply_at).where(
            Ticket.opened_at >= since, Ticket.first_reply_at.is_not(None)
        )
    )
    return Stats(
        waiting=await count(*is_waiting),
        held=await count(Ticket.resolved_at.is_(None), Ticket.holder_id.is_not(None)),
        resolved=await count(Ticket.resolved_at >= since),
        opened=await count(Ticket.opened_at >= since),
        oldest_waiting=await session.scalar(select(func.min(Ticket.opened_at)).where(*is_waiting)),
        waiting_complaints=list(await session.scalars(select(Ticket.complaint).where(*is_waiting))),
        first_replies=[reply - opened for opened, reply in replied if reply is not None],
    )
