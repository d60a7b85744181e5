"""The command line: ``firstline run``, and the networks for scripts and cron jobs."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import ctypes
import io
import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.secrets import redact, set_up_logging
from ml.artifact import WeightsError

if TYPE_CHECKING:
    from telegram import Bot

    from bot.config import Settings
    from ml.forecast.data import SalesTable
    from ml.forecast.serve import ForecastModel
    from ml.sentiment.serve import SentimentModel

BATCH = 256


def _settings() -> Settings:
    from pydantic import ValidationError

    from bot.config import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        message = first["msg"].removeprefix("Value error, ")
        raise click.UsageError(f"{name}: {message}") from None


def _give_memory_back() -> None:
    """Have glibc return freed memory at once: what networks work with comes in large pieces."""
    trim_threshold, mmap_threshold, arena_max = -1, -3, -8  # mallopt(3)
    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 2**16)
        libc.mallopt(mmap_threshold, 2**16)
        libc.mallopt(arena_max, 1)


@click.group()
def cli() -> None:
    """A support desk on Telegram that answers the unhappiest customer first."""


@cli.command()
def run() -> None:
    """Start the bot; without TELEGRAM_BOT_TOKEN, with the local sandbox."""
    config = _settings()
    _give_memory_back()
    from bot import app

    set_up_logging(config.log_level)

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await app.run(config)

    try:
        asyncio.run(main())
    except* (app.StartError, ValueError) as group:
        raise click.ClickException(redact(str(group.exceptions[0]))) from None


def _lines(path: Path, column: str) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        sample = file.read(4096)
        file.seek(0)
        delimiter = max(",;\t", key=sample.split("\n")[0].count)
        reader = csv.DictReader(file, delimiter=delimiter)
        if column not in (reader.fieldnames or ()):
            raise click.UsageError(f"{path} has no column {column!r}")
        for row in reader:
            yield row[column] or ""


@cli.command()
@click.argument("texts", nargs=-1)
@click.option("--csv", "table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--column", default="text", show_default=True, help="Of the CSV file.")
@click.option("--explain", is_flag=True, help="With the words that raised each score most.")
def score(texts: tuple[str, ...], table: Path | None, column: str, explain: bool) -> None:
    """Score TEXTS, or lines of standard input, or a column of a CSV file."""
    source: Iterable[str]
    if table is not None:
        source = _lines(table, column)
    elif texts:
        source = texts
    else:
        given = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
        source = (line.rstrip("\r\n") for line in given)
    model = _sentiment(_settings())
    batch: list[str] = []

    done = 0

    def flush() -> None:
        nonlocal done
        for text, scored in zip(batch, model.score(batch), strict=True):
            row: dict[str, Any] = {
                "text": text,
                "complaint": round(scored.complaint, 4),
                "band": scored.band,
            }
            if scored.foreign:
                row["foreign"] = True
            if explain:
                row["why"] = [[word, round(weight, 4)] for word, weight in model.explain(text)]
            click.echo(json.dumps(row, ensure_ascii=True))
        done += len(batch)
        batch.clear()
        if not sys.stdout.isatty():
            _progress(f"{done} texts scored")

    for text in source:
        batch.append(text)
        if len(batch) == BATCH:
            flush()
    flush()


def _sentiment(config: Settings) -> SentimentModel:
    """The network that the bot scores with."""
    from ml.sentiment.serve import OWN, SentimentModel

    own = config.data_dir / OWN
    return SentimentModel.load(own) if own.is_dir() else SentimentModel.load()


def _progress(text: str) -> None:
    """Tell somebody who watches how far the work has come."""
    if sys.stderr.isatty():
        click.echo(f"\r{text}\033[K", nl=False, err=True)


@cli.command()
@click.argument("text")
@click.option("-n", "count", type=click.IntRange(1, 10), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def complete(text: str, count: int, as_json: bool) -> None:
    """Finish a sentence."""
    from ml.completion.serve import CompletionModel, NothingToCompleteError

    try:
        suggestions = CompletionModel.load().suggest(text, count)
    except NothingToCompleteError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps({"prompt": text, "suggestions": suggestions}))
    else:
        for suggestion in suggestions:
            click.echo(text + suggestion)


@cli.command()
@click.argument("product")
@click.option("--weeks", type=click.IntRange(1, 13), default=4, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def forecast(product: str, weeks: int, as_json: bool) -> None:
    """Forecast the weekly demand of PRODUCT."""
    from ml.forecast.serve import INTERVAL, NoForecastError

    model, table = _own_sales(_settings())
    name = table.find(product)
    if name is None:
        close = ", ".join(table.close(product)) or table.products[0]
        raise click.UsageError(f"unknown product {product!r}; close names: {close}")
    try:
        made = model.forecast(table, name, weeks)
    except NoForecastError as error:
        raise click.UsageError(str(error)) from None
    rows = [
        {"week": week, "mean": round(m, 2), "low": round(lo, 2), "high": round(hi, 2)}
        for week, m, lo, hi in zip(
            table.following(weeks),
            made.mean.tolist(),
            made.low.tolist(),
            made.high.tolist(),
            strict=True,
        )
    ]
    if as_json:
        click.echo(json.dumps({"product": name, "interval": INTERVAL, "weeks": rows}))
    else:
        for row in rows:
            click.echo(f"{row['week']}: {row['mean']} ({row['low']} to {row['high']})")


def _own_sales(config: Settings) -> tuple[ForecastModel, SalesTable]:
    """The company's sales and the network for them; without any, the sample."""
    from ml.forecast.data import SalesTable
    from ml.forecast.serve import OWN, ForecastModel
    from storage import sales
    from storage.database import NoDeskError, look_up

    known: dict[str, dict[str, float]] = {}
    with contextlib.suppress(NoDeskError):
        try:
            known = look_up(config.database(), sales.table)
        except NoDeskError:
            raise
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    own = config.data_dir / OWN
    if not known:
        model = ForecastModel.load()
        return model, model.sample
    return ForecastModel.load(own) if own.is_dir() else ForecastModel.load(), SalesTable.of(known)


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in place of all sales that are there.")
@click.option("--check", is_flag=True, help="Only show what is understood.")
def import_sales(file: Path, replace: bool, check: bool) -> None:
    """Bring the company's own sales in, from a CSV or Excel FILE.

    Weeks that are there already are replaced, others added.
    """
    import numpy as np
    from sqlalchemy.exc import DBAPIError

    from ml.forecast.data import SalesTable
    from ml.forecast.sheet import SheetError, read_sheet
    from storage import sales
    from storage.database import Database

    try:
        sheet = read_sheet(file.read_bytes(), file.name)
    except SheetError as error:
        raise click.UsageError(str(error)) from None
    table = sheet.table()
    for one in sheet.skipped:
        where = f"row {one.row}, {one.column}" if one.row else one.column
        click.echo(f"{where}: {one.why}", err=True)

    async def bring_in() -> SalesTable:
        database = Database(_settings().database())
        try:
            await database.migrate()
            async with database.write() as session:
                proposed = await sales.propose(session, file.name, None, table.figures())
                await sales.keep(session, proposed.id, replaces=replace)
                return SalesTable.of(await sales.table(session))
        finally:
            await database.close()

    try:
        result = table if check else asyncio.run(bring_in())
    except (DBAPIError, OSError) as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        raise click.UsageError(f"the sales cannot be kept: {reason}") from None
    except ValueError as error:
        raise click.UsageError(f"{error}; --replace puts this file in place of them") from None
    verb = "understood" if check else "imported; all sales"
    click.echo(
        f"{verb}: {len(result.products)} products, {len(result.weeks)} weeks "
        f"({result.weeks[0]} to {result.weeks[-1]}), {np.nansum(result.counts):,.0f} units"
    )


