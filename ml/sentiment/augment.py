"""Unlabelled texts made of labelled ones, for the teacher to judge."""

from __future__ import annotations

import random
from collections.abc import Sequence

PIECE = 0.6  # share of pieces; the others are two texts in a row
SHORTEST = 3  # words


def augment(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """``count`` runs of words out of texts, and pairs of short texts, in a reproducible order.

    Runs are the n-gram sampling of Tang et al. (2019). Pairs are of what people say in one message.
    """
    rng = random.Random(seed)  # noqa: S311 - data, not secrets
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
