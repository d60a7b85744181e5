"""Agents: the queue, claiming, answering, resolving."""

from __future__ import annotations

import contextlib
from typing import Any

from telegram import Message, Update
from telegram.error import TelegramError

from bot import texts
from bot.context import DeskContext, Keyboard
from bot.conversations import completion, customers
from ml.sentiment.serve import SentimentModel
from storage import outbox, tickets
from storage.schema import Person, Role, Ticket, TicketMessage, now
from storage.tickets import Listed

PAGE = 10
THREAD = 20
LARGEST = 2**63 - 1  # that a database holds


async def toast(update: Update, text: str | None = None) -> None:
    """Answer a button press; goes out directly, since losing it harms nobody."""
    if update.callback_query is not None:
        with contextlib.suppress(TelegramError):
            await update.callback_query.answer(text)


def replace(
    update: Update, context: DeskContext, html: str, keyboard: Keyboard | None = None
) -> None:
    """Change the message whose button was pressed."""
    message = update.callback_query and update.callback_query.message
    if not message:
        return
    arguments = {
        "chat_id": message.chat.id,
        "message_id": message.message_id,
        "text": texts.split(html)[0],
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "reply_markup": texts.buttons(keyboard or []),
    }
    outbox.add(context.session, message.chat.id, "editMessageText", arguments)


def keyboard(ticket: Ticket) -> Keyboard:
    """What can be done with a ticket."""
    if ticket.resolved_at:
        return []
    if ticket.holder_id is None:
        return [[("✋ Take it", f"claim:{ticket.id}"), ("👁 Open", f"open:{ticket.id}")]]
    return [[("✅ Resolve", f"resolve:{ticket.id}"), ("↩️ Release", f"release:{ticket.id}")]]


def judging(message: TicketMessage) -> Keyboard:
    """What an agent can say about a message's score; nothing can be learned from one without text.

    The buttons name the message, so that an old card corrects what it shows.
    """
    if not message.text.strip():
        return []
    return [
        [("😠 Complaint", f"complaint:{message.id}"), ("🙂 No complaint", f"fine:{message.id}")]
    ]


def _why(sentiment: SentimentModel, waiting: list[str]) -> str:
    """What raised the score of the unhappiest unanswered message most."""
    if not waiting:
        return ""
    scores = sentiment.score(waiting)
    unhappiest = max(range(len(waiting)), key=lambda n: scores[n].complaint)
    if scores[unhappiest].foreign:
        return texts.FOREIGN
    return texts.why([word for word, _ in sentiment.explain(waiting[unhappiest])[:3]])


async def show(context: DeskContext, chat_id: int, ticket_id: int) -> None:
    """A ticket's card, and after it the photos, voice messages and the like of its thread."""
    listed = await tickets.find(context.session, ticket_id)
    assert listed is not None
    thread = await tickets.thread(context.session, ticket_id, THREAD)
    networks = context.desk.networks
    waiting = [m.text for m, _ in thread if m.incoming and m.answered_at is None]
    why = await networks.run(_why, networks.sentiment, waiting)
    band = networks.sentiment.band(listed.ticket.complaint)
    html = texts.card(listed, band, thread, why)
    judged = await tickets.unhappiest(context.session, ticket_id)
    buttons = keyboard(listed.ticket) + (judging(judged) if judged else [])
    context.say(chat_id, html, buttons, ticket_id=ticket_id)
    for message, _ in thread:
        if message.incoming and message.kind != "text" and message.answered_at is None:
            customers.forward(context, chat_id, message)


