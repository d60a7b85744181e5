"""Keeps secrets out of logs and messages: the bot token sits in every Bot API URL."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"\d{5,}:[A-Za-z0-9_-]{25,}")
_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]*@")


def redact(text: str) -> str:
    """The text with bot tokens and passwords in URLs replaced."""
    return _PASSWORD.sub(r"\1:***@", _TOKEN.sub("***", text))


class RedactingFormatter(logging.Formatter):
    """A formatter whose lines, tracebacks included, hold no secret."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        return redact(super().format(record))


def set_up_logging(level: str) -> None:
    """Log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "telegram.ext", "uvicorn.access", "aiosqlite", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
