import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select

from bot.config import Settings
from storage import inbox
from storage.database import HEAD, Database
from storage.schema import Outbox, State, TicketMessage
from tests.conftest import Town


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot as its users run it; killed without warning at the end."""
    environment = {
        "TELEGRAM_BOT_TOKEN": settings.token,
        "TELEGRAM_API_URL": settings.telegram_api_url,
        "DATABASE_URL": settings.database_url,
        "ADMIN_IDS": ",".join(map(str, settings.admin_ids)),
    }
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", env={**os.environ, **environment}
    )
    try:
        yield bot
    finally:
        if bot.returncode is None:
            bot.kill()
        await bot.wait()


async def texts_kept(url: str) -> Counter[str]:
    database = Database(url)
    kept: Counter[str] = Counter()
    if await database.version() == HEAD:  # a process may have been killed before it came so far
        async with database.read() as session:
            kept.update(await session.scalars(select(TicketMessage.text)))
    await database.close()
    return kept


async def until_kept(url: str, wanted: Counter[str], seconds: float = 30) -> None:
    """Wait until exactly these texts are in tickets, and nothing is left to be done."""
    async with asyncio.timeout(seconds):
        while await texts_kept(url) != wanted:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.2)


async def test_nothing_is_lost_or_doubled_when_the_process_is_killed_at_any_moment(
    closed_town: Town,
) -> None:
    town = closed_town
    people = [town.carla, town.dmitri]
    wanted: Counter[str] = Counter()
    moments = random.Random(7)
    for round_ in range(3):
        async with process(town.settings):
            await asyncio.sleep(moments.uniform(0.8, 1.2))
            for number in range(4):
                for person in people:
                    text = f"round {round_}, message {number} of {person.id}"
                    wanted[text] += 1
                    await person.say(text)
            await asyncio.sleep(moments.uniform(0.0, 0.3))
    async with process(town.settings):
        await until_kept(town.settings.database_url, wanted)
        for person in people:
            await person.wait_for(lambda m: "we have your message" in m["text"], within=20)


async def test_two_processes_share_a_postgresql_and_handle_each_update_once(
    closed_town: Town, postgres_url: str
) -> None:
    town = closed_town
    settings = town.settings.model_copy(update={"database_url": postgres_url})
    customers = [await town.client.add_person(f"Customer {n}") for n in range(6)]
    wanted = Counter(f"message {n} of {c.id}" for c in customers for n in range(3))
    async with process(settings) as first, process(settings) as second:
        for n in range(3):
            for customer in customers:
                await customer.say(f"message {n} of {customer.id}")
            if n == 1:  # the first may be the one that fetches, or the one that sends
                await asyncio.sleep(2)
                first.kill()
        await until_kept(postgres_url, wanted)
        for customer in customers:
            await customer.wait_for(lambda m: "we have your message" in m["text"], within=20)
        assert second.returncode is None
    database = Database(postgres_url)
    async with database.read() as session:
        assert await inbox.count(session, State.SET_ASIDE) == 0
        calls = list(await session.scalars(select(Outbox).where(Outbox.method == "sendMessage")))
    # What is to be said is decided once; a kill right after Telegram took it may say it again.
    greeted = Counter(c.chat_id for c in calls if "we have your message" in c.arguments["text"])
    assert greeted == Counter(customer.id for customer in customers)
    await database.close()


async def test_a_second_process_on_the_same_file_says_why_it_does_not_start(
    closed_town: Town,
) -> None:
    town = closed_town
    async with process(town.settings):
        await town.carla.wait_for(within=15)
        again = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "run",
            env={
                **os.environ,
                "TELEGRAM_BOT_TOKEN": town.settings.token,
                "TELEGRAM_API_URL": town.settings.telegram_api_url,
                "DATABASE_URL": town.settings.database_url,
            },
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await again.communicate()
    assert again.returncode == 1
    assert errors.decode().strip().endswith("is Firstline running already?")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_process_cleanly(closed_town: Town, number: signal.Signals) -> None:
    async with process(closed_town.settings) as bot:
        await closed_town.carla.wait_for(within=15)
        bot.send_signal(number)
        assert await asyncio.wait_for(bot.wait(), 10) == 0
