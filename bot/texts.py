"""Every text the bot says, in HTML; and the splitting of long ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from html import escape as escape
from typing import Any

import numpy as np
import regex
from sqlalchemy.ext.asyncio import AsyncSession

from ml.forecast.data import SalesTable
from ml.forecast.serve import RECENT, Forecast, Outlook
from storage import outbox
from storage.schema import Person, SalesImport, Ticket, TicketMessage, now
from storage.tickets import Listed, Stats

LIMIT = 4096  # of a message, in UTF-16 units, of which Telegram counts no more

CUSTOMER_COMMANDS = [
    ("start", "How this works"),
    ("status", "Where your ticket stands"),
    ("cancel", "Withdraw your ticket"),
    ("complete", "Finish a sentence"),
    ("forecast", "Weekly demand of a product"),
    ("movers", "What will sell more, and what less"),
    ("help", "What I can do"),
]
AGENT_COMMANDS = [
    ("queue", "Who waits, the unhappiest first"),
    ("next", "Take the most urgent ticket"),
    ("ticket", "Show a ticket: /ticket 12"),
    ("reply", "Answer: /reply 12 text"),
    ("resolve", "Close a ticket: /resolve 12"),
    ("release", "Put a ticket back: /release 12"),
    ("complete", "Finish a sentence"),
    ("forecast", "Weekly demand of a product"),
    ("movers", "What will sell more, and what less"),
    ("help", "What I can do"),
]
ADMIN_COMMANDS = [
    *AGENT_COMMANDS[:-1],
    ("agents", "Who works at the desk"),
    ("addagent", "Add an agent, or get an invitation link"),
    ("removeagent", "Remove an agent"),
    ("stats", "The desk in figures"),
    ("sales", "Your own sales for /forecast"),
    ("reload", "Take up newly trained networks"),
    AGENT_COMMANDS[-1],
]

SKIPPED_SHOWN = 30
CLOSE = 0.65  # certainty of a direction below which there is none
SURE = ((0.95, "very likely"), (0.8, "likely"), (0.0, "more likely than not"))

BANDS = {"urgent": "🔴", "high": "🟠", "normal": "🟡", "low": "🟢"}
KINDS = {"text": "", "location": "📍 a location", "contact": "👤 a contact"}

APOLOGY = (
    "Sorry, something went wrong on our side with your last message. "
    "Our team has been told. Please write it once more in other words."
)
UNKNOWN_COMMAND = "I don't know that command. /help lists what I can do."
WELCOME = (
    "👋 Welcome! Just write what is on your mind: text, photos or a voice message. "
    "A person of our team will answer here.\n\n/status shows where your request stands, "
    "/help what else I can do."
)
NO_TICKET = "You have no open ticket. Just write to open one."
WITHDRAW = "Withdraw ticket #{id}? Nobody will answer it then."
WITHDRAWN = "Ticket #{id} is withdrawn. Write again whenever you need us."
KEPT = "All right, ticket #{id} stays open."
NOTHING_TO_CANCEL = "There is nothing to cancel."
QUEUE_EMPTY = "🎉 Nobody is waiting."
REPLY_HINT = (
    "To answer a customer, reply to their ticket's card, or use /reply NUMBER TEXT. "
    "/queue shows who waits."
)
EMPTY_REPLY = "There is no text to send. Use /reply NUMBER TEXT, for example /reply 12 On it!"
ADD_AGENT_USAGE = (
    "Reply to a message of theirs with /addagent, or use /addagent ID with their Telegram id."
)
REMOVE_AGENT_USAGE = (
    "Reply to a message of theirs with /removeagent, or use /removeagent ID. /agents lists them."
)
INVITATION_UNKNOWN = "This invitation was used already or has expired. Ask for a new one."
COMPLETE_USAGE = (
    "Write the beginning of a sentence after the command: /complete Thank you for\n"
    "Or reply to a message with /complete. In any other chat, write my name and then the beginning."
)
NOTHING_MORE = "I have no other idea."
INLINE_HINT = "Write the beginning of a sentence"
FORECAST_USAGE = (
    "Name a product after the command: /forecast P1. For 8 weeks: /forecast P1 8. "
    "Several side by side: /forecast P1, P2, P3"
)
WEEKS_USAGE = "I forecast 1 to 13 weeks."
TOO_MANY_PRODUCTS = "I compare up to four products at once."
NO_MOVERS = "No product is expected to rise or fall against its recent level."
SALES_USAGE = (
    "Send me a CSV or Excel file (.xlsx) here: either one row a product and one column a week or "
    "date, or the columns product, date and quantity. I show what I understood before anything is "
    "imported."
)
SALES_TOO_LARGE = "This file is too large: Telegram lets me fetch 20 MB at most. Send it in parts."
SALES_GONE = "This file was dealt with already. /sales shows what is there."
TAKE_BACK = "Take the last file back? What it lay over counts again."
SALES_DROPPED = "Nothing was imported."
FOREIGN = "🌐 <i>not in English: the score is a guess, so that somebody looks soon</i>"
NOT_FOR_YOU = "This button is not for you."
OUTDATED = "This is out of date."
NOBODY_REMOVED = "All right, nobody was taken off the team."


def one_line(text: str) -> str:
    """The text without line breaks, control and direction characters."""
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def clip(text: str, length: int) -> str:
    """At most ``length`` characters of a text, on one line, no emoji cut."""
    graphemes = regex.findall(r"\X", one_line(text))
    return "".join(graphemes[:length]) + ("…" if len(graphemes) > length else "")


def age(since: datetime) -> str:
    """How long ago, in one unit."""
    return span(now() - since)


def span(length: timedelta) -> str:
    """A length of time in one unit."""
    minutes = max(0, int(length.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"


# ---------------------------------------------------------------- splitting

_PIECE = regex.compile(r"<[^<>]*>|&(?:\w+|#\d+|#x[0-9a-fA-F]+);|\X", regex.DOTALL)
_TAG = re.compile(r"<(/?)([a-zA-Z0-9-]+)[^<>]*>")


def _units(piece: str) -> int:
    return 1 if piece.startswith("&") and len(piece) > 1 else len(piece.encode("utf-16-le")) // 2


def split(html: str, limit: int = LIMIT) -> list[str]:
    """Cut HTML into parts that Telegram takes, between words where there are any.

    Never within a tag, an entity or an emoji; tags open at a cut are closed and opened again.
    Empty and white-space parts are left out.
    """
    parts: list[str] = []
    pieces: list[str] = _PIECE.findall(html)
    start = 0
    opened: list[str] = []
    while start < len(pieces):
        used, end, last_gap = 0, start, 0
        while end < len(pieces):
            piece = pieces[end]
            if not _TAG.fullmatch(piece):
                used += _units(piece)
                if used > limit and end > start:
                    break
            end += 1
            if piece.isspace() and used > limit // 2:
                last_gap = end
        if end < len(pieces) and last_gap:
            end = last_gap
        body = opened.copy()
        for piece in pieces[start:end]:
            body.append(piece)
            if tag := _TAG.fullmatch(piece):
                if tag[1]:
                    if opened:
                        opened.pop()
                else:
                    opened.append(piece)
        closing = [_TAG.sub(r"</\2>", tag) for tag in reversed(opened)]
        if any(not _TAG.fullmatch(piece) and not piece.isspace() for piece in pieces[start:end]):
            parts.append("".join(body + closing))
        start = end
    return parts


def enqueue(
    session: AsyncSession,
    chat_id: int,
    html: str,
    keyboard: list[list[tuple[str, str]]] | None = None,
    **about: Any,
) -> None:
    """Put a text into the outbox, split where it is too long; the last part has the buttons."""
    parts = split(html)
    for number, part in enumerate(parts, 1):
        arguments: dict[str, Any] = {"chat_id": chat_id, "text": part, "parse_mode": "HTML"}
        arguments["link_preview_options"] = {"is_disabled": True}
        if keyboard and number == len(parts):
            arguments["reply_markup"] = buttons(keyboard)
        outbox.add(session, chat_id, "sendMessage", arguments, **about)


def buttons(keyboard: list[list[tuple[str, str]]]) -> dict[str, Any]:
    """An inline keyboard as the Bot API writes it."""
    return {
        "inline_keyboard": [
            [{"text": label, "callback_data": data} for label, data in row] for row in keyboard
        ]
    }


# ---------------------------------------------------------------- tickets


def acknowledged(ticket_id: int) -> str:
    """To a customer whose message opened a ticket."""
    return (
        f"Thank you, we have your message: ticket <b>#{ticket_id}</b>. "
        "A person will answer here; anything you add reaches the same ticket."
    )


def status(ticket: Ticket, ahead: int, holder: str | None) -> str:
    """To a customer who asks."""
    lead = f"Ticket <b>#{ticket.id}</b>, opened {age(ticket.opened_at)} ago: "
    if holder:
        return lead + f"{escape(holder)} is on it."
    if ahead == 0:
        return lead + "you are next."
    return lead + f"{ahead} before you."


def resolved_for_customer(ticket_id: int) -> str:
    """To the customer of a resolved ticket."""
    return f"✅ Ticket <b>#{ticket_id}</b> is resolved. Write again if you need anything else."


def queue(rows: Sequence[tuple[Listed, str]], offset: int, total: int) -> str:
    """A page of the queue; each row with its band."""
    lines = [f"<b>Waiting: {total}</b>, the unhappiest first"]
    for row, band in rows:
        words = escape(clip(row.words, 48)) or f"<i>{escape(row.kind)}</i>"
        lines.append(
            f"{BANDS[band]} <b>#{row.ticket.id}</b> {band} · {row.ticket.complaint:.2f} · "
            f"{age(row.ticket.opened_at)} · {words}"
        )
    return "\n".join(lines)


def why(words: Sequence[str]) -> str:
    """The words that raised a score most."""
    return f"<i>why: {escape(', '.join(words))}</i>" if words else ""


def card(
    listed: Listed, band: str, thread: Iterable[tuple[TicketMessage, Person]], reasons: str = ""
) -> str:
    """A ticket with its thread, for agents; what its score rests on in HTML."""
    ticket, customer = listed.ticket, listed.customer
    username = f" @{escape(customer.username)}" if customer.username else ""
    if ticket.resolved_at:
        state = f"✅ resolved {age(ticket.resolved_at)} ago"
    elif listed.holder:
        state = f"✋ {escape(listed.holder.name)}"
    else:
        state = f"⏳ waiting {age(ticket.opened_at)}"
    lines = [
        f"{BANDS[band]} <b>#{ticket.id}</b> {band} · {ticket.complaint:.2f} · {state}",
        f"<b>{escape(customer.name)}</b>{username}",
    ]
    if reasons and not ticket.resolved_at:
        lines.append(reasons)
    if customer.unreachable_at:
        lines.append("⚠️ has blocked the bot")
    for message, author in thread:
        who = "👤" if message.incoming else f"💬 <b>{escape(author.name)}</b>:"
        edited = " <i>(edited)</i>" if message.edited_at else ""
        lines.append(f"{who} {content(message)}{edited}")
    if not ticket.resolved_at:
        lines.append("\n<i>Reply to this message to answer.</i>")
    return "\n".join(lines)


def content(message: TicketMessage) -> str:
    """What a message says, or what kind of thing it is."""
    kind = "" if message.kind == "text" else f"[{escape(message.kind)}] "
    return kind + escape(message.text)


def from_customer(ticket_id: int, name: str, message: TicketMessage, band: str) -> str:
    """To the agent who holds the ticket."""
    edited = " edited" if message.edited_at else ""
    return f"{BANDS[band]} <b>#{ticket_id} {escape(name)}</b>{edited}: {content(message)}"


def announced(ticket: Ticket, name: str, band: str, words: str) -> str:
    """To the agents' group: an unhappy customer has come."""
    return (
        f"{BANDS[band]} <b>#{ticket.id}</b> {band} · {ticket.complaint:.2f}\n"
        f"<b>{escape(name)}</b>: {escape(clip(words, 300))}"
    )