@cli.command()
@click.argument("network", type=click.Choice(["sentiment", "completion", "forecast"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where sentiment's reliability plot is saved; without it, beside FILE.",
)
def evaluate(network: str, file: Path, as_json: bool, plot: Path | None) -> None:
    """Measure a network on FILE, next to baselines."""
    result: dict[str, Any]
    _progress("measuring, next to baselines…")
    try:
        if network == "sentiment":
            from ml.sentiment.evaluate import evaluate_file as evaluate_sentiment

            result = evaluate_sentiment(_sentiment(_settings()), file, plot)
        elif network == "completion":
            from ml.completion.evaluate import evaluate_file as evaluate_completion
            from ml.completion.serve import CompletionModel

            result = evaluate_completion(CompletionModel.load(), file)
        else:
            from ml.forecast.evaluate import evaluate_file as evaluate_forecast
            from ml.forecast.serve import ForecastModel

            result = evaluate_forecast(ForecastModel.load(), file)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from None
    finally:
        _progress("")
    click.echo(json.dumps(result, indent=None if as_json else 1))


@cli.command()
def doctor() -> None:
    """Check settings, database, weights and the connection to Telegram."""
    if not asyncio.run(_examine(_settings())):
        sys.exit(1)


async def _examine(config: Settings) -> bool:
    from telegram.error import TelegramError

    from bot.app import make_bot
    from bot.networks import Networks
    from storage.database import HEAD, Database

    healthy = True

    def report(name: str, good: bool, text: str) -> None:
        nonlocal healthy
        healthy &= good
        click.echo(f"{'ok ' if good else 'BAD'} {name}: {redact(text)}")

    report("settings", True, f"{len(config.admin_ids)} admins, patience {config.patience_hours} h")
    try:
        database = Database(config.database())
        version = await database.version()
        await database.close()
        text = f"schema {version or 'none yet'}, this program's is {HEAD}"
        report("database", version in (None, HEAD), text + "; firstline run migrates it")
    except Exception as error:
        report("database", False, f"{error}; check DATABASE_URL")
    try:
        Networks(config.data_dir)
        report("weights", True, "all three networks load")
    except WeightsError as error:
        report("weights", False, str(error))
    if not config.token:
        report("telegram", True, "no TELEGRAM_BOT_TOKEN: firstline run starts the sandbox")
        return healthy
    bot = make_bot(config)
    try:
        me = await bot.get_me()
        report("telegram", True, f"connected as @{me.username}")
        if not config.admin_ids:
            report("admins", False, "none: set ADMIN_IDS to your id, which @userinfobot tells you")
        hook = await bot.get_webhook_info()
        if hook.url != config.webhook_url:
            report(
                "webhook", True, f"now {hook.url or 'none'}; firstline run sets it as configured"
            )
        elif hook.last_error_message:
            report("webhook", False, f"{hook.last_error_message}; check WEBHOOK_URL and its proxy")
        if config.agent_chat_id is not None:
            await _examine_group(bot, config.agent_chat_id, report)
    except TelegramError as error:
        report("telegram", False, f"{error}; check TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL")
    finally:
        with contextlib.suppress(TelegramError):
            await bot.shutdown()
    return healthy


async def _examine_group(bot: Bot, chat_id: int, report: Callable[[str, bool, str], None]) -> None:
    from telegram.error import TelegramError

    try:
        group = await bot.get_chat(chat_id)
        report("agents' group", True, group.effective_name or str(chat_id))
    except TelegramError as error:
        report("agents' group", False, f"{error}; add the bot to it, or correct AGENT_CHAT_ID")


def main() -> None:
    """Run the command line: 0 for success, 2 for wrong usage, 1 for any other failure."""
    csv.field_size_limit(2**31 - 1)  # of a cell; messages may be long
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        click.echo(f"firstline: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except WeightsError as error:
        click.echo(f"firstline: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