async def _page(context: DeskContext, offset: int) -> tuple[str, Keyboard]:
    total = await tickets.waiting(context.session)
    offset = max(0, min(offset, (total - 1) // PAGE * PAGE))
    rows: list[Listed] = await tickets.queue(context.session, offset, PAGE)
    if not rows:
        return texts.QUEUE_EMPTY, []
    band = context.desk.networks.sentiment.band
    html = texts.queue([(row, band(row.ticket.complaint)) for row in rows], offset, total)
    numbers = [(f"#{row.ticket.id}", f"open:{row.ticket.id}") for row in rows]
    buttons = [numbers[i : i + 5] for i in range(0, len(numbers), 5)]
    paging = []
    if offset:
        paging.append(("◀️ Before", f"queue:{offset - PAGE}"))
    if offset + PAGE < total:
        paging.append(("After ▶️", f"queue:{offset + PAGE}"))
    return html, buttons + ([paging] if paging else [])


async def queue(update: Update, context: DeskContext) -> None:
    """/queue."""
    html, buttons = await _page(context, 0)
    context.answer(update, html, buttons)


async def next_(update: Update, context: DeskContext) -> None:
    """/next: claim the most urgent ticket."""
    agent = await context.person(update)
    assert update.effective_chat is not None
    chat_id = update.effective_chat.id
    ticket = await tickets.claim_next(context.session, agent.id, chat_id)
    if ticket is None:
        context.answer(update, texts.QUEUE_EMPTY)
    else:
        await show(context, chat_id, ticket.id)


async def named_ticket(update: Update, context: DeskContext, command: str) -> Ticket | None:
    """The ticket a command is about: by number, by the card replied to, or the only one held."""
    message = update.effective_message
    assert message is not None
    number: int | None = None
    if context.args:
        wanted = context.args[0].lstrip("#")
        if not (wanted.isascii() and wanted.isdigit()):
            context.answer(update, texts.ticket_usage(command))
            return None
        number = int(wanted[:30])
    elif message.reply_to_message:
        number = await outbox.ticket_of(
            context.session, message.chat_id, message.reply_to_message.message_id
        )
    if number is None:
        held = await tickets.held_by(context.session, (await context.person(update)).id)
        if len(held) != 1:
            context.answer(update, texts.ticket_usage(command))
            return None
        number = held[0].id
    ticket = await tickets.lock(context.session, number) if number <= LARGEST else None
    if ticket is None:
        context.answer(update, texts.no_such_ticket(str(number)))
    return ticket


async def ticket(update: Update, context: DeskContext) -> None:
    """/ticket N."""
    found = await named_ticket(update, context, "ticket")
    if found is not None and update.effective_chat is not None:
        await show(context, update.effective_chat.id, found.id)


async def _refusal(context: DeskContext, agent: Person, found: Ticket) -> str | None:
    """Why this agent may not work on the ticket, or None."""
    if found.resolved_at:
        return texts.is_resolved(found.id)
    if found.holder_id not in (None, agent.id) and agent.role != Role.ADMIN:
        holder = await context.session.get(Person, found.holder_id)
        return texts.held_by(found.id, holder.name if holder else "someone else")
    return None


async def _resolve(update: Update, context: DeskContext, found: Ticket) -> str:
    agent = await context.person(update)
    if refusal := await _refusal(context, agent, found):
        return refusal
    await tickets.resolve(context.session, found, agent.id, "resolved")
    said = texts.resolved_for_customer(found.id)
    context.say(found.customer_id, said, ticket_id=found.id, author_id=agent.id)
    return texts.resolved(found.id)


async def _release(update: Update, context: DeskContext, found: Ticket) -> str:
    agent = await context.person(update)
    if refusal := await _refusal(context, agent, found):
        return refusal
    if found.holder_id is None:
        return texts.not_held(found.id)
    await tickets.release(context.session, found, agent.id, context.desk.settings.patience)
    return texts.released(found.id)


async def resolve(update: Update, context: DeskContext) -> None:
    """/resolve N."""
    found = await named_ticket(update, context, "resolve")
    if found is not None:
        context.answer(update, await _resolve(update, context, found))


async def release(update: Update, context: DeskContext) -> None:
    """/release N."""
    found = await named_ticket(update, context, "release")
    if found is not None:
        context.answer(update, await _release(update, context, found))


async def _claim(update: Update, context: DeskContext, ticket_id: int) -> str:
    agent = await context.person(update)
    assert update.effective_chat is not None
    chat_id = update.effective_chat.id
    if await tickets.claim(context.session, ticket_id, agent.id, chat_id) is not None:
        await show(context, chat_id, ticket_id)
        return ""
    found = await tickets.lock(context.session, ticket_id)
    if found is None:
        return texts.OUTDATED
    if found.holder_id == agent.id and not found.resolved_at:
        await show(context, chat_id, ticket_id)
        return ""
    return await _refusal(context, agent, found) or texts.held_by(ticket_id, "an agent")


async def press(update: Update, context: DeskContext) -> None:
    """A button on a card or under the queue."""
    query = update.callback_query
    assert query is not None
    if not await context.is_agent(update):
        await toast(update, texts.NOT_FOR_YOU)
        return
    action, _, argument = str(query.data).partition(":")
    number = int(argument)
    if action == "queue":
        await toast(update)
        replace(update, context, *await _page(context, number))
        return
    found = await tickets.lock(context.session, number)
    if found is None:
        await toast(update, texts.OUTDATED)
        return
    await toast(update)
    if action == "open" and update.effective_chat is not None:
        await show(context, update.effective_chat.id, number)
        return
    work = {"resolve": _resolve, "release": _release}
    if action == "claim":
        said = await _claim(update, context, number)
    else:
        said = await work[action](update, context, found)
    if said:
        context.answer(update, said)


async def judge(update: Update, context: DeskContext) -> None:
    """A button that corrects a message's score."""
    query = update.callback_query
    assert query is not None
    if not await context.is_agent(update):
        await toast(update, texts.NOT_FOR_YOU)
        return
    action, _, number = str(query.data).partition(":")
    judged = await context.session.get(TicketMessage, int(number))
    found = await tickets.lock(context.session, judged.ticket_id) if judged else None
    if judged is None or found is None:
        await toast(update, texts.OUTDATED)
        return
    agent = await context.person(update)
    complaint = action == "complaint"
    patience = context.desk.settings.patience
    await tickets.correct(context.session, found, judged, agent.id, complaint, patience)
    await toast(update, texts.corrected(found.id, complaint))
    message = query.message
    if not isinstance(message, Message) or not message.reply_markup:
        return
    marked: Keyboard = [
        [_marked(button.text, str(button.callback_data), str(query.data)) for button in row]
        for row in message.reply_markup.inline_keyboard
    ]
    arguments = {
        "chat_id": message.chat.id,
        "message_id": message.message_id,
        "reply_markup": texts.buttons(marked),
    }
    outbox.add(context.session, message.chat.id, "editMessageReplyMarkup", arguments)


def _marked(label: str, data: str, chosen: str) -> tuple[str, str]:
    """A button of the two, with a tick if it is the one that was chosen."""
    if data.partition(":")[0] in ("complaint", "fine"):
        label = ("✔️ " if data == chosen else "") + label.removeprefix("✔️ ")
    return label, data


async def _send(update: Update, context: DeskContext, found: Ticket, words: str | None) -> None:
    """Send a reply to the customer: the words, or a copy of the whole message."""
    message = update.effective_message
    assert message is not None
    said = message.text if words is None else words
    if message.text and said and said.endswith(("…", "...")) and completion.fits(said, found.id):
        await completion.offer(update, context, found.id, said)
        return
    kept: TicketMessage = customers.as_ticket_message(message, incoming=False, text=words)
    about = await _record(update, context, found, kept)
    if about is None:
        return
    if message.text:
        html = texts.escape(words) if words is not None else message.text_html
        context.say(found.customer_id, html, **about)
    else:
        arguments = {
            "chat_id": found.customer_id,
            "from_chat_id": message.chat_id,
            "message_id": message.message_id,
            **({} if words is None else {"caption": words}),
        }
        outbox.add(context.session, found.customer_id, "copyMessage", arguments, **about)
    context.answer(update, texts.replied(found.id))


async def send_words(update: Update, context: DeskContext, found: Ticket, words: str) -> None:
    """Send words that the agent chose by a button."""
    message = update.effective_message
    assert message is not None
    kept = TicketMessage(
        author_id=(await context.person(update)).id,
        incoming=False,
        chat_id=message.chat_id,
        message_id=message.message_id,
        kind="text",
        text=words,
    )
    about = await _record(update, context, found, kept)
    if about is not None:
        context.say(found.customer_id, texts.escape(words), **about)
        context.answer(update, texts.replied(found.id))


async def _record(
    update: Update, context: DeskContext, found: Ticket, kept: TicketMessage
) -> dict[str, Any] | None:
    """Put a reply into the thread; what its delivery is about, or None if it may not be sent."""
    agent = await context.person(update)
    assert update.effective_chat is not None
    if refusal := await _refusal(context, agent, found):
        context.answer(update, refusal)
        return None
    if found.holder_id is None:
        await tickets.claim(context.session, found.id, agent.id, update.effective_chat.id)
    kept.answered_at = kept.sent_at = now()
    await tickets.reply(context.session, found, kept)
    return {"ticket_id": found.id, "ticket_message_id": kept.id, "author_id": agent.id}


async def reply(update: Update, context: DeskContext) -> None:
    """/reply N TEXT, also as the caption of a photo."""
    message = update.effective_message
    assert message is not None
    whole = message.text or message.caption or ""
    first = whole.split(maxsplit=2)[1:]
    context.args = first
    if not first:
        context.answer(update, texts.ticket_usage("reply"))
        return
    found = await named_ticket(update, context, "reply")
    if found is None:
        return
    words = first[1].strip() if len(first) > 1 else ""
    if not words and message.text:
        context.answer(update, texts.EMPTY_REPLY)
    else:
        await _send(update, context, found, words)


async def message(update: Update, context: DeskContext) -> None:
    """An agent's plain message: an answer if it replies to a card."""
    received = update.message
    assert received is not None
    number = None
    if received.reply_to_message:
        number = await outbox.ticket_of(
            context.session, received.chat_id, received.reply_to_message.message_id
        )
    found = await tickets.lock(context.session, number) if number is not None else None
    if found is not None and (received.text or received.caption or "").startswith("/"):
        context.answer(update, texts.UNKNOWN_COMMAND)  # for the bot, not for the customer
    elif found is not None:
        await _send(update, context, found, None)
    elif received.chat.type == "private":
        context.answer(update, texts.REPLY_HINT)
