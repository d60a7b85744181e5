"""How well the network predicts a text, next to compressors and an n-gram."""

from __future__ import annotations

import lzma
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ml.completion.ngram import WittenBell
from ml.completion.serve import UNKNOWN_BITS, CompletionModel, NothingToCompleteError
from ml.completion.typing import Predictor, saving

TYPED = 2_000  # characters of a text that are typed to count keystrokes
PREFIXES = 200
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def ppmd_bits(before: str, text: str, order: int = 6) -> float:
    """Bits per character that PPMd (Howard, 1993; Shkarin, 2002) adds for a text after another.

    Raises:
        ImportError: pyppmd, of the extra ``train``, is not installed.
    """
    import pyppmd

    def size(content: str) -> int:
        return len(pyppmd.compress(content.encode(), max_order=order, mem_size=2**28))

    return (size(before + text) - size(before)) * 8 / len(text)


def xz_bits(text: str) -> float:
    """Bits per character of a text compressed by xz."""
    return len(lzma.compress(text.encode(), preset=9)) * 8 / len(text)


def typing_figures(predictor: Predictor, text: str) -> dict[str, float]:
    """Next-word accuracy and keystrokes saved over the beginning of a text."""
    return asdict(saving(predictor, text[:TYPED]))


def known_words(model: CompletionModel, text: str, vocabulary: set[str]) -> float:
    """Share of the words suggested after 200 places of a text that are in a vocabulary."""
    known = total = 0
    for at in np.random.default_rng(0).integers(50, len(text), PREFIXES):
        prefix = text[max(0, at - 100) : at]
        try:
            suggestions = model.suggest(prefix)
        except NothingToCompleteError:
            continue
        began = re.search(r"[A-Za-z']*$", prefix)
        for suggestion in suggestions:
            words = _WORD.findall((began[0] if began else "").lower() + suggestion.lower())
            known += sum(word in vocabulary for word in words)
            total += len(words)
    return known / total


def evaluate_file(model: CompletionModel, path: Path) -> dict[str, Any]:
    """Figures of a text file, next to an n-gram that learned its first half, and xz.

    Raises:
        ValueError: the file is empty or no UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"{path} is empty")
    half = len(text) // 2
    ngram = WittenBell(text[:half], model.alphabet + "".join({*text} - {*model.alphabet}))
    return {
        "n": len(text),
        "bits_per_character": model.bits_per_character(text),
        **typing_figures(model, text[half:]),
        "baselines": {
            "xz": {"bits_per_character": xz_bits(text)},
            "n-gram of the first half, on the second": {
                "bits_per_character": ngram.bits_per_character(text[half:], UNKNOWN_BITS),
                **typing_figures(ngram, text[half:]),
            },
        },
    }
