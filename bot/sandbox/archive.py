"""Keeps a world in a file between two runs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.sandbox.commands import CommandMenus
from bot.sandbox.media import StoredFile
from bot.sandbox.updates import UpdateQueue
from bot.sandbox.world import SandboxChat, SandboxUser, Webhook, World

# A run that ended without saving may have used identifiers nobody wrote down.
_LEAP = 1000


def save(world: World, path: Path, *, clean: bool) -> None:
    """Write the world to a file in one step, its files' bytes beside it."""
    folder = _folder(path)
    files = []
    for file in list(world.files.values()):
        kept = asdict(file)
        content = kept.pop("content")
        files.append(kept)
        beside = folder / file.unique_id
        if not beside.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _replace(beside, content)
    body = {
        "clean": clean,
        "users": [asdict(user) for user in world.users.values()],
        "chats": [_chat_json(chat) for chat in world.chats.values()],
        "files": files,
        "updates": world.updates.as_json(),
        "webhook": asdict(world.webhook),
        "menus": world.menus.menus,
        "last_private_message_id": world.last_private_message_id,
        "last_query_id": world.last_query_id,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(body, ensure_ascii=False).encode())


def load(world: World, path: Path) -> bool:
    """Fill a world from a file; False when there is none."""
    if not path.exists():
        return False
    body = json.loads(path.read_text(encoding="utf-8"))
    leap = 0 if body["clean"] else _LEAP
    for user in body["users"]:
        world.users[user["id"]] = SandboxUser(**user)
    for kept in body["chats"]:
        chat = _chat(kept)
        chat.last_message_id += leap
        world.chats[chat.id] = chat
    for kept in body["files"]:
        content = (_folder(path) / kept["unique_id"]).read_bytes()
        world.files[kept["id"]] = StoredFile(**kept, content=content)
    world.updates = UpdateQueue.from_json(body["updates"])
    world.updates.last_id += leap
    world.webhook = Webhook(**body["webhook"])
    world.menus = CommandMenus(body["menus"])
    world.last_private_message_id = body["last_private_message_id"] + leap
    world.last_query_id = max(world.last_query_id, body["last_query_id"] + leap)
    return True


async def keep_saving(world: World, path: Path) -> None:
    """Save at most once a second, whenever something changed, until cancelled."""
    saved = -1
    while True:
        if world.changes != saved:
            saved = world.changes
            save(world, path, clean=False)
        await asyncio.sleep(1)


def _folder(path: Path) -> Path:
    return path.with_name(path.name + ".files")


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    draft.replace(path)


def _chat_json(chat: SandboxChat) -> dict[str, Any]:
    return {
        **asdict(chat),
        "members": list(chat.members.items()),
        "messages": list(chat.messages.values()),
    }


def _chat(kept: dict[str, Any]) -> SandboxChat:
    messages = {message["message_id"]: message for message in kept.pop("messages")}
    members = dict(kept.pop("members"))
    return SandboxChat(**kept, members=members, messages=messages)
