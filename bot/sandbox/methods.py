"""The Bot API's methods, each a function of the world and the arguments."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable
from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.content import (
    caption_content,
    formatted,
    media_content,
    message_text,
    text_content,
)
from bot.sandbox.errors import ApiError, bad_request, forbidden
from bot.sandbox.keyboard import checked_markup
from bot.sandbox.limits import FloodControl
from bot.sandbox.media import KINDS
from bot.sandbox.world import BOT_ID, SandboxChat, SandboxUser, World

Json = dict[str, Any]
Method = Callable[[Arguments], Any]

CONTENT_FIELDS = ("text", "entities", "caption", "caption_entities", "location", "contact", *KINDS)
_CAPTIONED = ("photo", "document", "voice", "video", "audio")
_MAX_DOWNLOAD = 20 * 1024 * 1024
_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
_ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)


class Methods:
    """The methods a bot may call, found by name in any case."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._flood = FloodControl()
        self._by_name: dict[str, Method] = {
            "getme": self._get_me,
            "sendmessage": lambda given: self._send(given, text_content(world, given)),
            "sendlocation": lambda given: self._send(given, _location(given)),
            "sendcontact": lambda given: self._send(given, _contact(given)),
            "copymessage": self._copy_message,
            "forwardmessage": self._forward_message,
            "editmessagetext": self._edit_text,
            "editmessagecaption": self._edit_caption,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answer_callback_query,
            "answerinlinequery": self._answer_inline_query,
            "sendchataction": self._send_chat_action,
            "getfile": self._get_file,
            "setmycommands": self._set_my_commands,
            "getmycommands": self._get_my_commands,
            "deletemycommands": self._delete_my_commands,
            "getchat": self._get_chat,
            "getchatmember": self._get_chat_member,
            "getchatadministrators": self._get_chat_administrators,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
        }
        for kind in KINDS:
            self._by_name[f"send{kind}"] = self._sender_of(kind)

    def find(self, name: str) -> Method | None:
        """Return a method by its name."""
        return self._by_name.get(name.lower())

    # Chats and messages that a call names

    def _chat(self, arguments: Arguments, name: str = "chat_id") -> SandboxChat:
        given = arguments.text(name)
        if not given:
            raise bad_request(f"{name} is empty")
        for chat in self._world.chats.values():
            named = chat.username and given.lower() == f"@{chat.username}".lower()
            if str(chat.id) == given or named:
                return chat
        if given.isdigit() and int(given) in self._world.users:
            raise forbidden("the bot can't send messages to bots")
        raise bad_request("chat not found")

    def _reachable(self, arguments: Arguments) -> SandboxChat:
        """Return a chat that the bot may write to."""
        chat = self._chat(arguments)
        if chat.type == "private":
            user = self._world.users[chat.id]
            if user.blocked:
                raise forbidden("bot was blocked by the user")
            if not user.started:
                raise forbidden("bot can't initiate conversation with a user")
        elif not chat.has(BOT_ID):
            if chat.members.get(BOT_ID) == "kicked":
                raise forbidden(f"bot was kicked from the {chat.type} chat")
            raise forbidden(f"bot is not a member of the {chat.type} chat")
        return chat

    def _message(self, arguments: Arguments, to: str, chat: SandboxChat | None = None) -> Json:
        """Return the message a call is about; `to` says what for."""
        if arguments.text("inline_message_id"):
            raise bad_request("MESSAGE_ID_INVALID")
        chat = chat or self._chat(arguments)
        message = chat.messages.get(arguments.integer("message_id"))
        if message is None:
            raise bad_request(f"message to {to} not found")
        return message

    # Sending

    def _sender_of(self, kind: str) -> Method:
        def send(arguments: Arguments) -> Json:
            content = media_content(self._world, arguments, kind)
            if kind in _CAPTIONED:
                content |= caption_content(self._world, arguments)
            return self._send(arguments, content)

        return send

    def _send(self, arguments: Arguments, content: Json) -> Json:
        chat = self._reachable(arguments)
        content = {**self._reply(arguments, chat), **content}
        markup = checked_markup(arguments.parsed("reply_markup"))
        if markup and markup.get("inline_keyboard"):
            content["reply_markup"] = markup
        if arguments.flag("protect_content"):
            content["has_protected_content"] = True
        if self._world.enforce_limits:
            self._flood.check(chat.id)
        if markup and ("keyboard" in markup or markup.get("remove_keyboard")):
            chat.keyboard = markup if "keyboard" in markup else None
            self._world.event("chat", chat.id)
        sender = None if chat.type == "channel" else self._world.bot
        return self._world.post(chat, content, sender)

    def _reply(self, arguments: Arguments, chat: SandboxChat) -> Json:
        parameters = arguments.mapping("reply_parameters")
        if not parameters:
            return {}
        here = str(parameters.get("chat_id", chat.id)) in {str(chat.id), f"@{chat.username}"}
        try:
            message_id = int(parameters["message_id"])
        except (KeyError, TypeError, ValueError):
            raise bad_request("can't parse reply parameters: message_id is expected") from None
        quoted = self._world.quoted(chat, message_id) if here else None
        if quoted is None:
            if parameters.get("allow_sending_without_reply"):
                return {}
            raise bad_request("message to be replied not found")
        return {"reply_to_message": quoted}

    def _copy_message(self, arguments: Arguments) -> Json:
        origin = self._chat(arguments, "from_chat_id")
        original = self._message(arguments, "copy", origin)
        content = {name: original[name] for name in CONTENT_FIELDS if name in original}
        if not content or original.get("has_protected_content"):
            raise bad_request("message can't be copied")
        if arguments.values.get("caption") is not None and "text" not in content:
            content.pop("caption", None)
            content.pop("caption_entities", None)
            content |= caption_content(self._world, arguments)
        return {"message_id": self._send(arguments, copy.deepcopy(content))["message_id"]}

    def _forward_message(self, arguments: Arguments) -> Json:
        origin = self._chat(arguments, "from_chat_id")
        original = self._message(arguments, "forward", origin)
        content = {name: original[name] for name in CONTENT_FIELDS if name in original}
        if not content or original.get("has_protected_content"):
            raise bad_request("message can't be forwarded")
        source = original.get("forward_origin") or _origin(original)
        content = {"forward_origin": source, **copy.deepcopy(content)}
        return self._send(arguments, content)

    def _send_chat_action(self, arguments: Arguments) -> bool:
        chat = self._reachable(arguments)
        action = arguments.text("action")
        if action not in _ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._world.event("action", chat.id, action=action)
        return True

    # Changing what was sent

    def _own(self, arguments: Arguments) -> Json:
        message = self._message(arguments, "edit")
        self._reachable(arguments)
        sender = message.get("from", {}).get("id", BOT_ID)
        if sender != BOT_ID or "forward_origin" in message:
            raise bad_request("message can't be edited")
        return message

    def _edit_text(self, arguments: Arguments) -> Json:
        content = text_content(self._world, arguments)
        message = self._own(arguments)
        if "text" not in message:
            raise bad_request("there is no text in the message to edit")
        return self._change(arguments, message, ("text", "entities"), content)

    def _edit_caption(self, arguments: Arguments) -> Json:
        content = caption_content(self._world, arguments)
        message = self._own(arguments)
        if not any(kind in message for kind in _CAPTIONED):
            raise bad_request("there is no caption in the message to edit")
        return self._change(arguments, message, ("caption", "caption_entities"), content)

    def _edit_markup(self, arguments: Arguments) -> Json:
        return self._change(arguments, self._own(arguments), (), {})

    def _change(
        self, arguments: Arguments, message: Json, fields: tuple[str, ...], content: Json
    ) -> Json:
        markup = checked_markup(arguments.parsed("reply_markup"))
        if markup is not None and "inline_keyboard" not in markup:
            raise bad_request("inline keyboard expected")
        if markup and markup["inline_keyboard"]:
            content = {**content, "reply_markup": markup}
        fields = (*fields, "reply_markup")
        if content == {name: message[name] for name in fields if name in message}:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are "
                "exactly the same as a current content and reply markup of the message"
            )
        if self._world.enforce_limits:
            self._flood.check(message["chat"]["id"])
        for name in fields:
            message.pop(name, None)
        message |= content
        message["edit_date"] = int(time.time())
        self._world.event("edit", message["chat"]["id"], message_id=message["message_id"])
        return message

    def _delete_message(self, arguments: Arguments) -> bool:
        message = self._message(arguments, "delete")
        chat = self._reachable(arguments)
        own = message.get("from", {}).get("id") == BOT_ID
        admin = chat.type != "private" and chat.members.get(BOT_ID) == "administrator"
        if not own and not admin and chat.type != "private":
            raise bad_request("message can't be deleted")
        del chat.messages[message["message_id"]]
        self._world.event("delete", chat.id, message_id=message["message_id"])
        return True

    # Questions that wait for the bot

    def _answer_callback_query(self, arguments: Arguments) -> bool:
        query = self._world.callback_queries.get(arguments.text("callback_query_id"))
        if query is None or query.answer is not None or self._late(query.at):
            raise _too_old()
        text = arguments.text("text")
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        query.answer = {
            "text": text,
            "show_alert": arguments.flag("show_alert"),
            "url": arguments.text("url"),
        }
        self._world.touch()
        return True

    def _answer_inline_query(self, arguments: Arguments) -> bool:
        results = arguments.items("results")
        if results is None:
            raise bad_request("can't parse inline query results: results is empty")
        if len(results) > 50:
            raise bad_request("RESULTS_TOO_MUCH")
        checked = [self._inline_result(result) for result in results]
        if len({result["id"] for result in checked}) < len(checked):
            raise bad_request("RESULT_ID_DUPLICATE")
        query = self._world.inline_queries.get(arguments.text("inline_query_id"))
        if query is None or query.results is not None or self._late(query.at):
            raise _too_old()
        button = arguments.mapping("button")
        if button and not re.fullmatch(r"[\w-]{1,64}", str(button.get("start_parameter", "-"))):
            raise bad_request("START_PARAM_INVALID")
        query.results, query.button = checked, button or None
        self._world.touch()
        return True

    def _inline_result(self, result: Any) -> Json:
        prefix = "can't parse inline query result"
        if not isinstance(result, dict):
            raise bad_request(f"{prefix}: Expected an Object")
        if not isinstance(result.get("type"), str):
            raise bad_request(f'{prefix}: Can\'t find field "type"')
        if not 1 <= len(str(result.get("id", "")).encode()) <= 64:
            raise bad_request("RESULT_ID_INVALID")
        if result["type"] != "article":
            return result
        if not result.get("title"):
            raise bad_request("ARTICLE_TITLE_EMPTY")
        spoken = result.get("input_message_content")
        if not isinstance(spoken, dict):
            raise bad_request("MESSAGE_EMPTY")
        if "message_text" in spoken:
            text, entities = formatted(
                self._world,
                str(spoken["message_text"]),
                spoken.get("parse_mode") or "",
                spoken.get("entities"),
            )
            spoken = message_text(text, entities)
        markup = checked_markup(result.get("reply_markup"))
        return {**result, "reply_markup": markup, "content": spoken}

    def _late(self, asked: float) -> bool:
        return time.time() - asked > self._world.query_lifetime

    # Files, menus, people

    def _get_file(self, arguments: Arguments) -> Json:
        file = self._world.files.get(arguments.text("file_id"))
        if file is None:
            raise bad_request("invalid file_id")
        if len(file.content) > _MAX_DOWNLOAD:
            raise bad_request("file is too big")
        return {
            "file_id": file.id,
            "file_unique_id": file.unique_id,
            "file_size": len(file.content),
            "file_path": file.path,
        }

    def _scope(self, arguments: Arguments) -> Json:
        scope = arguments.mapping("scope") or {"type": "default"}
        if "chat_id" in scope:
            named = Arguments({"chat_id": scope["chat_id"]}, {})
            return {**scope, "chat_id": self._chat(named).id}
        return scope

    def _set_my_commands(self, arguments: Arguments) -> bool:
        commands = arguments.items("commands")
        if commands is None:
            raise bad_request('parameter "commands" is required')
        language = arguments.text("language_code")
        self._world.menus.set(self._scope(arguments), language, commands)
        self._world.event("commands", 0)
        return True

    def _get_my_commands(self, arguments: Arguments) -> list[Json]:
        return self._world.menus.get(self._scope(arguments), arguments.text("language_code"))

    def _delete_my_commands(self, arguments: Arguments) -> bool:
        self._world.menus.set(self._scope(arguments), arguments.text("language_code"), [])
        self._world.event("commands", 0)
        return True

    def _get_me(self, _: Arguments) -> Json:
        return {
            **self._world.bot.as_json(),
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": True,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def _get_chat(self, arguments: Arguments) -> Json:
        chat = self._chat(arguments)
        return {
            **self._world.chat_json(chat),
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": False,
                "limited_gifts": False,
                "unique_gifts": False,
                "premium_subscription": False,
                # Newer than 9.2, but client libraries insist on it.
                "gifts_from_channels": False,
            },
        }

    def _get_chat_member(self, arguments: Arguments) -> Json:
        chat = self._reachable(arguments)
        user = self._world.users.get(arguments.integer("user_id"))
        if user is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return member_json(user, chat.members.get(user.id, "left"))

    def _get_chat_administrators(self, arguments: Arguments) -> list[Json]:
        chat = self._reachable(arguments)
        if chat.type == "private":
            raise bad_request("there are no administrators in the private chat")
        return [
            member_json(self._world.users[user_id], status)
            for user_id, status in chat.members.items()
            if status in {"creator", "administrator"}
        ]

    # How updates come

    def _set_webhook(self, arguments: Arguments) -> bool:
        url = arguments.text("url")
        if url and not re.match(r"https://\S+|http://(localhost|127\.0\.0\.1)(:\d+)?(/|$)", url):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        secret = arguments.text("secret_token")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise bad_request("secret token contains unallowed characters")
        hook = self._world.webhook
        hook.url, hook.secret_token = url, secret
        hook.max_connections = arguments.integer("max_connections", 40)
        hook.last_error_date, hook.last_error_message = 0, ""
        self._allow(arguments)
        if arguments.flag("drop_pending_updates"):
            self._world.updates.pending.clear()
        self._world.touch()
        return True

    def _delete_webhook(self, arguments: Arguments) -> bool:
        self._world.webhook.url = ""
        if arguments.flag("drop_pending_updates"):
            self._world.updates.pending.clear()
        self._world.touch()
        return True

    def _get_webhook_info(self, _: Arguments) -> Json:
        hook = self._world.webhook
        info: Json = {
            "url": hook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._world.updates.pending),
        }
        if hook.url:
            info["max_connections"] = hook.max_connections
        if hook.last_error_date:
            info["last_error_date"] = hook.last_error_date
            info["last_error_message"] = hook.last_error_message
        if self._world.updates.allowed:
            info["allowed_updates"] = self._world.updates.allowed
        return info

    def _allow(self, arguments: Arguments) -> None:
        allowed = arguments.items("allowed_updates")
        if allowed is not None:
            self._world.updates.allowed = [str(kind) for kind in allowed]


