"""Telegram's flood control, roughly as its FAQ describes it."""

from __future__ import annotations

import math
import time
from collections import deque

from bot.sandbox.errors import ApiError

_OVERALL = (30, 1.0)
_PER_CHAT = (3, 3.0)
_PER_GROUP = (20, 60.0)


class FloodControl:
    """Counts messages and refuses those that come too fast."""

    def __init__(self) -> None:
        self._sent: dict[int, deque[float]] = {}

    def check(self, chat_id: int) -> None:
        """Count one message to a chat, or refuse it with a time to wait."""
        now = time.monotonic()
        rules = [(0, *_OVERALL), (chat_id, *(_PER_GROUP if chat_id < 0 else _PER_CHAT))]
        for key, most, seconds in rules:
            sent = self._sent.setdefault(key, deque(maxlen=most))
            if len(sent) == most and now - sent[0] < seconds:
                wait = max(1, math.ceil(sent[0] + seconds - now))
                raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        for key, *_ in rules:
            self._sent[key].append(now)