def replied(ticket_id: int) -> str:
    """To the agent whose reply is on its way."""
    return f"📨 Sent to the customer of #{ticket_id}."


def no_such_ticket(wanted: str) -> str:
    """To an agent."""
    return f"There is no ticket {escape(clip(wanted, 20))}. /queue shows who waits."


def ticket_usage(command: str) -> str:
    """To an agent who left the number out."""
    return f"Which ticket? Use /{command} NUMBER, for example /{command} 12, or reply to its card."


def held_by(ticket_id: int, name: str) -> str:
    """To an agent who came second."""
    return f"✋ #{ticket_id} is held by {escape(name)}."


def corrected(ticket_id: int, complaint: bool) -> str:
    """To an agent who said what a message is."""
    word = "a complaint" if complaint else "no complaint"
    return f"Noted: #{ticket_id} is {word}. I can learn from that."


def not_held(ticket_id: int) -> str:
    """To an agent who gives back what nobody has."""
    return f"Nobody holds #{ticket_id}."


def is_resolved(ticket_id: int) -> str:
    """To an agent who is late."""
    return f"#{ticket_id} is resolved already."


def resolved(ticket_id: int) -> str:
    """To the agent."""
    return f"✅ #{ticket_id} is resolved. /next for the next one."


def released(ticket_id: int) -> str:
    """To the agent."""
    return f"#{ticket_id} is back in the queue."


