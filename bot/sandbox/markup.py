"""HTML as Telegram's `parse_mode=HTML` understands it."""

from __future__ import annotations

import html
import re
from typing import Any

from bot.sandbox.entities import Entity, utf16_length
from bot.sandbox.errors import ApiError, bad_request

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "tg-spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_REFERENCE = re.compile(
    r"&(?:#(?P<dec>\d{1,7})|#x(?P<hex>[0-9a-fA-F]{1,6})|(?P<name>lt|gt|amp|quot));?"
)
_NAMES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ATTRIBUTE = re.compile(
    r"\s*(?P<name>[^\s=>/\"']+)\s*(?:=\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s>\"']+))?"
)


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Return the plain text and the entities of a message in HTML."""
    return _Parser(source).parse()


def render_html(text: str, entities: list[Entity]) -> str:
    """Return a text with its entities as the HTML that would produce it."""
    opening: dict[int, list[str]] = {}
    closing: dict[int, list[str]] = {}
    for entity in sorted(entities, key=lambda item: (item["offset"], -item["length"])):
        tags = _tags(entity)
        if tags:
            opening.setdefault(entity["offset"], []).append(tags[0])
            closing.setdefault(entity["offset"] + entity["length"], []).insert(0, tags[1])
    parts: list[str] = []
    position = 0
    for character in text:
        parts += closing.pop(position, [])
        parts += opening.pop(position, [])
        parts.append(html.escape(character, quote=False))
        position += utf16_length(character)
    parts += closing.pop(position, [])
    return "".join(parts)


def _tags(entity: Entity) -> tuple[str, str] | None:
    kind = entity["type"]
    if kind == "text_link":
        return f'<a href="{html.escape(entity["url"])}">', "</a>"
    if kind == "text_mention":
        return f'<a href="tg://user?id={entity["user"]["id"]}">', "</a>"
    if kind == "pre" and entity.get("language"):
        language = html.escape(entity["language"])
        return f'<pre><code class="language-{language}">', "</code></pre>"
    if kind == "expandable_blockquote":
        return "<blockquote expandable>", "</blockquote>"
    tag = _TAGS.get(kind)
    return (f"<{tag}>", f"</{tag}>") if tag else None


class _Parser:
    """One pass over the source; keeps the open tags on a stack."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._text: list[str] = []
        self._length = 0
        self._open: list[tuple[str, dict[str, str], int, int]] = []
        self._entities: list[Entity] = []

    def parse(self) -> tuple[str, list[Entity]]:
        while self._position < len(self._source):
            character = self._source[self._position]
            if character == "<":
                self._tag()
            elif character == "&":
                self._reference()
            else:
                self._write(character)
                self._position += 1
        if self._open:
            raise self._error(
                f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"'
            )
        self._entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self._text), self._entities

    def _error(self, reason: str) -> ApiError:
        return bad_request(f"can't parse entities: {reason}")

    def _byte(self, position: int) -> int:
        return len(self._source[:position].encode())

    def _write(self, text: str) -> None:
        self._text.append(text)
        self._length += utf16_length(text)

    def _reference(self) -> None:
        match = _REFERENCE.match(self._source, self._position)
        character = _decoded(match) if match else ""
        if match and character:
            self._write(character)
            self._position = match.end()
        else:
            self._write("&")
            self._position += 1

    def _tag(self) -> None:
        start = self._position
        end = self._source.find(">", start)
        if self._source.startswith("</", start):
            if end < 0:
                raise self._error(f"Unclosed end tag at byte offset {self._byte(start)}")
            self._close(self._source[start + 2 : end].strip().lower(), start)
            self._position = end + 1
            return
        name = re.match(r"[^\s>/]*", self._source[start + 1 :])
        tag = name.group().lower() if name else ""
        if tag not in _TYPES:
            raise self._error(f'Unsupported start tag "{tag}" at byte offset {self._byte(start)}')
        position = start + 1 + len(tag)
        attributes: dict[str, str] = {}
        while True:
            rest = self._source[position:]
            position += len(rest) - len(rest.lstrip())
            if position >= len(self._source):
                raise self._error(f"Unclosed start tag at byte offset {self._byte(start)}")
            if self._source[position] == ">":
                break
            match = _ATTRIBUTE.match(self._source, position)
            if not match:
                raise self._error(
                    f'Empty attribute name in the tag "{tag}" at byte offset {self._byte(start)}'
                )
            attributes[match["name"].lower()] = _unquoted(match["value"] or "")
            position = match.end()
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise self._error(
                f'Tag "span" must have class "tg-spoiler" at byte offset {self._byte(start)}'
            )
        self._open.append((tag, attributes, self._length, len(self._text)))
        self._position = position + 1

    def _close(self, tag: str, start: int) -> None:
        if not self._open:
            raise self._error(f"Unexpected end tag at byte offset {self._byte(start)}")
        expected, attributes, offset, first = self._open.pop()
        if tag and tag != expected:
            raise self._error(
                f"Unmatched end tag at byte offset {self._byte(start)}, "
                f'expected "</{expected}>", found "</{tag}>"'
            )
        length = self._length - offset
        if length:
            covered = "".join(self._text[first:])
            self._entity(expected, attributes, offset, length, covered)

    def _entity(
        self, tag: str, attributes: dict[str, str], offset: int, length: int, covered: str
    ) -> None:
        entity: dict[str, Any] = {"type": _TYPES[tag], "offset": offset, "length": length}
        if tag == "a":
            url = attributes.get("href") or covered
            mentioned = re.fullmatch(r"tg://user\?id=(\d+)", url)
            if mentioned:
                # Who it is gets filled in by the caller, who knows the people.
                entity |= {"type": "text_mention", "user": {"id": int(mentioned[1])}}
            elif re.match(r"(https?|tg|ton)://\S|mailto:\S|tel:\S", url, re.IGNORECASE):
                entity["url"] = url
            elif re.fullmatch(r"[^\s/]+\.[^\s/]+(/\S*)?", url):
                entity["url"] = f"http://{url}"
            else:
                return
        elif tag == "blockquote" and "expandable" in attributes:
            entity["type"] = "expandable_blockquote"
        elif tag == "tg-emoji":
            entity["custom_emoji_id"] = attributes.get("emoji-id", "")
        elif tag == "code" and attributes.get("class", "").startswith("language-"):
            entity["language"] = attributes["class"].removeprefix("language-")
        elif tag == "pre":
            self._adopt_language(entity)
        self._entities.append(entity)
        if tag == "code" and not any(name == "pre" for name, *_ in self._open):
            entity.pop("language", None)

    def _adopt_language(self, entity: Entity) -> None:
        """`<pre><code class="language-x">` is one entity."""
        if not self._entities:
            return
        last = self._entities[-1]
        same = (last["offset"], last["length"]) == (entity["offset"], entity["length"])
        if last["type"] == "code" and same:
            self._entities.pop()
            if last.get("language"):
                entity["language"] = last["language"]


def _decoded(match: re.Match[str]) -> str:
    if match["name"]:
        return _NAMES[match["name"]]
    code = int(match["dec"]) if match["dec"] else int(match["hex"], 16)
    valid = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if valid else ""


def _unquoted(value: str) -> str:
    if value[:1] in {'"', "'"}:
        value = value[1:-1]
    return _REFERENCE.sub(lambda match: _decoded(match) or match.group(), value)
