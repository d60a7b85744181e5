"""Text -> words: one tokenizer for training and serving."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 20_000  # characters that are read; of a longer text, its beginning and its end
MAX_WORDS = 256

_REPEATS = re.compile(r"(\S)\1{3,}")
_WORD = re.compile(r"n't|'(?:s|m|re|ve|ll|d)|[^\W\d_]+?(?=n't)|[^\W\d_]+|\d+|\.\.\.|[!?]")


def _name_symbols(text: str) -> str:
    """Emoji and other symbols replaced by their Unicode names."""
    return "".join(
        f" {unicodedata.name(c, '').lower()} " if unicodedata.category(c) == "So" else c
        for c in text
    )


def tokenize(text: str) -> list[str]:
    """Lower-case words, n't and 's apart, numbers as ``0``, emoji by name; at most MAX_WORDS.

    Of longer texts the first and the last half are kept: people say what they want there.
    """
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + " " + text[-LONGEST // 2 :]
    text = unicodedata.normalize("NFKC", text).replace("’", "'").lower()
    text = _REPEATS.sub(r"\1\1\1", _name_symbols(text))
    words = ["0" if word.isdigit() else word for word in _WORD.findall(text)]
    if len(words) > MAX_WORDS:
        words = words[: MAX_WORDS // 2] + words[-MAX_WORDS // 2 :]
    return words
