"""Files and the media objects that Telegram makes of them."""

from __future__ import annotations

import mimetypes
import secrets
import struct
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

KINDS = ("photo", "document", "voice", "video", "audio", "sticker")
_FOLDERS = {"voice": "voice", "audio": "music"}
_EXTENSIONS = {"photo": ".jpg", "voice": ".oga", "sticker": ".webp", "video": ".mp4"}
_MIME_TYPES = {"voice": "audio/ogg", "video": "video/mp4", "audio": "audio/mpeg"}


@dataclass
class StoredFile:
    """One file that Telegram keeps, under its identifier."""

    id: str
    unique_id: str
    kind: str
    path: str
    name: str
    mime_type: str
    content: bytes
    details: Json

    def as_json(self) -> Any:
        """Return the value of the message field named like the kind."""
        head: Json = {"file_id": self.id, "file_unique_id": self.unique_id}
        body = {**head, **self.details, "file_size": len(self.content)}
        if self.kind == "photo":
            return [body]
        if self.kind in {"document", "video", "audio"}:
            return {**body, "file_name": self.name, "mime_type": self.mime_type}
        if self.kind == "voice":
            return {**body, "mime_type": self.mime_type}
        return body


def new_file(kind: str, number: int, name: str, content: bytes, **details: Any) -> StoredFile:
    """Make a file of a kind, with the details that Telegram would work out."""
    extension = "." + name.rpartition(".")[2] if "." in name else ""
    extension = _EXTENSIONS.get(kind, extension) or extension
    if kind in {"photo", "video", "sticker"}:
        width, height = image_size(content) or (512, 512)
        details = {"width": width, "height": height, **details}
    if kind in {"voice", "video", "audio"}:
        details = {"duration": 1, **details}
    if kind == "sticker":
        details = {"type": "regular", "is_animated": False, "is_video": False, **details}
    return StoredFile(
        id=f"{kind[0].upper()}Ag{secrets.token_urlsafe(30)}",
        unique_id=f"AQ{secrets.token_urlsafe(9)}",
        kind=kind,
        path=f"{_FOLDERS.get(kind, kind + 's')}/file_{number}{extension}",
        name=name,
        mime_type=_MIME_TYPES.get(kind)
        or mimetypes.guess_type(name)[0]
        or "application/octet-stream",
        content=content,
        details=details,
    )


def image_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, GIF, WebP or JPEG; None for anything else."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if content[:6] in {b"GIF87a", b"GIF89a"} and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return width, height
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return 512, 512
    if content[:3] == b"\xff\xd8\xff":
        return _jpeg_size(content)
    return None


def image_type(content: bytes) -> str | None:
    """Return the MIME type of a picture a browser can show safely."""
    for head, mime_type in (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"\xff\xd8\xff", "image/jpeg"),
    ):
        if content.startswith(head):
            return mime_type
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return "image/webp" if is_webp else None


def _jpeg_size(content: bytes) -> tuple[int, int]:
    position = 2
    while position + 9 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[position + 5 : position + 9])
            return width, height
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return 512, 512
