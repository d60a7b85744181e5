"""The labelled texts: reviews, rated sentences, and the desk's own messages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.sentiment.words import tokenize

DESK = Path(__file__).parent / "desk_messages.tsv"
UCI = ("amazon_cells_labelled.txt", "yelp_labelled.txt", "imdb_labelled.txt")
VADER = ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets")


@dataclass(frozen=True)
class Example:
    """A text and P(complaint or otherwise unhappy) that its readers gave it."""

    text: str
    unhappy: float


@dataclass(frozen=True)
class Split:
    """What is learned from, tuned on, and measured on."""

    train: list[Example]
    validation: list[Example]
    test: list[Example]  # Amazon reviews
    desk_test: list[Example]  # support messages of themes that training never saw


def reviews(path: Path) -> list[Example]:
    """A UCI file: ``text<TAB>1`` for a happy writer, 0 for an unhappy one."""
    lines = path.read_text(encoding="utf-8").split("\n")
    pairs = [line.rsplit("\t", 1) for line in lines if line.strip()]
    return [Example(text.strip(), 1.0 - int(label)) for text, label in pairs]


def rated(path: Path) -> list[Example]:
    """A VADER file: ``id<TAB>mean rating -4..4<TAB>text``; near 0 counts as not unhappy."""
    rows = [line.split("\t", 2) for line in path.read_text("utf-8", "replace").splitlines()]
    return [Example(row[2], float(np.clip(-float(row[1]) / 2, 0, 1))) for row in rows if row[2:]]


def desk() -> list[tuple[str, Example]]:
    """The desk's messages with their themes."""
    rows = [line.split("\t") for line in DESK.read_text(encoding="utf-8").splitlines()[1:]]
    return [(theme, Example(text, float(label))) for theme, _, _, label, text in rows]


def _key(text: str) -> str:
    return " ".join(tokenize(text))


def load(folder: Path) -> Split:
    """Read and split everything.

    Test: 200 Amazon lines drawn at random, and the desk's messages of a fifth of the themes
    (by a hash of the theme). Training texts that repeat a test text are dropped.

    Raises:
        OSError: a file is not there.
    """
    amazon, yelp, imdb = (reviews(folder / name) for name in UCI)
    order = np.random.default_rng(0).permutation(len(amazon))
    train = [amazon[i] for i in order[:600]] + yelp + imdb
    validation = [amazon[i] for i in order[600:800]]
    test = [amazon[i] for i in order[800:]]
    for name in VADER:
        train += rated(folder / "vader_icwsm2014" / f"{name}_GroundTruth.txt")
    desk_test: list[Example] = []
    for theme, example in desk():
        bucket = hashlib.sha256(theme.encode()).digest()[0] % 10
        (desk_test if bucket < 2 else validation if bucket == 2 else train).append(example)
    held_out = {_key(e.text) for e in (*validation, *test, *desk_test)}
    return Split([e for e in train if _key(e.text) not in held_out], validation, test, desk_test)
