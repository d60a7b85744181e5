"""The queue of updates that the bot has not confirmed yet."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Json = dict[str, Any]

# What a bot gets only when it asks for it by name.
_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass
class PendingUpdate:
    """An update on its way; `duplicate` names the planned fault, if any."""

    update: Json
    duplicate: str = ""
    confirmed: bool = False

    @property
    def id(self) -> int:
        """The update's identifier."""
        return int(self.update["update_id"])


@dataclass
class UpdateQueue:
    """Updates in order, with the bot's wishes about their kinds."""

    last_id: int = 700_000_000
    pending: list[PendingUpdate] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def add(self, kind: str, content: Json, duplicate: str = "") -> None:
        """Queue one update, unless the bot does not want its kind."""
        wanted = kind in self.allowed if self.allowed else kind not in _ON_REQUEST
        if wanted:
            self.add_raw({kind: content}, duplicate)

    def add_raw(self, fields: Json, duplicate: str = "") -> Json:
        """Queue an update with any fields at all and return it."""
        self.last_id += 1
        update = {"update_id": self.last_id, **fields}
        self.pending.append(PendingUpdate(update, duplicate))
        return update

    def confirm(self, offset: int) -> None:
        """Forget the updates before `offset`; a negative one counts from the end."""
        if offset < 0:
            del self.pending[:offset]
            return
        kept = []
        for item in self.pending:
            if item.id >= offset or item.confirmed:
                kept.append(item)
            elif item.duplicate == "duplicate_update":
                kept.append(PendingUpdate(item.update, confirmed=True))
        self.pending = kept

    def batch(self, limit: int) -> list[Json]:
        """Return the next updates; planned repetitions are spent here."""
        chosen = self.pending[:limit]
        answer: list[Json] = []
        for item in chosen:
            answer.append(item.update)
            if item.duplicate == "duplicate_in_batch":
                answer.append(item.update)
                item.duplicate = ""
        self.pending[:limit] = [item for item in chosen if not item.confirmed]
        return answer

    def as_json(self) -> Json:
        """Return the queue for keeping."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Json) -> UpdateQueue:
        """Restore a kept queue."""
        pending = [PendingUpdate(**item) for item in kept["pending"]]
        return cls(kept["last_id"], pending, kept["allowed"])
