"""Works through rows lane by lane: those of one chat in order, different chats side by side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

POLL = 0.5  # seconds; how late work is seen that another process brought in
WIDTH = 16  # chats side by side


class _Row(Protocol):
    @property
    def chat_id(self) -> int: ...


R = TypeVar("R", bound=_Row)


class Lanes(Generic[R]):
    """Fetches the head of each lane and handles it, until cancelled.

    ``handle`` returns whether to look for more at once; when it raises, the lane pauses.
    """

    def __init__(
        self,
        fetch: Callable[[int, Collection[int]], Awaitable[Sequence[R]]],
        handle: Callable[[R], Awaitable[bool]],
    ) -> None:
        self._fetch = fetch
        self._handle = handle
        self._busy: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that there is work."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way is then finished."""
        try:
            while True:
                self._wake.clear()
                await self._start()
                try:
                    async with asyncio.timeout(POLL):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _start(self) -> None:
        if len(self._busy) >= WIDTH:
            return
        try:
            rows = await self._fetch(WIDTH - len(self._busy), self._busy)
        except Exception:
            log.exception("Cannot read what is to be done; trying again")
            return
        for row in rows:
            self._busy.add(row.chat_id)
            task = asyncio.create_task(self._work(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, row: R) -> None:
        try:
            if await self._handle(row):
                self._wake.set()
        except Exception:
            log.exception("Chat %s pauses", row.chat_id)
            await asyncio.sleep(POLL)
        finally:
            self._busy.discard(row.chat_id)
