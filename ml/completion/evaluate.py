"""How well the network predicts a user's own text."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.completion.serve import CompletionModel


def evaluate_file(model: CompletionModel, path: Path) -> dict[str, Any]:
    """Bits per character of a text file, next to xz's.

    Raises:
        ValueError: the file is empty or no UTF-8 text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"{path} is empty")
    compressed = len(lzma.compress(text.encode(), preset=9)) * 8 / len(text)
    return {
        "n": len(text),
        "bits_per_character": model.bits_per_character(text),
        "baselines": {"xz": {"bits_per_character": compressed}},
    }
