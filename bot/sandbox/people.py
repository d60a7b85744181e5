"""What people do in their Telegram apps, and what the bot hears of it."""

from __future__ import annotations

import copy
import time
from typing import Any

from bot.sandbox.content import MAX_CAPTION
from bot.sandbox.entities import found_entities, trimmed, utf16_length
from bot.sandbox.markup import render_html
from bot.sandbox.methods import CONTENT_FIELDS, member_json
from bot.sandbox.world import (
    ANONYMOUS_ADMIN_ID,
    BOT_ID,
    CallbackQuery,
    InlineQuery,
    SandboxChat,
    SandboxUser,
    World,
)

Json = dict[str, Any]


class ImpossibleError(Exception):
    """Something that Telegram's apps would not let a person do."""


class People:
    """Acts for the people of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def user(self, user_id: int) -> SandboxUser:
        """Return somebody of this world."""
        user = self._world.users.get(user_id)
        if user is None:
            raise ImpossibleError(f"nobody has the id {user_id}")
        return user

    def chat(self, user_id: int, chat_id: int) -> SandboxChat:
        """Return a chat that somebody is in."""
        chat = self._world.chats.get(chat_id)
        if chat is None or not chat.has(user_id):
            raise ImpossibleError(f"{user_id} is not in a chat {chat_id}")
        return chat

    def seen(self, message: Json) -> Json:
        """Return a message as the page and the tests get it."""
        text: str = message.get("text") or message.get("caption") or ""
        entities: list[Json] = message.get("entities") or message.get("caption_entities") or []
        return {
            **message,
            "text": message.get("text", ""),
            "caption": message.get("caption", ""),
            "entities": entities,
            "html": render_html(text, entities),
        }

    def messages(self, user_id: int, chat_id: int, after: int = 0) -> list[Json]:
        """Return a chat's messages after a message."""
        chat = self.chat(user_id, chat_id)
        return [self.seen(message) for key, message in chat.messages.items() if key > after]

    def say(self, user_id: int, chat_id: int, content: Json, options: Json | None = None) -> Json:
        """Send a message; `options` may hold reply_to, anonymous and via_bot."""
        options = options or {}
        user, chat = self.user(user_id), self.chat(user_id, chat_id)
        if chat.type == "private" and user.blocked:
            raise ImpossibleError("unblock the bot first")
        content = dict(content)
        if options.get("reply_to"):
            quoted = self._world.quoted(chat, int(options["reply_to"]))
            if quoted is None:
                raise ImpossibleError("the message to reply to is not there")
            content = {"reply_to_message": quoted, **content}
        if options.get("via_bot"):
            content["via_bot"] = self._world.bot.as_json()
        sender: SandboxUser | None = user
        if chat.type == "channel":
            sender = None
        elif options.get("anonymous"):
            if chat.type == "private":
                raise ImpossibleError("there are no anonymous admins in a private chat")
            content["sender_chat"] = self._world.chat_json(chat)
            sender = self.user(ANONYMOUS_ADMIN_ID)
        if chat.type == "private":
            user.started = True
        message = self._world.post(chat, content, sender)
        self._heard(chat, "channel_post" if chat.type == "channel" else "message", message)
        return self.seen(message)

    def text(self, user_id: int, chat_id: int, source: str, options: Json | None = None) -> Json:
        """Send a text, with the entities that an app would find in it."""
        return self.say(user_id, chat_id, _text(source), options)

    def file(
        self, user_id: int, chat_id: int, kind: str, name: str, content: bytes, options: Json
    ) -> Json:
        """Send a file of a kind, with a caption where one fits."""
        self.chat(user_id, chat_id)
        caption, _ = trimmed(str(options.get("caption") or ""), [])
        if utf16_length(caption) > MAX_CAPTION:
            raise ImpossibleError(f"a caption holds {MAX_CAPTION} characters at most")
        details = {"emoji": options.get("emoji") or "🙂"} if kind == "sticker" else {}
        file = self._world.keep_file(kind, name, content, **details)
        body: Json = {kind: file.as_json()}
        if caption and kind != "sticker":
            body["caption"] = caption
            if entities := found_entities(caption):
                body["caption_entities"] = entities
        return self.say(user_id, chat_id, body, options)

    def edit(self, user_id: int, chat_id: int, message_id: int, source: str) -> Json:
        """Change the text, or the caption, of somebody's own message."""
        chat = self.chat(user_id, chat_id)
        message = chat.messages.get(message_id)
        if message is None:
            raise ImpossibleError("the message is not there")
        channel = chat.type == "channel"
        if not channel and message["from"]["id"] != user_id:
            raise ImpossibleError("only one's own messages can be edited")
        content = _text(source)
        if "text" not in message:
            if not any(
                kind in message for kind in ("photo", "document", "video", "voice", "audio")
            ):
                raise ImpossibleError("this message cannot be edited")
            content = {
                {"text": "caption", "entities": "caption_entities"}[name]: value
                for name, value in content.items()
            }
        for name in ("text", "entities", "caption", "caption_entities"):
            message.pop(name, None)
        message |= content | {"edit_date": int(time.time())}
        self._world.event("edit", chat.id, message_id=message_id)
        self._heard(chat, "edited_channel_post" if channel else "edited_message", message)
        return self.seen(message)

    async def press(
        self, user_id: int, chat_id: int, message_id: int, data: str, wait: float
    ) -> Json:
        """Press an inline button and wait for the bot's answer."""
        user, chat = self.user(user_id), self.chat(user_id, chat_id)
        message = chat.messages.get(message_id)
        if message is None or data not in _callback_data(message):
            raise ImpossibleError("this message has no such button")
        query = CallbackQuery(self._world.next_query_id(), time.time())
        self._world.callback_queries[query.id] = query
        self._world.add_update(
            "callback_query",
            {
                "id": query.id,
                "from": user.as_json(),
                "message": message,
                "chat_instance": str(abs(chat.id) * 7919),
                "data": data,
            },
        )
        await self._until(lambda: query.answer is not None, wait)
        return {"answered": query.answer is not None, **(query.answer or _NO_ANSWER)}

    async def ask_inline(self, user_id: int, chat_id: int, text: str, wait: float) -> Json:
        """Type after the bot's name and wait for its results."""
        chat = self.chat(user_id, chat_id)
        query = InlineQuery(self._world.next_query_id(), user_id, time.time(), text)
        self._world.inline_queries[query.id] = query
        self._world.add_update(
            "inline_query",
            {
                "id": query.id,
                "from": self.user(user_id).as_json(),
                "query": text,
                "offset": "",
                "chat_type": "sender" if chat.type == "private" else chat.type,
            },
        )
        await self._until(lambda: query.results is not None, wait)
        return {
            "query_id": query.id,
            "answered": query.results is not None,
            "results": query.results or [],
            "button": query.button,
        }

    def choose(self, user_id: int, chat_id: int, chosen: Json) -> Json:
        """Send one of the results of an inline query."""
        query = self._world.inline_queries.get(str(chosen.get("query_id")))
        if query is None or query.user_id != user_id:
            raise ImpossibleError("there is no such inline query")
        for result in query.results or []:
            if str(result["id"]) == str(chosen.get("result_id")) and "content" in result:
                content = copy.deepcopy(result["content"])
                if result.get("reply_markup"):
                    content["reply_markup"] = result["reply_markup"]
                message = self.say(user_id, chat_id, content, {"via_bot": True})
                if chosen.get("feedback"):
                    self._world.add_update(
                        "chosen_inline_result",
                        {
                            "result_id": str(result["id"]),
                            "from": self.user(user_id).as_json(),
                            "query": query.query,
                        },
                    )
                return message
        raise ImpossibleError("there is no such result that the sandbox can send")

    def set_blocked(self, user_id: int, blocked: bool) -> None:
        """Block or unblock the bot."""
        user = self.user(user_id)
        if user.blocked != blocked:
            user.blocked = blocked
            before, after = ("member", "kicked") if blocked else ("kicked", "member")
            self._member_update(self._world.chats[user_id], user, self._world.bot, before, after)
            self._world.event("people", user_id)

    def set_member(self, chat_id: int, user_id: int, status: str) -> None:
        """Let somebody, or the bot, join, leave or change rank in a chat."""
        user = self.user(user_id)
        chat = self._world.chats.get(chat_id)
        if chat is None or chat.type == "private":
            raise ImpossibleError("members change in groups and channels only")
        before = chat.members.get(user_id, "left")
        chat.members[user_id] = status
        actor = user if user_id != BOT_ID else self._anyone(chat)
        self._member_update(chat, actor, user, before, status)
        self._world.event("chat", chat.id)

    def _anyone(self, chat: SandboxChat) -> SandboxUser:
        for user_id in chat.members:
            if user_id != BOT_ID:
                return self.user(user_id)
        return self.user(ANONYMOUS_ADMIN_ID)

    def _member_update(
        self, chat: SandboxChat, actor: SandboxUser, user: SandboxUser, before: str, after: str
    ) -> None:
        self._world.add_update(
            "my_chat_member" if user.id == BOT_ID else "chat_member",
            {
                "chat": self._world.chat_json(chat),
                "from": actor.as_json(),
                "date": int(time.time()),
                "old_chat_member": member_json(user, before),
                "new_chat_member": member_json(user, after),
            },
        )

    def _heard(self, chat: SandboxChat, kind: str, message: Json) -> None:
        if chat.type == "private" or chat.has(BOT_ID):
            self._world.add_update(kind, message)

    async def _until(self, done: Any, wait: float) -> None:
        until = time.monotonic() + wait
        while not done() and not self._world.closed:
            if not await self._world.bell.wait(until - time.monotonic()):
                return


_NO_ANSWER: Json = {"text": "", "show_alert": False, "url": ""}


def content_of(body: Json) -> Json:
    """Return the part of a JSON object that is a message's content."""
    return {name: body[name] for name in CONTENT_FIELDS if name in body}


def _text(source: str) -> Json:
    text, _ = trimmed(source, [])
    if not text:
        raise ImpossibleError("a message needs some text")
    if len(text) > 4096:
        raise ImpossibleError("a message holds 4096 characters at most")
    entities = found_entities(text)
    return {"text": text} | ({"entities": entities} if entities else {})


def _callback_data(message: Json) -> set[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return {button["callback_data"] for row in rows for button in row if "callback_data" in button}
