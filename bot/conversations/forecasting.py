"""/forecast: weekly demand of a product, with a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from telegram import Update
from telegram.constants import ChatAction

from bot import texts
from bot.context import DeskContext
from ml.forecast.plot import plot_forecast
from ml.forecast.serve import MAX_WEEKS, Forecast, ForecastModel, NoForecast
from storage import outbox

DEFAULT_WEEKS = 4
RECENT = 8


def _answer(
    model: ForecastModel, product: str, weeks: int
) -> tuple[str, NDArray[np.float32], Forecast, str]:
    """The product's name, its history, the forecast, and the two lines below the picture."""
    table = model.sample
    name = table.find(product)
    if name is None:
        raise NoForecast(texts.unknown_product(product, table.close(product)))
    history = table.history(name)
    forecast = model.forecast(table, name, weeks)
    caption = texts.forecast(
        name,
        forecast.mean.tolist(),
        forecast.low.tolist(),
        forecast.high.tolist(),
        float(history[-RECENT:].mean()),
        is_sample=True,
    )
    return name, history, forecast, caption


async def forecast(update: Update, context: DeskContext) -> None:
    """/forecast PRODUCT [WEEKS]."""
    args = list(context.args or [])
    if not args or update.effective_chat is None:
        context.answer(update, texts.FORECAST_USAGE)
        return
    weeks = DEFAULT_WEEKS
    if len(args) > 1 and args[-1].lstrip("-").isdigit():
        asked = args.pop()
        weeks = int(asked[:9])
        if not 1 <= weeks <= MAX_WEEKS:
            context.answer(update, f"I forecast 1 to {MAX_WEEKS} weeks. {texts.FORECAST_USAGE}")
            return
    await context.typing(update, ChatAction.UPLOAD_PHOTO)
    networks = context.desk.networks
    try:
        name, history, made, caption = await networks.run(
            _answer, networks.forecast, " ".join(args), weeks
        )
    except NoForecast as error:
        context.answer(update, str(error))
        return
    picture = await networks.draw(plot_forecast, name, history, made)
    chat_id = update.effective_chat.id
    arguments = {"chat_id": chat_id, "caption": caption, "parse_mode": "HTML"}
    outbox.add(context.session, chat_id, "sendPhoto", arguments, attachment=picture)