def withdrawn_for_agent(ticket_id: int) -> str:
    """To the agent who holds a ticket that its customer withdrew."""
    return f"#{ticket_id} was withdrawn by the customer."


# ---------------------------------------------------------------- the desk


def help_for(commands: Sequence[tuple[str, str]]) -> str:
    """The commands of a role."""
    return "\n".join(f"/{name} — {escape(about)}" for name, about in commands)


def agents(team: Sequence[Person]) -> str:
    """Who works at the desk."""
    lines = [f"{'⭐' if p.role == 'admin' else '🎧'} {escape(p.name)} · {p.id}" for p in team]
    return "<b>The team</b>\n" + "\n".join(lines)


def agent_added(name: str) -> str:
    """To the admin."""
    return f"🎧 {escape(name)} is an agent now."


def agent_removed(name: str, released: int) -> str:
    """To the admin."""
    back = f" {released} of their tickets went back into the queue." if released else ""
    return f"{escape(name)} is no longer an agent.{back}"


def not_an_agent(wanted: str) -> str:
    """To the admin."""
    return f"{escape(clip(wanted, 40))} is not an agent. /agents lists the team."


def confirm_removal(name: str) -> str:
    """Asks the admin."""
    return f"Take {escape(name)} off the team? Their tickets go back into the queue."


