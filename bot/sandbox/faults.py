"""Faults that tests plan: what goes wrong, where, and how often."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

KINDS = frozenset(
    {
        "retry_after",  # 429 with parameters.retry_after
        "server_error",  # 500 in JSON
        "bad_gateway",  # 502 in HTML, as nginx answers
        "hang",  # waits `seconds`, then goes on as usual
        "drop_before",  # closes the connection without doing anything
        "drop_after",  # does it, then closes the connection
        "bad_request",  # 400 with `description`
        "blocked",  # 403 bot was blocked by the user
        "method_missing",  # 404, as an older server answers
        "duplicate_update",  # the next update comes once more after it was confirmed
        "duplicate_in_batch",  # the next update comes twice in the same answer
    }
)


@dataclass
class Fault:
    """One planned fault; an empty method or no chat means any."""

    kind: str
    method: str = ""
    chat_id: int | None = None
    times: int = 1
    retry_after: int = 1
    seconds: float = 1.0
    description: str = "a planned fault"

    def concerns(self, method: str, chat_id: str) -> bool:
        """Whether a call is one that this fault waits for."""
        return (
            not self.kind.startswith("duplicate")
            and self.method.lower() in {"", method.lower()}
            and (self.chat_id is None or str(self.chat_id) == chat_id)
        )


class Faults:
    """The planned faults, used up in the order they were planned."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        """Add a fault; ValueError for a kind nobody knows."""
        if fault.kind not in KINDS:
            raise ValueError(f"unknown kind of fault: {fault.kind}")
        self._planned.append(fault)

    def clear(self) -> None:
        """Forget all planned faults."""
        self._planned.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return what is still planned."""
        return [asdict(fault) for fault in self._planned]

    def for_call(self, method: str, chat_id: str) -> Fault | None:
        """Take the fault that hits this call, if any."""
        for fault in self._planned:
            if fault.concerns(method, chat_id):
                return self._use(fault)
        return None

    def for_update(self) -> str:
        """Take the duplication that hits the next update; empty for none."""
        for fault in self._planned:
            if fault.kind.startswith("duplicate"):
                return self._use(fault).kind
        return ""

    def _use(self, fault: Fault) -> Fault:
        fault.times -= 1
        if fault.times <= 0:
            self._planned.remove(fault)
        return fault
