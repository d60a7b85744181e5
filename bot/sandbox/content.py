"""What a bot's message says: texts, captions and media out of the arguments of a call."""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.entities import Entity, found_entities, trimmed, utf16_length
from bot.sandbox.errors import bad_request
from bot.sandbox.markup import parse_html
from bot.sandbox.media import image_size
from bot.sandbox.world import World

Json = dict[str, Any]

MAX_TEXT = 4096
MAX_CAPTION = 1024
_MAX_PHOTO = 10 * 1024 * 1024
_MAX_FILE = 50 * 1024 * 1024
_DETAILS = {
    "voice": ("duration",),
    "video": ("duration", "width", "height"),
    "audio": ("duration", "performer", "title"),
    "sticker": ("emoji",),
}


def formatted(
    world: World, source: str, parse_mode: str, entities: list[Entity] | None
) -> tuple[str, list[Entity]]:
    """Return a text and its entities, given ones and found ones."""
    if parse_mode:
        if parse_mode.lower() != "html":
            raise bad_request(f'the sandbox understands parse_mode "HTML" only, not "{parse_mode}"')
        text, marked = parse_html(source)
        marked = [_with_user(world, entity) for entity in marked]
    else:
        text, marked = source, list(entities or [])
        _check_entities(text, marked)
    text, marked = trimmed(text, [entity for entity in marked if entity])
    return text, found_entities(text, marked)


def text_content(world: World, arguments: Arguments) -> Json:
    """Return the text of sendMessage or editMessageText."""
    text, entities = formatted(
        world, arguments.text("text"), arguments.text("parse_mode"), arguments.items("entities")
    )
    return message_text(text, entities)


def message_text(text: str, entities: list[Entity]) -> Json:
    """Return a message's text after checking its length."""
    if not text:
        raise bad_request("message text is empty")
    if utf16_length(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": text} | ({"entities": entities} if entities else {})


def caption_content(world: World, arguments: Arguments) -> Json:
    """Return the caption, nothing when there is none."""
    text, entities = formatted(
        world,
        arguments.text("caption"),
        arguments.text("parse_mode"),
        arguments.items("caption_entities"),
    )
    if utf16_length(text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    if not text:
        return {}
    return {"caption": text} | ({"caption_entities": entities} if entities else {})


def media_content(world: World, arguments: Arguments, kind: str) -> Json:
    """Return the medium of a call: uploaded now, or kept from an earlier message."""
    upload = arguments.upload(kind)
    if upload is None:
        return _kept_media(world, arguments.text(kind), kind)
    if not upload.content:
        raise bad_request("file must be non-empty")
    if kind == "photo" and image_size(upload.content) is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    if len(upload.content) > (_MAX_PHOTO if kind == "photo" else _MAX_FILE):
        raise bad_request(f"file of size {len(upload.content)} bytes is too big for a {kind}")
    details: Json = {}
    for name in _DETAILS.get(kind, ()):
        if arguments.text(name):
            whole = name in {"duration", "width", "height"}
            details[name] = arguments.integer(name) if whole else arguments.text(name)
    file = world.keep_file(kind, upload.name, upload.content, **details)
    return {kind: file.as_json()}


def _kept_media(world: World, file_id: str, kind: str) -> Json:
    if not file_id or file_id.startswith("attach://"):
        raise bad_request(f"there is no {kind} in the request")
    if re.match(r"https?://", file_id):
        raise bad_request("failed to get HTTP URL content")
    file = world.files.get(file_id)
    if file is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if file.kind != kind:
        raise bad_request(f"can't use file of type {file.kind.title()} as {kind.title()}")
    return {kind: file.as_json()}


def _with_user(world: World, entity: Entity) -> Entity:
    """Fill in who a text mention means; one of nobody is no entity."""
    if entity["type"] != "text_mention":
        return entity
    user = world.users.get(entity["user"]["id"])
    return {**entity, "user": user.as_json()} if user else {}


def _check_entities(text: str, entities: list[Any]) -> None:
    end = utf16_length(text)
    for entity in entities:
        if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
            raise bad_request("can't parse MessageEntity: expected an Object with a type")
        offset, length = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(length, int):
            raise bad_request("can't parse MessageEntity: offset and length must be numbers")
        if offset < 0 or length <= 0 or offset + length > end:
            raise bad_request(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text "
                f"at UTF-16 offset {offset + length}"
            )
