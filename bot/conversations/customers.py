"""Customers: whatever they write becomes, or joins, their ticket."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from telegram import Message, Update
from telegram.helpers import effective_message_type

from bot import texts
from bot.context import DeskContext
from bot.conversations import agents, completion, people
from storage import outbox, tickets
from storage.schema import Person, Ticket, TicketMessage, now

KINDS_WITHOUT_FILE = {"text", "location", "contact", "venue", "poll", "dice"}


def as_ticket_message(
    message: Message, *, incoming: bool, text: str | None = None
) -> TicketMessage:
    """A Telegram message as the thread keeps it."""
    kind = str(effective_message_type(message) or "message")
    content: Any = getattr(message, kind, None)
    file = content[-1] if isinstance(content, tuple) and content else content
    words = message.text or message.caption or "" if text is None else text
    if kind == "sticker" and message.sticker:
        words = message.sticker.emoji or ""
    assert message.from_user is not None
    return TicketMessage(
        author_id=message.from_user.id,
        incoming=incoming,
        chat_id=message.chat_id,
        message_id=message.message_id,
        kind=kind,
        text=words.replace("\x00", ""),
        file_id=getattr(file, "file_id", None),
        sent_at=message.date.astimezone(UTC),
    )


async def _score(context: DeskContext, text: str) -> tickets.Scored:
    sentiment = context.desk.networks.sentiment
    [score] = await context.desk.networks.run(sentiment.score, [text])
    return tickets.Scored(score.complaint, sentiment.version)


async def message(update: Update, context: DeskContext) -> None:
    """Open a ticket or add to the open one."""
    received = update.message
    assert received is not None
    kept = as_ticket_message(received, incoming=True)
    scored = await _score(context, kept.text)
    customer = await context.person(update)
    ticket = await tickets.open_of(context.session, customer.id)
    is_new = ticket is None
    if ticket is None:
        ticket = await tickets.open_ticket(context.session, customer.id, now())
    patience = context.desk.settings.patience
    await tickets.add_message(context.session, ticket, kept, scored, patience)
    if is_new:
        context.answer(update, texts.acknowledged(ticket.id))
    _tell_desk(context, ticket, customer, kept, scored, is_new=is_new)


def _tell_desk(
    context: DeskContext,
    ticket: Ticket,
    customer: Person,
    kept: TicketMessage,
    scored: tickets.Scored,
    *,
    is_new: bool,
) -> None:
    band = context.desk.networks.sentiment.band(scored.complaint)
    if ticket.desk_chat_id is not None:
        notice = texts.from_customer(ticket.id, customer.name, kept, band)
        context.say(ticket.desk_chat_id, notice, agents.judging(kept), ticket_id=ticket.id)
        if kept.kind != "text":
            forward(context, ticket.desk_chat_id, kept)
    elif is_new and context.desk.settings.agent_chat_id and band in ("urgent", "high"):
        notice = texts.announced(ticket, customer.name, band, kept.text)
        keyboard = agents.keyboard(ticket) + agents.judging(kept)
        context.say(context.desk.settings.agent_chat_id, notice, keyboard, ticket_id=ticket.id)


def forward(context: DeskContext, chat_id: int, kept: TicketMessage) -> None:
    """Show a photo, voice message or the like at the desk."""
    arguments = {
        "chat_id": chat_id,
        "from_chat_id": kept.chat_id,
        "message_id": kept.message_id,
    }
    outbox.add(context.session, chat_id, "copyMessage", arguments, ticket_id=kept.ticket_id)


async def edited(update: Update, context: DeskContext) -> None:
    """A customer changed a message: keep both, score again, tell the holder."""
    received = update.edited_message
    assert received is not None
    text = as_ticket_message(received, incoming=True).text
    scored = await _score(context, text)
    customer = await context.person(update)
    kept = await tickets.find_message(context.session, received.chat_id, received.message_id)
    ticket = kept and await tickets.lock(context.session, kept.ticket_id)
    if not kept or not ticket or not kept.incoming or ticket.resolved_at or kept.text == text:
        return
    await tickets.edit_message(context.session, kept, text, now())
    if kept.answered_at is None:
        patience = context.desk.settings.patience
        await tickets.add_score(context.session, ticket, kept, scored, patience)
    _tell_desk(context, ticket, customer, kept, scored, is_new=False)


async def start(update: Update, context: DeskContext) -> None:
    """/start, also with an invitation."""
    if context.args == [completion.HOW]:
        context.answer(update, texts.COMPLETE_USAGE)
    elif context.args:
        await people.accept(update, context, context.args[0])
    elif await context.is_agent(update):
        await people.help_(update, context)
    else:
        context.answer(update, texts.WELCOME)


async def status(update: Update, context: DeskContext) -> None:
    """/status: where the customer's ticket stands."""
    customer = await context.person(update)
    ticket = await tickets.open_of(context.session, customer.id)
    if ticket is None:
        context.answer(update, texts.NO_TICKET)
        return
    holder = await context.session.get(Person, ticket.holder_id) if ticket.holder_id else None
    ahead = await tickets.ahead_of(context.session, ticket)
    context.answer(update, texts.status(ticket, ahead, holder.name if holder else None))


async def cancel(update: Update, context: DeskContext) -> None:
    """/cancel: withdraw the ticket, after a question."""
    customer = await context.person(update)
    ticket = await tickets.open_of(context.session, customer.id)
    if ticket is None:
        context.answer(update, texts.NOTHING_TO_CANCEL)
        return
    keyboard = [[("Withdraw it", f"withdraw:{ticket.id}"), ("Keep it", f"keep:{ticket.id}")]]
    context.answer(update, texts.WITHDRAW.format(id=ticket.id), keyboard)


async def withdraw(update: Update, context: DeskContext) -> None:
    """The buttons under that question."""
    query = update.callback_query
    assert query is not None
    action, number = str(query.data).split(":")
    customer = await context.person(update)
    ticket = await tickets.open_of(context.session, customer.id)
    if ticket is None or ticket.id != int(number):
        await agents.toast(update, texts.OUTDATED)
        return
    await agents.toast(update)
    if action == "keep":
        agents.replace(update, context, texts.KEPT.format(id=ticket.id))
        return
    await tickets.resolve(context.session, ticket, customer.id, "withdrawn")
    agents.replace(update, context, texts.WITHDRAWN.format(id=ticket.id))
    if ticket.desk_chat_id is not None:
        context.say(ticket.desk_chat_id, texts.withdrawn_for_agent(ticket.id))
