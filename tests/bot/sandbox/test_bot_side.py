"""The Bot API, driven by python-telegram-bot over HTTP."""

import asyncio
import struct
import zlib

import httpx
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    BotCommandScopeChatMember,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    TelegramObject,
    Update,
)
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

from bot.sandbox.client import Person, SandboxClient
from bot.sandbox.world import GROUP_ID, SANDBOX_TOKEN, World


def png(width: int = 3, height: int = 2) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def unknown_fields(thing: object) -> list[str]:
    """What python-telegram-bot did not recognise, anywhere inside."""
    if isinstance(thing, list | tuple):
        return [name for item in thing for name in unknown_fields(item)]
    if not isinstance(thing, TelegramObject):
        return []
    found = [f"{type(thing).__name__}.{name}" for name in thing.api_kwargs]
    for name in thing.to_dict(recursive=False):
        value = getattr(thing, "from_user" if name == "from" else name, None)
        found += unknown_fields(value)
    return found


async def test_a_message_reaches_the_bot_and_its_answer_the_person(bot: Bot, carla: Person) -> None:
    sent = await carla.say("hello /help@firstline_sandbox_bot")
    [update] = await bot.get_updates()
    assert update.message is not None
    assert update.message.message_id == sent["message_id"]
    assert update.message.entities[0].type == "bot_command"
    await bot.send_message(1001, "<b>Hi</b> &lt;you&gt; 🎉 <i>there</i>", parse_mode="HTML")
    seen = await carla.wait_for(lambda message: "there" in message["text"])
    assert seen["html"] == "<b>Hi</b> &lt;you&gt; 🎉 <i>there</i>"


async def test_everything_people_send_is_understood_by_the_library(
    bot: Bot, carla: Person, ana: Person, client: SandboxClient
) -> None:
    first = await carla.start("deep")
    await carla.say("a reply to @somebody https://example.org", reply_to=first["message_id"])
    await carla.photo(png(), caption="look #here")
    for send in (carla.document(b"x"), carla.voice(), carla.video(), carla.sticker()):
        await send
    await carla.location(52.5, 13.4)
    await carla.contact("+491234", "Carl")
    await carla.edit(first["message_id"], "/start again")
    await carla.block()
    await carla.unblock()
    await ana.say("from nobody", chat=GROUP_ID, anonymous=True)
    channel = await client.add_chat("News", 2001, type="channel")
    await ana.say("news", chat=channel)
    await client.set_member(GROUP_ID, 1002, "member")
    await bot.get_updates(allowed_updates=Update.ALL_TYPES)
    updates = await bot.get_updates()
    kinds = {kind for update in updates for kind in update.to_dict()} - {"update_id"}
    assert kinds == {"message", "edited_message", "my_chat_member", "channel_post"}
    assert unknown_fields(updates) == []
    assert updates[2].message is not None
    assert updates[2].message.photo[0].width == 3


async def test_everything_the_bot_sends_comes_back_understood(bot: Bot, carla: Person) -> None:
    said = await carla.say("hi")
    answers = [
        await bot.send_message(1001, "x", reply_to_message_id=said["message_id"]),
        await bot.send_photo(1001, png(), caption="<b>c</b>", parse_mode="HTML"),
        await bot.send_document(1001, b"abc", filename="a.csv"),
        await bot.send_voice(1001, b"OggS"),
        await bot.send_video(1001, b"v"),
        await bot.send_audio(1001, b"a", title="t"),
        await bot.send_sticker(1001, b"RIFF....WEBP"),
        await bot.send_location(1001, 1, 2),
        await bot.send_contact(1001, "+49", "Carl"),
        await bot.forward_message(GROUP_ID, 1001, said["message_id"]),
        await bot.copy_message(GROUP_ID, 1001, said["message_id"]),
        await bot.get_chat(GROUP_ID),
        await bot.get_chat_member(GROUP_ID, 2001),
        *await bot.get_chat_administrators(GROUP_ID),
        await bot.get_me(),
        await bot.get_webhook_info(),
    ]
    assert unknown_fields(answers) == []
    assert await bot.send_chat_action(1001, "typing")


