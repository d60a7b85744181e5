"""/forecast and /movers: weekly demand, with a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message, Update
from telegram.constants import ChatAction

from bot import texts
from bot.context import DeskContext, Keyboard
from bot.conversations import agents
from ml.forecast.data import SalesTable
from ml.forecast.plot import Shown, plot_products
from ml.forecast.serve import MAX_WEEKS, ForecastModel, NoForecastError, movers, outlook
from storage import outbox, sales, settings
from storage.schema import Role

DEFAULT_WEEKS = 4
COMPARED = 4  # products at most: more panels are hard to read on a phone
OPEN = "sales_open"  # the setting that lets customers see the company's own figures


@dataclass(frozen=True)
class Source:
    """Where an answer comes from."""

    model: ForecastModel
    table: SalesTable
    is_sample: bool


class UnknownProductError(ValueError):
    """No product is called that; ``close`` names are offered instead."""

    def __init__(self, name: str, close: list[str]) -> None:
        super().__init__(name)
        self.name, self.close = name, close


async def source(update: Update, context: DeskContext) -> Source:
    """The company's own sales for those who may see them, else the sample."""
    networks = context.desk.networks
    sample = Source(networks.forecast, networks.forecast.sample, is_sample=True)
    role = await context.role(update)
    async with context.desk.database.read() as session:
        if role == Role.CUSTOMER and not await settings.get(session, OPEN):
            return sample
        own = await sales.table(session)
    if not own:
        return sample
    return Source(networks.own_forecast, await networks.run(SalesTable.of, own), is_sample=False)


def parse(words: Sequence[str], table: SalesTable) -> tuple[list[str], int]:
    """Which products of the table are meant, and how many weeks.

    Raises:
        NoForecastError: the weeks or the number of products make no sense; says what does.
        UnknownProductError: a name is not of a product.
    """
    words = list(words)
    weeks = DEFAULT_WEEKS
    text = " ".join(words)
    if table.find(text) is None and len(words) > 1 and _is_number(words[-1]):
        number = int(words[-1][:9])
        if 1 <= number <= MAX_WEEKS or table.find(words[-1]) is None:
            weeks, text = number, " ".join(words[:-1]).rstrip(" ,")
    if not 1 <= weeks <= MAX_WEEKS:
        raise NoForecastError(f"{texts.WEEKS_USAGE} {texts.FORECAST_USAGE}")
    if found := table.find(text):
        return [found], weeks
    names = [part.strip() for part in text.split(",")] if "," in text else text.split()
    products = [table.find(name) for name in names if name]
    if None in products and "," not in text:
        raise UnknownProductError(text, table.close(text) or _close(names, table))
    for name, product in zip(filter(None, names), products, strict=True):
        if product is None:
            raise UnknownProductError(name, table.close(name))
    known = list(dict.fromkeys(product for product in products if product))
    if len(known) > COMPARED:
        raise NoForecastError(texts.TOO_MANY_PRODUCTS)
    if not known:
        raise NoForecastError(texts.FORECAST_USAGE)
    return known, weeks


def _is_number(word: str) -> bool:
    return word.removeprefix("-").isdecimal() and word.isascii()


def _close(names: Sequence[str], table: SalesTable) -> list[str]:
    return table.close(next(name for name in names if table.find(name) is None))


def _offered(names: Sequence[str], weeks: int) -> Keyboard:
    """A button a product; its name is on the button, since callback data is short."""
    return [[(name, f"product-{weeks}:{n}")] for n, name in enumerate(names)]


def _made(source: Source, products: Sequence[str], weeks: int) -> tuple[list[Shown], list[str]]:
    """What to draw, and what to say of each product."""
    shown, said = [], []
    for product in products:
        forecast = source.model.forecast(source.table, product, weeks)
        shown.append(Shown(product, source.table.history(product), forecast))
        said.append(texts.forecast(product, forecast, outlook(source.table, product, forecast)))
    return shown, said


async def forecast(update: Update, context: DeskContext) -> None:
    """/forecast PRODUCT [, PRODUCT…] [WEEKS]."""
    if not context.args:
        context.answer(update, texts.FORECAST_USAGE)
        return
    asked = await source(update, context)
    try:
        products, weeks = parse(context.args, asked.table)
    except UnknownProductError as unknown:
        html = texts.unknown_product(unknown.name, unknown.close)
        context.answer(update, html, _offered(unknown.close, DEFAULT_WEEKS))
    except NoForecastError as error:
        context.answer(update, texts.escape(str(error)))
    else:
        await _answer(update, context, asked, products, weeks)


async def _answer(
    update: Update, context: DeskContext, asked: Source, products: Sequence[str], weeks: int
) -> None:
    if update.effective_chat is None:
        return
    await context.typing(update, ChatAction.UPLOAD_PHOTO)
    networks = context.desk.networks
    try:
        shown, said = await networks.run(_made, asked, products, weeks)
    except NoForecastError as error:
        context.answer(update, texts.escape(str(error)))
        return
    picture = await networks.run_apart(plot_products, shown)
    chat_id = update.effective_chat.id
    said.append(texts.weeks_ahead(asked.table.following(weeks), asked.is_sample))
    arguments = {"chat_id": chat_id, "caption": "\n".join(said), "parse_mode": "HTML"}
    outbox.add(context.session, chat_id, "sendPhoto", arguments, attachment=picture)


async def press(update: Update, context: DeskContext) -> None:
    """A product's button: its forecast."""
    query = update.callback_query
    assert query is not None
    await agents.toast(update)
    markup = query.message.reply_markup if isinstance(query.message, Message) else None
    labels = [
        button.text
        for row in (markup.inline_keyboard if markup else [])
        for button in row
        if button.callback_data == query.data
    ]
    asked = await source(update, context)
    product = asked.table.find(labels[0]) if labels else None
    weeks = int(str(query.data).partition(":")[0].removeprefix("product-"))
    if product is None or not 1 <= weeks <= MAX_WEEKS:
        context.answer(update, texts.OUTDATED)
    else:
        await _answer(update, context, asked, [product], weeks)


async def moving(update: Update, context: DeskContext) -> None:
    """/movers [WEEKS]."""
    words = list(context.args or [])
    weeks = int(words[0][:9]) if words and _is_number(words[0]) else DEFAULT_WEEKS
    if not 1 <= weeks <= MAX_WEEKS:
        context.answer(update, texts.WEEKS_USAGE)
        return
    await context.typing(update)
    asked = await source(update, context)
    found = await context.desk.networks.run(movers, asked.model, asked.table, weeks)
    when = texts.weeks_ahead(asked.table.following(weeks), asked.is_sample)
    keyboard = _offered([outlook.product for outlook in found], weeks)
    context.answer(update, texts.movers(found, when), keyboard)