def member_json(user: SandboxUser, status: str) -> Json:
    """Return the Bot API's ChatMember."""
    member: Json = {"status": status, "user": user.as_json()}
    if status == "creator":
        member["is_anonymous"] = False
    elif status == "administrator":
        member |= {"can_be_edited": False, "is_anonymous": False}
        member |= dict.fromkeys(_ADMIN_RIGHTS, True)
    elif status == "kicked":
        member["until_date"] = 0
    return member


def _origin(message: Json) -> Json:
    date = message["date"]
    if message["chat"]["type"] == "channel":
        chat, number = message["chat"], message["message_id"]
        return {"type": "channel", "date": date, "chat": chat, "message_id": number}
    if "sender_chat" in message:
        return {"type": "chat", "date": date, "sender_chat": message["sender_chat"]}
    return {"type": "user", "date": date, "sender_user": message["from"]}


def _location(arguments: Arguments) -> Json:
    latitude, longitude = arguments.number("latitude"), arguments.number("longitude")
    if not -90 <= latitude <= 90 or not -180 <= longitude <= 180:
        raise bad_request("wrong latitude or longitude specified")
    return {"location": {"latitude": latitude, "longitude": longitude}}


def _contact(arguments: Arguments) -> Json:
    contact = {
        name: arguments.text(name)
        for name in ("phone_number", "first_name", "last_name", "vcard")
        if arguments.text(name)
    }
    for name in ("phone_number", "first_name"):
        if name not in contact:
            raise bad_request(f"contact {name.replace('_', ' ')} must be non-empty")
    return {"contact": contact}


def _too_old() -> ApiError:
    return bad_request("query is too old and response timeout expired or query ID is invalid")