async def test_a_file_can_be_fetched_and_sent_again(bot: Bot, carla: Person) -> None:
    await carla.document(b"contents", name="note.txt")
    [update] = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    file = await bot.get_file(update.message.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"contents"
    again = await bot.send_document(1001, update.message.document.file_id)
    assert again.document is not None
    assert again.document.file_name == "note.txt"


async def test_confirmed_updates_do_not_come_again(bot: Bot, carla: Person) -> None:
    await carla.say("one")
    await carla.say("two")
    first, second = await bot.get_updates()
    assert first.update_id < second.update_id
    assert [update.update_id for update in await bot.get_updates(offset=second.update_id)] == [
        second.update_id
    ]
    assert await bot.get_updates(offset=second.update_id + 1) == ()


async def test_a_newer_poll_ends_an_older_one(bot: Bot, url: str) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=10))
    await asyncio.sleep(0.1)
    async with Bot(SANDBOX_TOKEN, base_url=f"{url}/bot") as other:
        await other.get_updates()
    with pytest.raises(Conflict, match=r"(?i)terminated by other getUpdates request"):
        await older


async def test_polling_is_refused_while_a_webhook_is_set(bot: Bot) -> None:
    await bot.set_webhook("https://127.0.0.1:1/hook")
    with pytest.raises(Conflict, match=r"(?i)webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_a_pressed_button_gets_its_answer(bot: Bot, carla: Person) -> None:
    await carla.say("hi")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Take", callback_data="take:1")]])
    await bot.send_message(1001, "Ticket", reply_markup=keyboard)
    message = await carla.wait_for(lambda seen: seen.get("reply_markup"))
    pressing = asyncio.create_task(carla.press(message, "Take"))
    updates = await bot.get_updates(timeout=5, allowed_updates=["callback_query"])
    while not updates[-1].callback_query:
        updates = await bot.get_updates(offset=updates[-1].update_id + 1, timeout=5)
    query = updates[-1].callback_query
    assert query.data == "take:1"
    assert unknown_fields(updates) == []
    await query.answer("Yours", show_alert=True)
    assert await pressing == {"answered": True, "text": "Yours", "show_alert": True, "url": ""}
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await query.answer("again")


async def test_an_inline_result_is_sent_via_the_bot(bot: Bot, carla: Person) -> None:
    asking = asyncio.create_task(carla.inline("ref"))
    [update] = await bot.get_updates(timeout=5)
    assert update.inline_query is not None
    content = InputTextMessageContent("<b>refund</b>", parse_mode="HTML")
    await update.inline_query.answer([InlineQueryResultArticle("1", "Refund", content)])
    results = await asking
    assert results["results"][0]["title"] == "Refund"
    message = await carla.choose(results, "1")
    assert message["html"] == "<b>refund</b>"
    assert message["via_bot"]["username"] == "firstline_sandbox_bot"


@pytest.mark.parametrize(
    ("text", "mode", "reason"),
    [
        ("", None, "text is empty"),
        ("x" * 4097, None, "message is too long"),
        ("<b>x", "HTML", "Can't find end tag corresponding to start tag"),
        ("a <3", "HTML", 'Unsupported start tag "3" at byte offset 2'),
        ("<b>x</i>", "HTML", "Unmatched end tag at byte offset 4"),
    ],
)
async def test_a_wrong_text_is_refused(
    bot: Bot, carla: Person, text: str, mode: str | None, reason: str
) -> None:
    await carla.say("hi")
    with pytest.raises(BadRequest, match=f"(?i){reason}"):
        await bot.send_message(1001, text, parse_mode=mode)


async def test_strangers_and_blockers_cannot_be_written_to(bot: Bot, carla: Person) -> None:
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(4711, "x")
    with pytest.raises(Forbidden, match=r"(?i)can't initiate"):
        await bot.send_message(1001, "x")
    await carla.say("hi")
    await carla.block()
    with pytest.raises(Forbidden, match=r"(?i)blocked by the user"):
        await bot.send_message(1001, "x")


async def test_wrong_buttons_and_replies_are_refused(bot: Bot, carla: Person) -> None:
    await carla.say("hi")
    for data in ("", "x" * 65):
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data=data)]])
        with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
            await bot.send_message(1001, "x", reply_markup=keyboard)
    bare = {"reply_markup": {"inline_keyboard": [[{"text": "A"}]]}}
    with pytest.raises(BadRequest, match=r"(?i)text buttons are unallowed"):
        await bot.send_message(1001, "x", api_kwargs=bare)
    with pytest.raises(BadRequest, match=r"(?i)replied not found"):
        await bot.send_message(1001, "x", reply_to_message_id=99)
    await bot.send_message(1001, "x", reply_to_message_id=99, allow_sending_without_reply=True)


