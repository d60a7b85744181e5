"""The sandbox's world: who is there, what was said, what the bot has yet to hear."""

from __future__ import annotations

import copy
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox.bell import Bell
from bot.sandbox.commands import CommandMenus
from bot.sandbox.faults import Faults
from bot.sandbox.media import StoredFile, new_file
from bot.sandbox.updates import UpdateQueue

Json = dict[str, Any]

BOT_ID = 999000
BOT_USERNAME = "firstline_sandbox_bot"
SANDBOX_TOKEN = f"{BOT_ID}:AAFirstlineSandboxTokenForThisDesk00"
CUSTOMERS = (1001, 1002)
AGENTS = (2001, 2002)
ADMINS = (3001,)
GROUP_ID = -1001000000001
ROLES = (
    dict.fromkeys(CUSTOMERS, "customer")
    | dict.fromkeys(AGENTS, "agent")
    | dict.fromkeys(ADMINS, "admin")
)  # as the bot is told by those who start it; shown beside the names
ANONYMOUS_ADMIN_ID = 1087968824


@dataclass
class SandboxUser:
    """A person, or a bot."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "en"
    is_bot: bool = False
    started: bool = False
    blocked: bool = False

    def as_json(self) -> Json:
        """Return the Bot API's User."""
        user: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        for name in ("last_name", "username", "language_code"):
            if getattr(self, name) and not (self.is_bot and name == "language_code"):
                user[name] = getattr(self, name)
        return user


@dataclass
class SandboxChat:
    """A private chat with the bot, a group or a channel."""

    id: int
    type: str
    title: str = ""
    username: str = ""
    members: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    last_message_id: int = 0
    keyboard: Json | None = None

    def has(self, user_id: int) -> bool:
        """Whether somebody is in the chat."""
        return self.members.get(user_id, "left") not in {"left", "kicked"}


@dataclass
class CallbackQuery:
    """A pressed button that waits for the bot's answer."""

    id: str
    at: float
    answer: Json | None = None


@dataclass
class InlineQuery:
    """A question to the bot in inline mode that waits for results."""

    id: str
    user_id: int
    at: float
    query: str
    results: list[Json] | None = None
    button: Json | None = None


@dataclass
class Webhook:
    """Where updates are posted to; no address means they are fetched."""

    url: str = ""
    secret_token: str = ""
    max_connections: int = 40
    last_error_date: int = 0
    last_error_message: str = ""


