"""Support messages made from sentence patterns: what complaints without feeling words are like."""

from __future__ import annotations

import re
from pathlib import Path

from ml.chance import Chance
from ml.sentiment.data import Example

PATTERNS = Path(__file__).parent / "phrases.txt"

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


def _fill(pattern: str, slots: dict[str, list[str]], rng: Chance) -> str:
    while _CHOICE.search(pattern) or _SLOT.search(pattern):
        pattern = _CHOICE.sub(lambda m: rng.choice(m[1].split("|")), pattern)
        pattern = _SLOT.sub(lambda m: rng.choice(slots[m[1]]), pattern)
    return pattern.strip()


def _as_typed(text: str, rng: Chance) -> str:
    """As people type: mostly as written, else in lower case, without signs, with a slip."""
    style = rng.random()
    if style < 0.2:
        return text.lower()
    if style < 0.3:
        return re.sub(r"[.,?!]", "", text).lower()
    if style < 0.4 and len(text) > 8:
        at = rng.randrange(1, len(text) - 2)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def generate(each: int, seed: int) -> list[Example]:
    """``each`` different messages of every pattern that has as many, in the order of patterns."""
    rng = Chance(seed)
    slots: dict[str, list[str]] = {}
    examples: dict[str, Example] = {}
    for line in PATTERNS.read_text(encoding="utf-8").splitlines():
        head, _, pattern = line.partition("\t")
        if head.startswith("#"):
            continue
        if head.startswith("= "):
            slots[head[2:]] = re.split(r"\|(?![^\[]*\])", pattern)
            continue
        for _ in range(each):
            text = _as_typed(_fill(pattern, slots, rng), rng)
            label = float(head == "1")
            examples[text] = Example(text, label, float(head == "+"), PATTERNS.name)
    return list(examples.values())
