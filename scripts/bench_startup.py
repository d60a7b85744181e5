"""How soon the bot answers after its start, and how much memory it takes.

    python scripts/bench_startup.py

Both it and a bare echo bot of the same library run as processes of their own against the
sandbox. A customer's message waits already; the clock runs from the start of the process to the
bot's answer. Memory is read when all three networks have answered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bot.sandbox.client import Person, SandboxClient
from bot.sandbox.server import create_app
from bot.sandbox.world import ADMINS, CUSTOMERS, SANDBOX_TOKEN, World
from bot.serving import serving

ECHO = """
import os
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler

async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.effective_message.reply_text(update.effective_message.text)

url = os.environ["TELEGRAM_API_URL"]
application = (
    Application.builder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(url + "/bot").build()
)
application.add_handler(MessageHandler(None, echo))
application.run_polling()
"""
MIB = 2**20
LIMIT_SECONDS, LIMIT_MIB = 1.5, 150


async def measure(
    customer: Person, command: list[str], environment: dict[str, str]
) -> tuple[float, float]:
    """Seconds to the first answer, and resident MiB of the process at the end."""
    said = await customer.start()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await customer.wait_for(within=60, after=said["message_id"])
        seconds = time.perf_counter() - began
        await _use(customer)
        return seconds, psutil.Process(process.pid).memory_info().rss / MIB
    finally:
        process.terminate()
        await process.wait()


async def _use(customer: Person) -> None:
    await customer.say("I was charged twice")  # scored, but only a ticket's first is answered
    for text in ("/complete So she was considering", "/forecast P1"):
        said = await customer.say(text)
        await customer.wait_for(within=30, after=said["message_id"])


async def main() -> int:
    """Print the table; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    world = World.default()
    async with (
        serving(create_app(world), "127.0.0.1", 0) as url,
        SandboxClient(url) as client,
    ):
        with tempfile.TemporaryDirectory() as folder:
            code = await compare(client.person(CUSTOMERS[0]), url, Path(folder), runs)
        world.close()
    return code


async def compare(customer: Person, url: str, folder: Path, runs: int) -> int:
    """Measure both bots; 1 if Firstline is over a limit."""
    environment = {
        "TELEGRAM_BOT_TOKEN": SANDBOX_TOKEN,
        "TELEGRAM_API_URL": url,
        "DATABASE_URL": f"sqlite:///{folder}/desk.db",
        "ADMIN_IDS": ",".join(map(str, ADMINS)),
    }
    echo_file = folder / "echo.py"
    echo_file.write_text(ECHO)
    commands = {
        "firstline": [sys.executable, "-m", "bot", "run"],
        "echo bot": [sys.executable, str(echo_file)],
    }
    first, _ = await measure(customer, commands["firstline"], environment)
    print(f"firstline's very first start, which creates the database: {first:.2f} s\n")
    print(f"{'':10} {'median s':>9} {'slowest s':>10} {'MiB':>6}   ({runs} later starts)")
    medians = {}
    for name, command in commands.items():
        figures = [await measure(customer, command, environment) for _ in range(runs)]
        seconds, memory = zip(*figures, strict=True)
        medians[name] = statistics.median(seconds), max(memory)
        print(f"{name:10} {medians[name][0]:9.2f} {max(seconds):10.2f} {max(memory):6.0f}")
    ours, echo = medians["firstline"], medians["echo bot"]
    print(f"\nratio      {ours[0] / echo[0]:9.2f} {'':10} {ours[1] / echo[1]:6.2f}")
    return int(ours[0] > LIMIT_SECONDS or ours[1] > LIMIT_MIB)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
