"""Which conversation handles which update."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from telegram import Message, Update
from telegram.ext import (
    CallbackQueryHandler,
    CommandHandler,
    InlineQueryHandler,
    MessageHandler,
    TypeHandler,
    filters,
)

from bot import texts
from bot.context import DeskApplication, DeskContext
from bot.conversations import admins, agents, completion, customers, forecasting, people, sales
from storage import people as stored
from storage.schema import Role

log = logging.getLogger(__name__)

Conversation = Callable[[Update, DeskContext], Coroutine[Any, Any, None]]


class _FromPerson(filters.MessageFilter):
    """A message of a human who does not hide behind a group or channel."""

    def filter(self, message: Message) -> bool:
        user = message.from_user
        return user is not None and not user.is_bot and message.sender_chat is None


def _for(roles: set[Role], conversation: Conversation) -> Conversation:
    """The conversation for these roles; the others are told there is no such command."""
    if roles == set(Role):
        return conversation  # which may work for long before it opens the transaction

    async def guarded(update: Update, context: DeskContext) -> None:
        if (await context.person(update)).role in roles:
            await conversation(update, context)
        else:
            await unknown(update, context)

    return guarded


async def unknown(update: Update, context: DeskContext) -> None:
    """A command that does not exist, or not for this person."""
    context.answer(update, texts.UNKNOWN_COMMAND)


async def message(update: Update, context: DeskContext) -> None:
    """A message without a command."""
    received = update.message
    if (
        received is not None
        and received.document
        and received.chat.type == "private"
        and not received.reply_to_message
        and await context.role(update) == Role.ADMIN
    ):
        await sales.document(update, context, received.document)
        return
    if await context.is_agent(update):
        await agents.message(update, context)
    elif received is not None and received.chat.type == "private":
        await customers.message(update, context)


async def membership(update: Update, context: DeskContext) -> None:
    """Somebody blocked or unblocked the bot."""
    change = update.my_chat_member
    if change is not None and change.chat.type == "private":
        await context.person(update)
        if change.new_chat_member.status == "kicked":
            await stored.unreachable(context.session, change.from_user.id)


async def ignore(update: Update, context: DeskContext) -> None:
    """Anything else."""
    log.debug("Update %s is not for the desk", update.update_id)


def register(application: DeskApplication) -> None:
    """Add every handler."""
    group = application.desk.settings.agent_chat_id
    where = filters.ChatType.PRIVATE | filters.Chat(group if group is not None else [])
    from_person = _FromPerson() & where
    fresh = from_person & filters.UpdateType.MESSAGE
    team, bosses = {Role.AGENT, Role.ADMIN}, {Role.ADMIN}
    everyone = set(Role)
    commands: dict[str, tuple[set[Role], Conversation]] = {
        "start": (everyone, customers.start),
        "help": (everyone, people.help_),
        "status": (everyone, customers.status),
        "cancel": (everyone, customers.cancel),
        "complete": (everyone, completion.complete),
        "forecast": (everyone, forecasting.forecast),
        "movers": (everyone, forecasting.moving),
        "queue": (team, agents.queue),
        "next": (team, agents.next_),
        "ticket": (team, agents.ticket),
        "reply": (team, agents.reply),
        "resolve": (team, agents.resolve),
        "release": (team, agents.release),
        "agents": (bosses, admins.agents),
        "addagent": (bosses, admins.add_agent),
        "removeagent": (bosses, admins.remove_agent),
        "stats": (bosses, admins.stats),
        "sales": (bosses, sales.show),
        "reload": (bosses, admins.reload),
    }
    for name, (roles, conversation) in commands.items():
        application.add_handler(CommandHandler(name, _for(roles, conversation), fresh))
    caption = filters.CaptionRegex(r"^/reply(@\w+)?\s")
    application.add_handler(MessageHandler(fresh & caption, _for(team, agents.reply)))
    command = filters.COMMAND & filters.ChatType.PRIVATE
    application.add_handler(MessageHandler(fresh & command, unknown))
    application.add_handler(MessageHandler(fresh & ~filters.StatusUpdate.ALL, message))
    edited = from_person & filters.UpdateType.EDITED_MESSAGE & ~filters.COMMAND
    application.add_handler(MessageHandler(edited & filters.ChatType.PRIVATE, customers.edited))
    number = r":-?\d{1,18}$"
    for pattern, press in (
        (r"^(withdraw|keep)", customers.withdraw),
        (r"^(queue|open|claim|resolve|release)", agents.press),
        (r"^(complaint|fine)", agents.judge),
        (r"^(remove|removed)", admins.press),
        (r"^sales-(replace|add|drop|undo|ask|show|open)", sales.press),
        (r"^product-\d{1,2}", forecasting.press),
        (r"^(complete|finish-\d{1,18}):\d{1,4}", completion.press),
        (r"^more-(complete|finish-\d{1,18})", completion.press),
    ):
        application.add_handler(CallbackQueryHandler(press, pattern + number))
    application.add_handler(CallbackQueryHandler(_outdated))
    application.add_handler(InlineQueryHandler(completion.inline))
    application.add_handler(TypeHandler(Update, _other))


async def _outdated(update: Update, context: DeskContext) -> None:
    await agents.toast(update, texts.OUTDATED)


async def _other(update: Update, context: DeskContext) -> None:
    if update.my_chat_member is not None:
        await membership(update, context)
    else:
        await ignore(update, context)
