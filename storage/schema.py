"""Every table, as SQLAlchemy 2 typed models. Times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, also on SQLite, which keeps no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store the rest in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value and value.astimezone(UTC)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class Role(StrEnum):
    """What a person may do at the desk."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


class State(StrEnum):
    """How far a row of the inbox or the outbox has come."""

    PENDING = "pending"
    DONE = "done"
    SET_ASIDE = "set aside"


class ImportState(StrEnum):
    """What became of a sales file."""

    PROPOSED = "proposed"
    KEPT = "kept"
    UNDONE = "undone"


# SQLite numbers rows by itself only in a column declared INTEGER, which holds 64 bits there.
Id = BigInteger().with_variant(Integer(), "sqlite")

IS_PENDING = text("state = 'pending'")
IS_OPEN = text("resolved_at IS NULL")
IS_WAITING = text("resolved_at IS NULL AND holder_id IS NULL")


def _partial(name: str, *columns: str, where: Any, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


class Base(DeclarativeBase):
    """Parent of all models."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        int: Id,
        str: Text,
        dict[str, Any]: JSON,
        Role: String(16),
        State: String(16),
        ImportState: String(16),
    }


class Inbox(Base):
    """An update from Telegram, kept word for word."""

    __tablename__ = "inbox"
    __table_args__ = (_partial("ix_inbox_pending", "chat_id", "update_id", where=IS_PENDING),)

    update_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    chat_id: Mapped[int]  # whose turn it is: the chat, or the user where there is none, or 0
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[State] = mapped_column(default=State.PENDING)
    not_before: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    handled_at: Mapped[datetime | None]


class Outbox(Base):
    """A call of the Bot API to be made, and what became of it."""

    __tablename__ = "outbox"
    __table_args__ = (
        _partial("ix_outbox_pending", "chat_id", "id", where=IS_PENDING),
        Index("ix_outbox_sent", "chat_id", "message_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[int]
    method: Mapped[str]  # as in the Bot API: sendMessage
    arguments: Mapped[dict[str, Any]]
    attachment: Mapped[bytes | None]  # the photo of a sendPhoto, until it is sent
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    ticket_message_id: Mapped[int | None] = mapped_column(ForeignKey("ticket_messages.id"))
    author_id: Mapped[int | None]  # the agent to tell if a reply cannot be delivered
    created_at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[State] = mapped_column(default=State.PENDING)
    not_before: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    message_id: Mapped[int | None]


class Person(Base):
    """Somebody who wrote to the bot."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # Telegram's user id
    name: Mapped[str]
    username: Mapped[str | None]
    language: Mapped[str | None]
    role: Mapped[Role] = mapped_column(default=Role.CUSTOMER)
    created_at: Mapped[datetime] = mapped_column(default=now)
    unreachable_at: Mapped[datetime | None]


class Invitation(Base):
    """A one-time link that makes its first user an agent."""

    __tablename__ = "invitations"

    digest: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 of the secret in the link
    created_by: Mapped[int] = mapped_column(ForeignKey("people.id"))
    expires_at: Mapped[datetime]
    used_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    used_at: Mapped[datetime | None]


class Ticket(Base):
    """A customer's matter, from the first message to its resolution."""

    __tablename__ = "tickets"
    __table_args__ = (
        _partial("ix_tickets_queue", "rank", "id", where=IS_WAITING),
        _partial("ix_tickets_open", "customer_id", where=IS_OPEN, unique=True),
        Index("ix_tickets_holder_id", "holder_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    opened_at: Mapped[datetime]
    complaint: Mapped[float]  # highest P(complaint) of the unanswered messages
    rank: Mapped[datetime]  # opened_at - patience * complaint; smallest first
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    desk_chat_id: Mapped[int | None]  # where the holder works on it
    claimed_at: Mapped[datetime | None]
    first_reply_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]


class TicketMessage(Base):
    """A message of a ticket's thread, in either direction."""

    __tablename__ = "ticket_messages"
    __table_args__ = (
        Index("ix_ticket_messages_ticket_id", "ticket_id", "id"),
        Index("ix_ticket_messages_telegram", "chat_id", "message_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    incoming: Mapped[bool]  # from the customer
    chat_id: Mapped[int]  # where the author wrote it
    message_id: Mapped[int]
    kind: Mapped[str]  # text, photo, voice, ...
    text: Mapped[str]  # text or caption; may be empty
    file_id: Mapped[str | None]
    sent_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    delivered_message_id: Mapped[int | None]  # of a reply: its id in the customer's chat


class MessageEdit(Base):
    """What a message said before it was edited."""

    __tablename__ = "message_edits"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_message_id: Mapped[int] = mapped_column(ForeignKey("ticket_messages.id"), index=True)
    text: Mapped[str]
    replaced_at: Mapped[datetime]


class Score(Base):
    """What the sentiment network said of a message (again after each edit)."""

    __tablename__ = "scores"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_message_id: Mapped[int] = mapped_column(ForeignKey("ticket_messages.id"), index=True)
    complaint: Mapped[float]
    version: Mapped[str]  # which weights said so, or tickets.BY_HAND
    scored_at: Mapped[datetime] = mapped_column(default=now)


class Event(Base):
    """Who did what to a ticket, and when."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str]  # opened, claimed, replied, released, resolved, withdrawn, edited, corrected
    at: Mapped[datetime] = mapped_column(default=now)


class Setting(Base):
    """What the desk itself remembers, by name."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)


class Correction(Base):
    """An agent's word on a score; of several on one message the last counts."""

    __tablename__ = "corrections"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_message_id: Mapped[int] = mapped_column(ForeignKey("ticket_messages.id"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    text: Mapped[str]  # that was scored
    complaint: Mapped[bool]
    at: Mapped[datetime] = mapped_column(default=now)


class SalesImport(Base):
    """A sales file that somebody sent; where several say something, the last one counts."""

    __tablename__ = "sales_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))  # None: command line
    state: Mapped[ImportState] = mapped_column(default=ImportState.PROPOSED)
    replaces: Mapped[bool] = mapped_column(default=False)  # all earlier ones
    at: Mapped[datetime] = mapped_column(default=now)


class Sale(Base):
    """Units of a product sold in one week, as one file says."""

    __tablename__ = "sales"

    import_id: Mapped[int] = mapped_column(ForeignKey("sales_imports.id"), primary_key=True)
    product: Mapped[str] = mapped_column(primary_key=True)
    week: Mapped[str] = mapped_column(primary_key=True)  # its Monday, or the file's own W12
    quantity: Mapped[float]