async def test_an_edit_must_change_something(bot: Bot, carla: Person) -> None:
    await carla.say("hi")
    message = await bot.send_message(1001, "one")
    await message.edit_text("two")
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await message.edit_text("two")
    assert (await carla.messages())[-1]["text"] == "two"
    await message.delete()
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await message.edit_text("three")


async def test_menus_follow_the_order_of_scopes(bot: Bot, ana: Person, carla: Person) -> None:
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([BotCommand("group", "In groups")], BotCommandScopeAllGroupChats())
    await bot.set_my_commands([BotCommand("mine", "For Ana")], BotCommandScopeChat(2001))
    assert [menu["command"] for menu in await carla.commands()] == ["help"]
    assert [menu["command"] for menu in await ana.commands()] == ["mine"]
    assert [menu["command"] for menu in await ana.commands(GROUP_ID)] == ["group"]
    scope = BotCommandScopeChatMember(GROUP_ID, 2001)
    await bot.set_my_commands([BotCommand("me", "Only Ana")], scope)
    assert [menu["command"] for menu in await ana.commands(GROUP_ID)] == ["me"]
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([BotCommand("Bad", "x")])


async def test_a_wrong_token_and_an_unknown_method_are_refused(url: str) -> None:
    with pytest.raises(InvalidToken):
        await Bot("1:wrong", base_url=f"{url}/bot").initialize()
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{url}/bot{SANDBOX_TOKEN}/fly")
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_planned_faults_happen_as_often_as_planned(
    bot: Bot, carla: Person, client: SandboxClient
) -> None:
    await carla.say("hi")
    await client.fault("sendMessage", kind="retry_after", retry_after=2, chat_id=1001)
    with pytest.raises(RetryAfter) as refused:
        await bot.send_message(1001, "one")
    assert int(refused.value._retry_after.total_seconds()) == 2
    for kind in ("server_error", "bad_gateway", "drop_before"):
        await client.fault(kind=kind)
        with pytest.raises(NetworkError):
            await bot.send_message(1001, kind)
    await client.fault("sendMessage", kind="drop_after")
    with pytest.raises(NetworkError):
        await bot.send_message(1001, "lost answer")
    texts = [message["text"] for message in await carla.messages()]
    assert texts == ["hi", "lost answer"]
    assert len(await client.outgoing("sendMessage")) == 5


async def test_an_update_can_come_twice(bot: Bot, carla: Person, client: SandboxClient) -> None:
    await client.fault(kind="duplicate_update")
    await carla.say("once")
    [update] = await bot.get_updates()
    [again] = await bot.get_updates(offset=update.update_id + 1)
    assert again.update_id == update.update_id
    assert await bot.get_updates(offset=update.update_id + 1) == ()


async def test_flood_control_refuses_a_burst(world: World, bot: Bot, carla: Person) -> None:
    world.enforce_limits = True
    await carla.say("hi")
    with pytest.raises(RetryAfter):
        await asyncio.gather(*(bot.send_message(1001, str(number)) for number in range(5)))
