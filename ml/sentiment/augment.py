"""Unlabelled texts made of labelled ones, for the teacher to judge."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ml.chance import Chance

PIECE = 0.6  # share of pieces; the others are two texts in a row
SHORTEST = 3  # words
EXCHANGED = 0.3  # share of the words of a varied text

_WORD = re.compile(r"[^\W\d_]{4,}")  # not the small words that hold a sentence together


def augment(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """``count`` runs of words out of texts, and pairs of short texts, in a reproducible order.

    Runs are the n-gram sampling of Tang et al. (2019). Pairs are of what people say in one message.
    """
    rng = Chance(seed)
    short = [text for text in texts if len(text) < 120]
    made: list[str] = []
    while len(made) < count:
        if rng.random() < PIECE:
            words = rng.choice(texts).split()
            if len(words) <= SHORTEST:
                continue
            length = rng.randint(SHORTEST, min(len(words) - 1, 25))
            start = rng.randint(0, len(words) - length)
            made.append(" ".join(words[start : start + length]))
        else:
            made.append(f"{rng.choice(short)} {rng.choice(short)}")
    return made


def exchange(text: str, neighbours: Mapping[str, Sequence[str]], rng: Chance) -> str:
    """A text with some words exchanged for words that are used alike.

    As for TinyBERT (Jiao et al., 2020). The meaning may turn (late for early); the teacher judges.

    Args:
        text: what to vary.
        neighbours: of lower-case words, the words used alike.
        rng: of the choices.
    """

    def other(match: re.Match[str]) -> str:
        near = neighbours.get(match[0].lower())
        return rng.choice(near) if near and rng.random() < EXCHANGED else match[0]

    return _WORD.sub(other, text)


def vary(
    texts: Sequence[str], neighbours: Mapping[str, Sequence[str]], count: int, seed: int
) -> list[str]:
    """``count`` texts with some words exchanged (see ``exchange``), in a reproducible order."""
    rng = Chance(seed)
    made: list[str] = []
    while len(made) < count:
        text = rng.choice(texts)
        varied = exchange(text, neighbours, rng)
        if varied != text:
            made.append(varied)
    return made
