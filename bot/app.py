"""The one place where the parts are wired together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlparse

import httpx
from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest

from bot import context, intake, texts
from bot.config import Settings
from bot.conversations import handlers
from bot.conversations import people as roles
from bot.delivery import Delivery
from bot.dispatch import Dispatcher
from bot.networks import Networks
from bot.secrets import redact
from bot.serving import serving
from storage import inbox, outbox, people, settings
from storage.database import Database, InUseError
from storage.schema import Role

log = logging.getLogger(__name__)

TIDY = 24 * 3600  # seconds between two prunings


class StartError(Exception):
    """The bot cannot start; the message says what to do."""


def make_bot(config: Settings) -> ExtBot[None]:
    """The client of the Bot API; connects when it is first used."""
    shared = {"verify": httpx.create_ssl_context()}  # the certificates, in memory once
    return ExtBot(
        config.token,
        base_url=f"{config.telegram_api_url}/bot",
        base_file_url=f"{config.telegram_api_url}/file/bot",
        request=HTTPXRequest(connection_pool_size=32, pool_timeout=30, httpx_kwargs=shared),
        get_updates_request=HTTPXRequest(connection_pool_size=1, httpx_kwargs=shared),
    )


@contextlib.asynccontextmanager
async def sandbox(config: Settings) -> AsyncIterator[Settings]:
    """Serve the sandbox; gives settings that make the bot talk to it."""
    from pydantic import SecretStr

    from bot.sandbox import server, world

    place = world.World.default(config.data_dir / "sandbox.json")
    app = server.create_app(place)
    async with contextlib.AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(serving(app, "127.0.0.1", config.sandbox_port))
        except OSError:  # the port is taken: any other will do
            url = await stack.enter_async_context(serving(app, "127.0.0.1", 0))
        stack.callback(place.close)
        print(f"Sandbox: open {url} to chat with the bot", flush=True)
        database = config.database()
        yield config.model_copy(
            update={
                "telegram_bot_token": SecretStr(world.SANDBOX_TOKEN),
                "telegram_api_url": url,
                "database_url": database,
                "admin_ids": frozenset(world.ADMINS),
                "agent_chat_id": world.GROUP_ID,
                "webhook_url": "",
            }
        )


async def _connect(bot: Bot) -> None:
    """Learn who the bot is; waits for Telegram if it cannot be reached.

    Raises:
        StartError: the token is wrong.
    """
    pause = 1.0
    while True:
        try:
            await bot.initialize()
        except InvalidToken:
            raise StartError(
                "Telegram does not know this TELEGRAM_BOT_TOKEN: copy it again from @BotFather."
            ) from None
        except TelegramError as error:
            log.warning("Telegram cannot be reached (%s); next try in %.0f s", error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30)
        else:
            return


async def _name_the_unknown(bot: Bot, database: Database) -> None:
    """Ask Telegram what people are called whom the desk knows by their id alone."""
    async with database.read() as session:
        team = await people.with_role(session, Role.ADMIN, Role.AGENT)
    for person in team:
        if person.name == str(person.id):
            with contextlib.suppress(TelegramError):  # they have never written to the bot
                chat = await bot.get_chat(person.id)
                async with database.write() as session:
                    name = texts.one_line(chat.effective_name or "") or person.name
                    await people.rename(session, person.id, name)


async def _prepare(config: Settings, database: Database, bot: Bot, agents: tuple[int, ...]) -> None:
    """Bring database and command menus in line with the settings."""
    async with database.write() as session:
        known = await settings.get(session, "bot_id")
        if known not in (None, bot.id):
            raise StartError(
                f"This database belongs to another bot (id {known}): set DATABASE_URL to a new one."
            )
        await settings.put(session, "bot_id", bot.id)
        for former in await people.with_role(session, Role.ADMIN):
            if former.id not in config.admin_ids:
                await roles.leave_team(session, former.id, former.id, config.patience)
        for admin in config.admin_ids:
            await people.set_role(session, admin, Role.ADMIN)
        for agent in agents:
            await people.set_role(session, agent, Role.AGENT)
        roles.set_menu(session, 0, Role.CUSTOMER)
        for person in await people.with_role(session, Role.AGENT, Role.ADMIN):
            roles.set_menu(session, person.id, person.role)
        if config.agent_chat_id is not None:
            roles.set_menu(session, config.agent_chat_id, Role.AGENT)


async def run(config: Settings) -> None:
    """Run the bot until cancelled; without a token, with the sandbox.

    Raises:
        StartError: something must be set right first.
        ml.artifact.WeightsError: a network is missing or damaged.
    """
    if config.token:
        await serve(config)
        return
    from bot.sandbox.world import AGENTS

    async with sandbox(config) as local:
        await serve(local, agents=AGENTS)


async def serve(
    config: Settings,
    *,
    agents: tuple[int, ...] = (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the bot until cancelled; ``agents`` have that role from the start."""
    database = Database(config.database())
    bot = make_bot(config)
    loading = asyncio.create_task(asyncio.to_thread(Networks, config.data_dir))
    try:
        with database.alone():
            await database.migrate()
            await _connect(bot)
            await _prepare(config, database, bot, agents)
            await _name_the_unknown(bot, database)
            application = context.build(bot, context.Desk(config, await loading, database))
            handlers.register(application)
            await application.initialize()
            delivery = Delivery(bot, database)
            dispatcher = Dispatcher(application, database, delivery.lanes.wake)
            await _introduce(config, database, bot)
            ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(dispatcher.lanes.run())
                tasks.create_task(delivery.run())
                tasks.create_task(_tidy(database))
                tasks.create_task(_take_in(config, database, bot, dispatcher.lanes.wake))
    except InUseError as error:
        raise StartError(f"{error}: is Firstline running already?") from None
    finally:
        loading.cancel()
        with contextlib.suppress(TelegramError):
            await bot.shutdown()
        await database.close()


async def _introduce(config: Settings, database: Database, bot: Bot) -> None:
    async with database.read() as session:
        team = await people.with_role(session, Role.ADMIN, Role.AGENT)
    print(f"Running as @{bot.username}", flush=True)
    for person in team:
        print(f"  {person.role}: {person.name} ({person.id})")
    if config.agent_chat_id is not None:
        print(f"  agents' group: {config.agent_chat_id}")
    if not config.admin_ids:
        print("  No admin yet: set ADMIN_IDS to your Telegram id (firstline doctor says how).")
    else:
        print("  Admins add agents with /addagent. Ctrl-C stops the bot.", flush=True)


async def _take_in(
    config: Settings, database: Database, bot: Bot, wake: Callable[[], None]
) -> None:
    if not config.webhook_url:
        with contextlib.suppress(TelegramError):
            await bot.delete_webhook()
        await intake.poll(bot, database, wake)
        return
    secret = config.webhook_secret.get_secret_value()
    if not secret:
        raise StartError("WEBHOOK_URL needs a WEBHOOK_SECRET: any 1-256 of A-Z a-z 0-9 _ -")
    path = urlparse(config.webhook_url).path or "/"
    app = intake.webhook(secret, path, database, wake)
    async with serving(app, config.webhook_host, config.webhook_port):
        await bot.set_webhook(
            config.webhook_url, secret_token=secret, allowed_updates=intake.UPDATES
        )
        await asyncio.Event().wait()


async def _tidy(database: Database) -> None:
    while True:
        try:
            async with database.write() as session:
                await inbox.prune(session)
                await outbox.prune(session)
        except Exception as error:
            log.warning("Old rows could not be pruned: %s", redact(str(error)))
        await asyncio.sleep(TIDY)
