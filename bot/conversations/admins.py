"""Admins: the team, invitations, the desk in figures."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from telegram import Update

from bot import texts
from bot.context import DeskContext
from bot.conversations import agents as cards
from bot.conversations import people as roles
from ml.artifact import WeightsError
from storage import inbox, outbox, people, tickets
from storage.schema import Person, Role, State, now

WEEK = timedelta(days=7)
NOBODY = 0


async def agents(update: Update, context: DeskContext) -> None:
    """/agents: the team, with a button to remove each agent."""
    team = await people.with_role(context.session, Role.ADMIN, Role.AGENT)
    keyboard = [
        [(f"Remove {texts.clip(p.name, 30)}", f"remove:{p.id}")]
        for p in team
        if p.role == Role.AGENT
    ]
    context.answer(update, texts.agents(team), keyboard[:90])


async def _named(update: Update, context: DeskContext, usage: str) -> int | None:
    """The person a command names by id or by the message it replies to."""
    message = update.effective_message
    if context.args:
        wanted = context.args[0]
        if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:20]) < 2**52:
            return int(wanted)
        context.answer(update, usage)
        return None
    replied = message and message.reply_to_message
    if replied and replied.from_user and not replied.from_user.is_bot:
        return replied.from_user.id
    return None


async def add_agent(update: Update, context: DeskContext) -> None:
    """/addagent, with an id, as a reply, or alone for an invitation link."""
    person_id = await _named(update, context, texts.ADD_AGENT_USAGE)
    if person_id is not None:
        person = await context.session.get(Person, person_id)
        if person is not None and person.role == Role.ADMIN:
            context.answer(update, texts.is_admin(person.name))
            return
        person = await roles.make_agent(context, person_id)
        context.answer(update, texts.agent_added(person.name))
    elif not context.args:
        admin = await context.person(update)
        secret = await people.invite(context.session, admin.id)
        context.answer(update, texts.invitation(context.bot.username, secret))


async def remove_agent(update: Update, context: DeskContext) -> None:
    """/removeagent, with an id or as a reply; asks first."""
    person_id = await _named(update, context, texts.REMOVE_AGENT_USAGE)
    if person_id is not None:
        await _ask(update, context, person_id)
    elif not context.args:
        context.answer(update, texts.REMOVE_AGENT_USAGE)


async def _ask(update: Update, context: DeskContext, person_id: int) -> None:
    person = await context.session.get(Person, person_id)
    if person is None or person.role != Role.AGENT:
        context.answer(update, texts.not_an_agent(person.name if person else str(person_id)))
        return
    keyboard = [[("Remove", f"removed:{person_id}"), ("Keep", f"removed:{NOBODY}")]]
    context.answer(update, texts.confirm_removal(person.name), keyboard)


async def press(update: Update, context: DeskContext) -> None:
    """The buttons under the team and under the question."""
    if (await context.person(update)).role != Role.ADMIN:
        await cards.toast(update, texts.NOT_FOR_YOU)
        return
    query = update.callback_query
    assert query is not None
    action, _, argument = str(query.data).partition(":")
    await cards.toast(update)
    if action == "remove":
        await _ask(update, context, int(argument))
        return
    if int(argument) == NOBODY:
        cards.replace(update, context, texts.NOBODY_REMOVED)
        return
    person = await context.session.get(Person, int(argument))
    if person is None or person.role != Role.AGENT:
        cards.replace(update, context, texts.OUTDATED)
        return
    admin = await context.person(update)
    patience = context.desk.settings.patience
    held = await roles.leave_team(context.session, person.id, admin.id, patience)
    cards.replace(update, context, texts.agent_removed(person.name, held))


async def stats(update: Update, context: DeskContext) -> None:
    """/stats."""
    figures = await tickets.stats(context.session, now() - WEEK)
    band = context.desk.networks.sentiment.band
    bands = Counter(str(band(p)) for p in figures.waiting_complaints)
    context.answer(
        update,
        texts.stats(
            figures,
            {name: bands[name] for name in texts.BANDS},
            await inbox.count(context.session, State.SET_ASIDE),
            await outbox.count(context.session, State.SET_ASIDE),
        ),
    )


async def reload(update: Update, context: DeskContext) -> None:
    """/reload: take up weights that were trained since the start."""
    networks = context.desk.networks
    before = networks.sentiment.version
    try:
        await networks.reload()
    except WeightsError as error:
        context.answer(update, texts.not_reloaded(str(error)))
    else:
        context.answer(update, texts.reloaded(before != networks.sentiment.version))
