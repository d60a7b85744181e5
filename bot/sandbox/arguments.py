"""The arguments of one Bot API call, however they were sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from bot.sandbox.errors import bad_request


@dataclass(frozen=True)
class Upload:
    """A file that came with a call."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True)
class Arguments:
    """Values and uploads by name; each getter reads one type."""

    values: dict[str, Any]
    uploads: dict[str, Upload]

    def text(self, name: str) -> str:
        """Return a string, empty when it is missing."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, dict | list):
            raise bad_request(f'field "{name}" must be a string')
        return str(value)

    def integer(self, name: str, default: int = 0) -> int:
        """Return a whole number."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad_request(f'can\'t parse "{name}": a number is expected') from None

    def number(self, name: str) -> float:
        """Return a number that must be there."""
        try:
            return float(self.values[name])
        except (KeyError, TypeError, ValueError):
            raise bad_request(f"{name} is empty or not a number") from None

    def flag(self, name: str) -> bool:
        """Return a boolean, false when it is missing."""
        return str(self.values.get(name, "")).lower() in {"true", "1", "yes"}

    def parsed(self, name: str) -> Any:
        """Return a JSON-serialised value, None when it is missing."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a JSON object, empty when it is missing."""
        value = self.parsed(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise bad_request(f"can't parse {name}: an object is expected")
        return value

    def items(self, name: str) -> list[Any] | None:
        """Return a JSON array, None when it is missing."""
        value = self.parsed(name)
        if value is not None and not isinstance(value, list):
            raise bad_request(f"can't parse {name}: Expected an Array of values")
        return value

    def upload(self, name: str) -> Upload | None:
        """Return the file sent as this argument, directly or by `attach://`."""
        value = self.values.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            return self.uploads.get(value.removeprefix("attach://"))
        return self.uploads.get(name)

    def as_json(self) -> dict[str, Any]:
        """Return what was sent, for the record of calls."""
        record: dict[str, Any] = {}
        for name, value in self.values.items():
            record[name] = value
            if isinstance(value, str) and value[:1] in {"{", "["}:
                try:
                    record[name] = json.loads(value)
                except ValueError:
                    continue
        for name, upload in self.uploads.items():
            record[name] = {"file_name": upload.name, "file_size": len(upload.content)}
        return record


async def read_arguments(request: Request) -> Arguments:
    """Read the arguments from the query and from a body of any of the three kinds."""
    values: dict[str, Any] = dict(request.query_params)
    uploads: dict[str, Upload] = {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise bad_request("can't parse the request body as a JSON object") from None
        if not isinstance(body, dict):
            raise bad_request("can't parse the request body as a JSON object")
        values |= body
    elif kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        async with request.form(max_part_size=64 * 1024 * 1024) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    uploads[name] = Upload(
                        value.filename or "file",
                        value.content_type or "application/octet-stream",
                        await value.read(),
                    )
                else:
                    values[name] = value
    return Arguments(values, uploads)
