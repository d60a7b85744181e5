"""What a conversation has in hand: the open transaction, and ways to have something said."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError
from telegram.ext import Application, CallbackContext, ExtBot

from bot import texts
from bot.config import Settings
from bot.networks import Networks
from storage import people
from storage.database import Database
from storage.schema import Person, Role

Keyboard = list[list[tuple[str, str]]]  # rows of (label, callback data)
Nothing = dict[Any, Any]


@dataclass(frozen=True)
class Desk:
    """What all conversations share."""

    settings: Settings
    networks: Networks
    database: Database  # to read from before the update's own transaction begins


class DeskContext(CallbackContext[ExtBot[None], Nothing, Nothing, Nothing]):
    """python-telegram-bot's context with the update's transaction."""

    session: AsyncSession
    desk: Desk
    _person: Person | None = None

    @classmethod
    def from_update(cls, update: object, application: Any) -> DeskContext:
        """Take over the transaction that the dispatcher opened for this update."""
        context = super().from_update(update, application)
        if isinstance(update, Update):
            context.session = application.sessions[update.update_id]
            context.desk = application.desk
        return context

    async def person(self, update: Update) -> Person:
        """Who wrote; known from now on."""
        if self._person is None:
            user = update.effective_user
            if user is None:
                raise ValueError("an update from nobody")
            name = texts.one_line(user.full_name) or str(user.id)
            self._person = await people.meet(
                self.session, user.id, name, user.username, user.language_code
            )
        return self._person

    async def role(self, update: Update) -> Role:
        """The writer's role, without beginning the transaction.

        On SQLite that holds up everybody else, so long work is done before it.
        """
        if update.effective_user is None:
            return Role.CUSTOMER
        async with self.desk.database.read() as session:
            return await people.role_of(session, update.effective_user.id)

    async def is_agent(self, update: Update) -> bool:
        """Whether the writer works at the desk."""
        return (await self.person(update)).role in (Role.AGENT, Role.ADMIN)

    async def typing(self, update: Update, action: str = ChatAction.TYPING) -> None:
        """Show "typing…" in the update's chat; goes out directly, since losing it harms nobody."""
        if update.effective_chat is not None:
            with contextlib.suppress(TelegramError):
                await self.bot.send_chat_action(update.effective_chat.id, action)

    def say(self, chat_id: int, html: str, keyboard: Keyboard | None = None, **about: Any) -> None:
        """Have a text said, in as many messages as it takes; ``about`` as in outbox.add."""
        texts.enqueue(self.session, chat_id, html, keyboard, **about)

    def answer(self, update: Update, html: str, keyboard: Keyboard | None = None) -> None:
        """Say something in the chat that the update came from."""
        if update.effective_chat is not None:
            self.say(update.effective_chat.id, html, keyboard)


class DeskApplication(Application[ExtBot[None], DeskContext, Nothing, Nothing, Nothing, Any]):
    """An application whose handlers share the dispatcher's transaction."""

    desk: Desk

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sessions: dict[int, AsyncSession] = {}

    async def converse(self, update: Update, session: AsyncSession) -> None:
        """Let the handlers work on an update within a transaction.

        Raises:
            Exception: whatever a handler raised.
        """
        self.sessions[update.update_id] = session
        try:
            await self.process_update(update)
        finally:
            del self.sessions[update.update_id]

    async def process_error(
        self, update: object, error: Exception, job: Any = None, coroutine: Any = None
    ) -> bool:
        """Pass a handler's error on to the dispatcher, which rolls back and tries again."""
        raise error


def build(bot: Bot, desk: Desk) -> DeskApplication:
    """An application without handlers yet."""
    from telegram.ext import ApplicationBuilder, ContextTypes

    application = (
        ApplicationBuilder()
        .application_class(DeskApplication)
        .bot(bot)
        .updater(None)
        .job_queue(None)
        .context_types(ContextTypes(context=DeskContext))
        .build()
    )
    assert isinstance(application, DeskApplication)
    application.desk = desk
    return application
