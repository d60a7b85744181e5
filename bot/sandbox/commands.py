"""The bot's command menus, by scope and language."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import bad_request

Json = dict[str, Any]

_CHAT_SCOPES = frozenset({"chat", "chat_administrators", "chat_member"})
_SCOPES = _CHAT_SCOPES | {
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
}


@dataclass
class CommandMenus:
    """What `setMyCommands` left, each menu under its scope and language."""

    menus: dict[str, list[Json]] = field(default_factory=dict)

    def set(self, scope: Json, language: str, commands: list[Any]) -> None:
        """Replace one menu; an empty list removes it."""
        checked = [_checked(command) for command in commands]
        if len(checked) > 100:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        key = menu_key(scope, language)
        self.menus.pop(key, None)
        if checked:
            self.menus[key] = checked

    def get(self, scope: Json, language: str) -> list[Json]:
        """Return exactly one menu."""
        return self.menus.get(menu_key(scope, language), [])

    def seen_by(
        self, user_id: int, chat_id: int, *, private: bool, admin: bool, language: str
    ) -> list[Json]:
        """Return the first menu that Telegram's order of scopes finds."""
        scopes: list[Json] = []
        if private:
            scopes += [{"type": "chat", "chat_id": chat_id}, {"type": "all_private_chats"}]
        else:
            scopes.append({"type": "chat_member", "chat_id": chat_id, "user_id": user_id})
            if admin:
                scopes.append({"type": "chat_administrators", "chat_id": chat_id})
            scopes.append({"type": "chat", "chat_id": chat_id})
            if admin:
                scopes.append({"type": "all_chat_administrators"})
            scopes.append({"type": "all_group_chats"})
        for scope in [*scopes, {"type": "default"}]:
            for code in (language, ""):
                menu = self.get(scope, code)
                if menu:
                    return menu
        return []


def menu_key(scope: Json, language: str) -> str:
    """Return the name under which a menu is kept; refuses a scope that is none."""
    kind = scope.get("type", "default")
    if kind not in _SCOPES:
        raise bad_request(f'can\'t parse BotCommandScope: Unsupported type "{kind}" specified')
    if kind in _CHAT_SCOPES and not scope.get("chat_id"):
        raise bad_request("can't parse BotCommandScope: chat_id is empty")
    if kind == "chat_member" and not scope.get("user_id"):
        raise bad_request("can't parse BotCommandScope: user_id is empty")
    return f"{kind}/{scope.get('chat_id', '')}/{scope.get('user_id', '')}/{language}"


def _checked(command: Any) -> Json:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name, description = command.get("command"), command.get("description")
    if not isinstance(name, str):
        raise bad_request("can't parse BotCommand: Can't find field \"command\"")
    if not isinstance(description, str):
        raise bad_request("can't parse BotCommand: Can't find field \"description\"")
    name = name.removeprefix("/")
    if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
