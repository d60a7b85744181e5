"""Message entities: what Telegram itself recognises in a text, and how it counts."""

from __future__ import annotations

import re
from typing import Any

Entity = dict[str, Any]

_PATTERNS = (
    ("url", re.compile(r"\bhttps?://[^\s<>\"]*[^\s<>\".,;:!?')\]]", re.IGNORECASE)),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    (
        "bot_command",
        re.compile(r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])"),
    ),
    ("mention", re.compile(r"(?<![\w@/])@[A-Za-z][A-Za-z0-9_]{3,31}\b")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w*[^\W\d])\w{1,256}")),
)


def utf16_length(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as Telegram counts."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def utf16_slice(text: str, offset: int, length: int) -> str:
    """Return the part of a text that an entity covers."""
    units = text.encode("utf-16-le")
    return units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "replace")


def found_entities(text: str, marked: list[Entity] | None = None) -> list[Entity]:
    """Return the marked entities with those Telegram finds by itself added."""
    entities = list(marked or [])
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            entity = {
                "type": kind,
                "offset": utf16_length(text[: match.start()]),
                "length": utf16_length(match.group()),
            }
            if not any(_in_the_way(other, entity) for other in entities):
                entities.append(entity)
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Strip a text as Telegram does and move its entities along."""
    left = utf16_length(text) - utf16_length(text.lstrip())
    stripped = text.strip()
    end = utf16_length(stripped)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - left, 0)
        stop = min(entity["offset"] + entity["length"] - left, end)
        if stop > start:
            kept.append({**entity, "offset": start, "length": stop - start})
    return stripped, kept


_OPAQUE = frozenset({"pre", "code", "text_link", "url", "email", "mention", "bot_command"})


def _in_the_way(other: Entity, entity: Entity) -> bool:
    """Whether an entity already there forbids a found one."""
    start, stop = entity["offset"], entity["offset"] + entity["length"]
    first, last = other["offset"], other["offset"] + other["length"]
    if stop <= first or last <= start:
        return False
    contains = first <= start and stop <= last
    return other["type"] in _OPAQUE or not contains
