"""The team's own voice: the network learns on from the desk's replies."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ml.artifact import CARD, load_card, write_card
from ml.completion import train
from ml.completion.network import CompletionNetwork, Stage
from ml.completion.restore import hyperparameters, restore
from ml.completion.serve import COLUMNS, CompletionModel

MASK = "#"  # which the network never writes
ENOUGH = 200  # replies, under which nothing is learned
STAGE = Stage(epochs=6, learning_rate=5e-4, batch=4)

_SECRETS = re.compile(
    r"""(?:https?://|www\.|t\.me/)\S+      # links
    | \S+@\S+\.\w+                         # e-mail addresses
    | @\w+                                 # user names
    | \+?\d[\d\s().-]{5,}\d                # telephone, card and account numbers
    | (?<![\w-])(?=[\w-]*(?:\d[\w-]*){3})[\w-]+  # order numbers: three digits or more""",
    re.VERBOSE,
)


class TooFewRepliesError(ValueError):
    """There is not enough to learn from; the message says how many replies are missing."""


@dataclass(frozen=True)
class Reply:
    """What an agent wrote, and what the customer is called."""

    text: str
    customer: str


@dataclass(frozen=True)
class Outcome:
    """Bits per character of held-out replies before and after; installed if they fell."""

    before: float
    after: float
    held_out: int
    installed: bool


def mask(reply: Reply) -> str:
    """The reply without what belongs to the customer alone."""
    text = _SECRETS.sub(MASK, reply.text)
    names = [re.escape(part) for part in reply.customer.split() if len(part) > 1]
    if names:
        text = re.sub(rf"\b(?:{'|'.join(names)})\b", MASK, text, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", text).strip()


def _set_as_books(texts: Iterable[str]) -> str:
    return "\n\n".join(textwrap.fill(text, COLUMNS) for text in texts) + "\n\n"


def _shares(texts: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """To learn from, to choose the epoch by, and to measure on; equal texts stay together."""
    shares: tuple[list[str], list[str], list[str]] = ([], [], [])
    for text in texts:
        bucket = hashlib.sha256(text.lower().encode()).digest()[0] % 10
        shares[max(0, bucket - 7)].append(text)
    return shares


def learn(base: Path, out: Path, replies: Sequence[Reply], seed: int = 0) -> Outcome:
    """Fine-tune the network in ``base`` on replies; the better one goes into ``out``.

    Eight tenths of the replies are learned from; one tenth chooses the epoch; the last, never
    seen, decides.

    Raises:
        TooFewRepliesError: there are fewer than ENOUGH different ones.
        WeightsError: ``base`` is missing or damaged.
    """
    texts = sorted({masked for reply in replies if len(masked := mask(reply)) > 1})
    if len(texts) < ENOUGH:
        raise TooFewRepliesError(
            f"{ENOUGH - len(texts)} replies are missing: the desk has {len(texts)} different ones "
            f"in resolved tickets, and {ENOUGH} are needed."
        )
    card = load_card(base)
    h, alphabet = hyperparameters(card), card["alphabet"]
    learned, chosen_by, measured = (_set_as_books(share) for share in _shares(texts))
    network = restore(base)
    validation = train.encode(chosen_by, alphabet)
    torch.manual_seed(seed)
    train.fit(
        network,
        train.encode(learned, alphabet),
        h,
        STAGE,
        seed,
        label="replies",
        validate=lambda: train.bits_per_character(network, validation, h),
    )
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        before, after = _compare(base, fresh, network, learned, measured)
        if after < before:
            out.mkdir(parents=True, exist_ok=True)
            for file in sorted(fresh.iterdir(), key=lambda path: path.name == CARD):
                shutil.move(file, out / file.name)
    return Outcome(before, after, len(_shares(texts)[2]), after < before)


def _compare(
    base: Path, fresh: Path, network: CompletionNetwork, learned: str, measured: str
) -> tuple[float, float]:
    """Write the artifact into ``fresh``; bits per character of ``base`` and of it."""
    card = load_card(base)
    h = hyperparameters(card)
    train.export(network, fresh / "network.onnx", h)
    words = (base / "words.txt").read_text(encoding="utf-8").split("\n")
    counts = Counter(train.WORDS.findall(learned.lower()))
    own = {word for word, count in counts.items() if count > 1}
    (fresh / "words.txt").write_text("\n".join(sorted({*words, *own})), encoding="utf-8")
    before = CompletionModel.load(base).bits_per_character(measured)
    new_card: dict[str, Any] = {**card, "about": "The team's own voice.", "stage": asdict(STAGE)}
    write_card(fresh, new_card)
    after = CompletionModel.load(fresh).bits_per_character(measured)
    figures = {"held-out replies, before": before, "held-out replies, after": after}
    write_card(fresh, {**new_card, "figures": {"bits per character": figures}})
    return before, after