class World:
    """Everything the stand-in knows; every change rings the bell."""

    def __init__(
        self,
        *,
        enforce_limits: bool = False,
        query_lifetime: float = 30.0,
        token: str = SANDBOX_TOKEN,
    ) -> None:
        self.token = token
        self.enforce_limits = enforce_limits
        self.query_lifetime = query_lifetime
        self.state: Path | None = None
        self.bell = Bell()
        self.faults = Faults()
        self.updates = UpdateQueue()
        self.webhook = Webhook()
        self.menus = CommandMenus()
        self.users: dict[int, SandboxUser] = {}
        self.chats: dict[int, SandboxChat] = {}
        self.files: dict[str, StoredFile] = {}
        self.callback_queries: dict[str, CallbackQuery] = {}
        self.inline_queries: dict[str, InlineQuery] = {}
        self.calls: deque[Json] = deque(maxlen=10_000)
        self.events: deque[Json] = deque(maxlen=5_000)
        self.last_private_message_id = 0
        self.last_query_id = int(time.time() * 1000)
        self.last_call = 0
        self.last_event = 0
        self.changes = 0
        self.closed = False

    @classmethod
    def default(
        cls,
        state: Path | None = None,
        *,
        enforce_limits: bool = False,
        query_lifetime: float = 30.0,
    ) -> World:
        """Return the usual five people and their group, or what `state` kept of them."""
        world = cls(enforce_limits=enforce_limits, query_lifetime=query_lifetime)
        if state is not None:
            from bot.sandbox.archive import load

            world.state = state
            if load(world, state):
                return world
        world.add_user(SandboxUser(BOT_ID, "Firstline", username=BOT_USERNAME, is_bot=True))
        world.add_user(
            SandboxUser(ANONYMOUS_ADMIN_ID, "Group", username="GroupAnonymousBot", is_bot=True)
        )
        names = ("Carla", "Dmitri", "Ana", "Ben", "Ada")
        for user_id, name in zip((*CUSTOMERS, *AGENTS, *ADMINS), names, strict=True):
            world.add_user(SandboxUser(user_id, name, username=f"{name.lower()}_sandbox"))
        members = dict.fromkeys(AGENTS, "member") | {BOT_ID: "administrator", ADMINS[0]: "creator"}
        world.add_chat(SandboxChat(GROUP_ID, "supergroup", "Support team", members=members))
        return world

    @property
    def bot(self) -> SandboxUser:
        """The bot whose stand-in this is."""
        return self.users[BOT_ID]

    def touch(self) -> None:
        """Say that something changed."""
        self.changes += 1
        self.bell.ring()

    def close(self) -> None:
        """End all waiting, so that a server can stop at once."""
        self.closed = True
        self.bell.ring()

    def add_user(self, user: SandboxUser) -> SandboxUser:
        """Let somebody in, with a private chat unless it is a bot."""
        self.users[user.id] = user
        if not user.is_bot:
            self.chats[user.id] = SandboxChat(user.id, "private", members={user.id: "member"})
        self.event("people", user.id)
        return user

    def add_chat(self, chat: SandboxChat) -> SandboxChat:
        """Open a group or a channel."""
        self.chats[chat.id] = chat
        self.event("chat", chat.id)
        return chat

    def chat_json(self, chat: SandboxChat) -> Json:
        """Return the Bot API's Chat."""
        if chat.type == "private":
            user = self.users[chat.id].as_json()
            names = ("first_name", "last_name", "username")
            kept: Json = {name: user[name] for name in names if name in user}
            return {"id": chat.id, "type": "private", **kept}
        body = {"id": chat.id, "type": chat.type, "title": chat.title}
        return body | ({"username": chat.username} if chat.username else {})

    def chats_of(self, user_id: int) -> list[SandboxChat]:
        """Return the chats somebody sees: the private one first."""
        return sorted(
            (chat for chat in self.chats.values() if chat.has(user_id)),
            key=lambda chat: (chat.type != "private", -chat.id),
        )

    def event(self, kind: str, chat_id: int, **details: Any) -> None:
        """Tell the pages and the tests what happened."""
        self.last_event += 1
        self.events.append({"seq": self.last_event, "kind": kind, "chat_id": chat_id, **details})
        self.touch()

    def post(self, chat: SandboxChat, content: Json, sender: SandboxUser | None) -> Json:
        """Put a message into a chat and return it."""
        if chat.type == "private":
            self.last_private_message_id += 1
            chat.last_message_id = self.last_private_message_id
        else:
            chat.last_message_id += 1
        message: Json = {"message_id": chat.last_message_id, "date": int(time.time())}
        if sender is not None:
            message["from"] = sender.as_json()
        if chat.type == "channel":
            message["sender_chat"] = self.chat_json(chat)
        message |= {"chat": self.chat_json(chat), **content}
        chat.messages[chat.last_message_id] = message
        self.event("message", chat.id, message_id=chat.last_message_id)
        return message

    def quoted(self, chat: SandboxChat, message_id: int) -> Json | None:
        """Return a message as it appears inside a reply to it."""
        original = chat.messages.get(message_id)
        if original is None:
            return None
        quoted = copy.deepcopy(original)
        quoted.pop("reply_to_message", None)
        return quoted

    def add_update(self, kind: str, content: Json) -> None:
        """Queue an update for the bot, as things are at this moment."""
        self.updates.add(kind, copy.deepcopy(content), self.faults.for_update())
        self.touch()

    def keep_file(self, kind: str, name: str, content: bytes, **details: Any) -> StoredFile:
        """Keep a file and give it an identifier."""
        file = new_file(kind, len(self.files), name, content, **details)
        self.files[file.id] = file
        self.touch()
        return file

    def next_query_id(self) -> str:
        """Return an identifier for a callback or inline query."""
        self.last_query_id += 1
        return str(self.last_query_id)

    def record_call(self, method: str, params: Json, answer: Json) -> None:
        """Remember an API call for whoever asks about them."""
        self.last_call += 1
        self.calls.append(
            {
                "seq": self.last_call,
                "at": time.time(),
                "method": method,
                "params": params,
                **copy.deepcopy(answer),
            }
        )
        self.bell.ring()
