"""Roles: help, invitations, and the command menu each role sees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Update

from bot import texts
from bot.context import DeskContext
from storage import outbox, people, tickets
from storage.schema import Person, Role

MENUS: dict[Role, Sequence[tuple[str, str]]] = {
    Role.CUSTOMER: texts.CUSTOMER_COMMANDS,
    Role.AGENT: texts.AGENT_COMMANDS,
    Role.ADMIN: texts.ADMIN_COMMANDS,
}


async def help_(update: Update, context: DeskContext) -> None:
    """/help: the commands of one's role."""
    person = await context.person(update)
    context.answer(update, texts.help_for(MENUS[person.role]))


async def accept(update: Update, context: DeskContext, secret: str) -> None:
    """Use an invitation up."""
    person = await context.person(update)
    if person.role != Role.CUSTOMER:
        await help_(update, context)
    elif await people.accept(context.session, secret, person.id) is None:
        context.answer(update, texts.INVITATION_UNKNOWN)
    else:
        await make_agent(context, person.id)


async def make_agent(context: DeskContext, person_id: int) -> Person:
    """Give the role, its menu, and the news."""
    person = await people.set_role(context.session, person_id, Role.AGENT)
    set_menu(context.session, person_id, Role.AGENT)
    context.say(person_id, texts.welcome_agent())
    return person


async def leave_team(session: AsyncSession, person_id: int, by: int, patience: timedelta) -> int:
    """Make somebody a customer; the tickets they hold, so many, are back in the queue."""
    held = await tickets.held_by(session, person_id)
    for ticket in held:
        await tickets.release(session, ticket, by, patience)
    await people.set_role(session, person_id, Role.CUSTOMER)
    set_menu(session, person_id, Role.CUSTOMER)
    return len(held)


def set_menu(session: AsyncSession, chat_id: int, role: Role) -> None:
    """Have Telegram show a role's commands in a chat; 0 stands for every other chat."""
    scope = {"type": "chat", "chat_id": chat_id} if chat_id else {"type": "default"}
    commands = [{"command": name, "description": about} for name, about in MENUS[role]]
    outbox.add(session, chat_id, "setMyCommands", {"commands": commands, "scope": scope})
