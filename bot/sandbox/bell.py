"""A bell that wakes everybody who waits for the world to change."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes all waiters at each ring; a ring nobody waits for is forgotten."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seconds: float) -> bool:
        """Wait for the next ring; False when the time is up first."""
        if seconds <= 0:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            # Unlike wait_for, this never swallows a cancellation that meets a ring.
            done, _ = await asyncio.wait({waiter}, timeout=seconds)
        finally:
            self._waiters.discard(waiter)
        return bool(done)
