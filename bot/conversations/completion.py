"""/complete, inline mode, and replies that end in "…": finishing sentences."""

from __future__ import annotations

import contextlib

from telegram import (
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
    Message,
    Update,
)
from telegram.error import TelegramError

from bot import texts
from bot.context import DeskContext, Keyboard
from bot.conversations import agents
from ml.completion.serve import READ, NothingToCompleteError
from storage import outbox, tickets

HOW = "complete"  # what /start is given by the button of inline mode
CACHE = 300  # seconds that Telegram may keep an inline answer: the same text has the same one


async def _suggest(update: Update, context: DeskContext, text: str, variant: int = 0) -> list[str]:
    """Three continuations, worked out off the event loop; for agents in the team's own voice."""
    networks = context.desk.networks
    model = networks.completion
    if networks.team is not None and await context.is_agent(update):
        model = networks.team
    return await networks.run(model.suggest, text, variant=variant)


def _keyboard(suggestions: list[str], action: str, variant: int) -> Keyboard:
    rows = [
        [(f"…{suggestion}", f"{action}:{variant}:{number}")]
        for number, suggestion in enumerate(suggestions)
    ]
    return [*rows, [("🔄 More", f"more-{action}:{variant + 1}")]]


def _end(text: str) -> str:
    """What the network reads of a text."""
    return texts.one_line(text)[-READ:]


async def complete(update: Update, context: DeskContext) -> None:
    """/complete TEXT, or as a reply to a message."""
    message = update.effective_message
    assert message is not None
    text = (message.text or "").partition(" ")[2].strip()
    if not text and message.reply_to_message:
        text = message.reply_to_message.text or message.reply_to_message.caption or ""
    if not text:
        context.answer(update, texts.COMPLETE_USAGE)
        return
    await context.typing(update)
    prompt = _end(text)
    try:
        suggestions = await _suggest(update, context, prompt)
    except NothingToCompleteError as error:
        context.answer(update, texts.escape(str(error)))
        return
    context.answer(update, texts.completions(prompt), _keyboard(suggestions, "complete", 0))


def fits(words: str, ticket_id: int) -> bool:
    """Whether the beginning of a reply can be shown whole above the suggestions."""
    return len(texts.split(texts.completions(words, ticket_id))) == 1


async def offer(update: Update, context: DeskContext, ticket_id: int, words: str) -> None:
    """Offer an agent to finish the reply that they began, before it is sent."""
    await context.typing(update)
    prompt = words.rstrip(".… \n")
    suggestions: list[str] = []
    with contextlib.suppress(NothingToCompleteError):  # it can still be sent as it is
        suggestions = await _suggest(update, context, _end(prompt))
    buttons = _keyboard(suggestions, f"finish-{ticket_id}", 0)
    as_it_is = [("📨 Send as it is", f"finish-{ticket_id}:0:-1")]
    context.answer(update, texts.completions(prompt, ticket_id), [*buttons, as_it_is])


def _prompt(message: Message) -> str:
    """What the message under which a button was pressed wants finished."""
    return (message.text or "").partition("\n")[2].removesuffix("…")


async def press(update: Update, context: DeskContext) -> None:
    """A suggestion, or More."""
    query = update.callback_query
    assert query is not None
    message = query.message
    if not isinstance(message, Message) or not message.reply_markup or not _prompt(message):
        await agents.toast(update, texts.OUTDATED)
        return
    data = str(query.data)
    if data.startswith("more-"):
        await _more(update, context, message, data)
        return
    labels = [
        button.text.removeprefix("…")
        for row in message.reply_markup.inline_keyboard
        for button in row
        if button.callback_data == data
    ]
    action, _, number = data.split(":")
    prompt = _prompt(message)
    whole = prompt + ("…" if number == "-1" else "".join(labels[:1]))
    await agents.toast(update)
    if action == "complete":
        context.answer(update, texts.completed(whole))
        return
    if not await context.is_agent(update):
        return
    found = await tickets.lock(context.session, int(action.removeprefix("finish-")))
    sent = await tickets.find_message(context.session, message.chat_id, message.message_id)
    if found is None or sent is not None:  # a second tap, before the buttons were gone
        context.answer(update, texts.OUTDATED)
    else:
        await agents.send_words(update, context, found, whole)
        agents.replace(update, context, texts.completed(whole))


async def _more(update: Update, context: DeskContext, message: Message, data: str) -> None:
    """Other suggestions in the place of those shown."""
    action, _, number = data.removeprefix("more-").partition(":")
    try:
        suggestions = await _suggest(update, context, _end(_prompt(message)), int(number))
    except NothingToCompleteError:
        await agents.toast(update, texts.NOTHING_MORE)
        return
    await agents.toast(update)
    kept = [
        [(button.text, str(button.callback_data)) for button in row]
        for row in (message.reply_markup.inline_keyboard if message.reply_markup else [])
        if str(row[0].callback_data).endswith(":-1")
    ]
    keyboard = [*_keyboard(suggestions, action, int(number)), *kept]
    arguments = {
        "chat_id": message.chat.id,
        "message_id": message.message_id,
        "reply_markup": texts.buttons(keyboard),
    }
    outbox.add(context.session, message.chat.id, "editMessageReplyMarkup", arguments)


async def inline(update: Update, context: DeskContext) -> None:
    """@bot TEXT in any chat; answered directly, since a late answer is worth nothing."""
    query = update.inline_query
    assert query is not None
    results = []
    with contextlib.suppress(NothingToCompleteError):
        results = [
            InlineQueryResultArticle(
                id=str(number),
                title=f"…{suggestion}",
                description=query.query + suggestion,
                input_message_content=InputTextMessageContent(query.query + suggestion),
            )
            for number, suggestion in enumerate(await _suggest(update, context, query.query))
        ]
    hint = InlineQueryResultsButton(texts.INLINE_HINT, start_parameter=HOW)
    with contextlib.suppress(TelegramError):
        await query.answer(
            results,
            cache_time=CACHE,
            is_personal=context.desk.networks.team is not None,  # agents get other suggestions
            button=None if results else hint,
        )
