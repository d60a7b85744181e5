"""/complete: finishes a sentence."""

from __future__ import annotations

from telegram import Update

from bot import texts
from bot.context import DeskContext
from ml.completion.serve import NothingToComplete


async def complete(update: Update, context: DeskContext) -> None:
    """/complete TEXT, or as a reply to a message."""
    message = update.effective_message
    assert message is not None  # noqa: S101
    _, _, text = (message.text or "").partition(" ")
    if not text.strip() and message.reply_to_message:
        text = message.reply_to_message.text or message.reply_to_message.caption or ""
    if not text.strip():
        context.answer(update, texts.COMPLETE_USAGE)
        return
    networks = context.desk.networks
    try:
        suggestions = await networks.run(networks.completion.suggest, text)
    except NothingToComplete as error:
        context.answer(update, texts.escape(str(error)))
        return
    context.answer(update, texts.completions(texts.one_line(text[-500:]), suggestions))