def is_admin(name: str) -> str:
    """To the admin: that role is set elsewhere."""
    return f"{escape(name)} is an admin; admins are set by ADMIN_IDS."


def invitation(username: str, secret: str) -> str:
    """A one-time link."""
    link = f"https://t.me/{username}?start={secret}"
    return (
        "Send this link to the new agent. It works once, within two days:\n"
        f'<a href="{link}">{link}</a>\n\n{ADD_AGENT_USAGE}'
    )


def welcome_agent() -> str:
    """To a new agent."""
    return "🎧 You are an agent of this desk now.\n\n" + help_for(AGENT_COMMANDS)


def _median(spans: Sequence[timedelta]) -> timedelta:
    return sorted(spans)[len(spans) // 2]


def stats(figures: Stats, bands: dict[str, int], set_aside: int, unsent: int) -> str:
    """The desk in figures."""
    lines = [
        "<b>The desk</b>, figures of the last 7 days",
        f"Waiting: {figures.waiting}"
        + "".join(f" · {BANDS[band]} {count}" for band, count in bands.items() if count),
        f"With agents: {figures.held}",
        f"Opened: {figures.opened} · resolved: {figures.resolved}",
    ]
    if figures.oldest_waiting:
        lines.append(f"Longest waiting: {age(figures.oldest_waiting)}")
    if figures.first_replies:
        lines.append(f"First reply after (median): {span(_median(figures.first_replies))}")
    if set_aside or unsent:
        lines.append(f"⚠️ Set aside after failures: {set_aside} updates, {unsent} messages")
    return "\n".join(lines)


def reloaded(changed: bool) -> str:
    """To the admin: the weights that lie there now are in use."""
    return "🧠 The networks are loaded anew." + (
        " Scores come from new weights." if changed else ""
    )


def not_reloaded(reason: str) -> str:
    """To the admin: weights are damaged."""
    return f"⚠️ Nothing has changed: {escape(reason)}"


def set_aside(update_id: int, chat_id: int, reason: str) -> str:
    """To the admins: an update could not be handled."""
    return (
        f"⚠️ Set aside after three failed tries: update {update_id} of chat {chat_id}\n"
        f"<code>{escape(reason)}</code>"
    )


def not_delivered(method: str, chat_id: int, reason: str) -> str:
    """To the admins: Telegram refused a call."""
    return f"⚠️ {method} to chat {chat_id} was refused:\n<code>{escape(reason)}</code>"


def reply_not_delivered(ticket_id: int, reason: str) -> str:
    """To the agent: the customer did not get the reply."""
    return f"⚠️ Your reply to #{ticket_id} did not arrive: <code>{escape(reason)}</code>"


# ---------------------------------------------------------------- networks


def completions(prompt: str, ticket_id: int | None = None) -> str:
    """Above the suggestions; the beginning is all that follows the first line."""
    lead = "How shall it go on?" if ticket_id is None else f"Your reply to #{ticket_id}:"
    return f"{lead}\n{escape(prompt)}…"


def completed(sentence: str) -> str:
    """The whole sentence; a tap copies it."""
    return f"<code>{escape(sentence)}</code>"


def unknown_product(name: str, close: Sequence[str]) -> str:
    """No such product."""
    hint = "Did you mean one of these?" if close else "For example: /forecast P1."
    return f"I know no product {escape(clip(name, 40))}. {hint}"


def forecast(product: str, made: Forecast, outlook: Outlook) -> str:
    """Two lines on what to expect of a product."""
    return (
        f"<b>{escape(clip(product, 60))}</b>: about {amount(outlook.expected)} units a week, "
        f"in 8 of 10 weeks between {amount(made.low.min())} and {amount(made.high.max())}\n"
        f"{direction(outlook)}"
    )


def direction(outlook: Outlook) -> str:
    """Whether a product rises or falls, and how sure that is."""
    if outlook.certainty < CLOSE:
        return f"➡️ about as in the last {RECENT} weeks ({amount(outlook.recent)} a week)"
    arrow = "↗️ up" if outlook.strength > 0 else "↘️ down"
    by = ""
    if outlook.recent > 0:
        by = f" {abs(outlook.expected / outlook.recent - 1):.0%}"
    sure = next(word for least, word in SURE if outlook.certainty >= least)
    return (
        f"{arrow}{by} on the last {RECENT} weeks ({amount(outlook.recent)} a week): "
        f"{sure}, {outlook.certainty:.0%}"
    )


def amount(units: float) -> str:
    """Units for people: small numbers with one decimal."""
    return f"{units:.1f}" if units < 10 else f"{units:,.0f}"


def weeks_ahead(weeks: Sequence[str], is_sample: bool) -> str:
    """Which weeks a forecast is of, and what it rests on."""
    when = weeks[0] if len(weeks) == 1 else f"{weeks[0]} to {weeks[-1]}"
    dated = "-" in weeks[0]
    lead = f"{'Weeks from' if dated else 'Weeks'} {when}"
    if is_sample:
        return f"<i>{lead} of sample data: UCI Sales Transactions Dataset Weekly, CC BY 4.0</i>"
    old = now().date() - date.fromisoformat(weeks[0]) if dated else timedelta()
    stale = " ⚠️ The sales end long ago: send newer ones." if old > timedelta(weeks=4) else ""
    return f"<i>{lead}, from your own sales</i>{stale}"


def movers(found: Sequence[Outlook], weeks: str) -> str:
    """Products that rise and fall most."""
    rising = [outlook for outlook in found if outlook.strength > 0]
    falling = [outlook for outlook in found if outlook.strength < 0]
    parts = []
    for title, part in (("📈 <b>Make more of</b>", rising), ("📉 <b>Make less of</b>", falling)):
        if part:
            lines = [f"<b>{escape(clip(o.product, 60))}</b>: {direction(o)}" for o in part]
            parts.append("\n".join([title, *lines]))
    return "\n\n".join([*(parts or [NO_MOVERS]), weeks])


# ---------------------------------------------------------------- sales


def _extent(products: int, weeks: Sequence[str]) -> str:
    ends = f"{weeks[0]} to {weeks[-1]}" if len(weeks) > 1 else weeks[0]
    return f"{products:,} products, {len(weeks)} weeks ({ends})"


def understood(
    filename: str,
    table: SalesTable,
    first_rows: Sequence[Sequence[str]],
    skipped: Sequence[tuple[int, str, str]],
) -> str:
    """What a sales file holds: asks to import it."""
    total = float(np.nansum(table.counts))
    shown = "\n".join(" | ".join(clip(cell, 12) for cell in row[:6]) for row in first_rows)
    lines = [
        f"📄 <b>{escape(clip(filename, 60))}</b>",
        f"{_extent(len(table.products), table.weeks)}, {total:,.0f} units in total",
        f"<pre>{escape(shown)}</pre>",
    ]
    if skipped:
        lines.append("Left out, or worth knowing:")
        for row, column, why in skipped[:SKIPPED_SHOWN]:
            where = f"row {row}, {column}" if row else column
            lines.append(f"• {escape(clip(where, 60))}: {escape(clip(why, 160))}")
        if len(skipped) > SKIPPED_SHOWN:
            lines.append(f"• and {len(skipped) - SKIPPED_SHOWN} more")
    return "\n".join(lines)


def adds_not(reason: str) -> str:
    """Why a file can only take the place of what is there."""
    return f"\nIt cannot be added to what is there: {escape(reason)}."


def adds(new_weeks: Sequence[str], changed: int, new_products: int) -> str:
    """What adding a file to the sales that are there would do."""
    weeks = f"{len(new_weeks)} weeks after {new_weeks[0]}" if new_weeks else "no later week"
    return (
        f"\nAdded to what is there: {weeks}, {new_products} new products, "
        f"{changed} figures changed."
    )


def imported(filename: str, table: SalesTable) -> str:
    """To the admin: the sales are in."""
    return (
        f"✅ {escape(clip(filename, 60))} is imported. Your sales: "
        f"{_extent(len(table.products), table.weeks)}. /forecast and /movers answer from them."
    )


def undone(filename: str) -> str:
    """To the admin: the last file is out again."""
    return f"↩️ {escape(clip(filename, 60))} is taken back. /sales shows what is there now."


def sales(table: SalesTable | None, last: SalesImport | None, open_to_all: bool) -> str:
    """What there is of the company's own sales."""
    if table is None or last is None:
        return f"No sales of your own yet; /forecast answers from sample data.\n\n{SALES_USAGE}"
    who = "customers, agents and admins" if open_to_all else "agents and admins"
    return (
        f"<b>Your sales</b>: {_extent(len(table.products), table.weeks)}\n"
        f"Last file: {escape(clip(last.filename, 60))}, {age(last.at)} ago\n"
        f"They answer {who}.\n\n{SALES_USAGE}"
    )
