"""Text -> word numbers: one tokenizer and one vocabulary for training and serving."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

LONGEST = 20_000  # characters that are read; of a longer text, its beginning and its end
MAX_WORDS = 256
LONGEST_RUN = 30  # words that may be said again and again
PADDING, UNKNOWN = 0, 1  # word numbers; padding occurs in training only
FIRST_WORD = 2

_REPEATS = re.compile(r"(\S)\1{3,}")
_WORD = re.compile(
    r"n't|'(?:s|m|re|ve|ll|d)(?![^\W\d_])|[^\W\d_]+?(?=n't)|[^\W\d_]+|\d+|\.\.\.|[!?$£€%]"
)
_EMOTICONS = {
    "smiling face": re.compile(r"(?<!\w)(?:[:;=]-?[)dp]|\(:|<3)(?!\w)"),
    "frowning face": re.compile(r"(?<!\w)(?:[:=]'?-?[(/|]|\):|d:)(?!\w)"),
}
# Unicode's names describe the drawing; of these, the colour or the stroke is not what is meant.
_NAMES = {"❤": "red heart", "✔": "check mark", "✖": "cross mark", "☎": "telephone"}
_MODIFIERS = range(0x1F3FB, 0x1F400)  # skin tones


def _name_symbols(text: str) -> str:
    """Emoji and other symbols replaced by their Unicode names, emoticons by what they show."""
    for name, emoticon in _EMOTICONS.items():
        text = emoticon.sub(f" {name} ", text)
    if text.isascii():
        return text
    return "".join(
        f" {_NAMES.get(c) or unicodedata.name(c, '').lower()} "
        if unicodedata.category(c) == "So"
        else " "
        if ord(c) in _MODIFIERS
        else c
        for c in text.replace("\ufffd", " ")  # what could not be decoded
    )


def _without_repeats(words: list[str]) -> list[str]:
    """Words without what is said again and again: of equal runs in a row, the first two."""
    if len(words) == len(set(words)):
        return words
    kept: list[str] = []
    for word in words:
        kept.append(word)
        for n in range(1 if word.isalnum() else 2, min(LONGEST_RUN, len(kept) // 3) + 1):
            if kept[-n - 1] == word and kept[-n:] == kept[-2 * n : -n] == kept[-3 * n : -2 * n]:
                del kept[-n:]
                break
    return kept


def ends(text: str) -> str:
    """As much of a text as is read: all, or the beginning and the end of one too long."""
    return text if len(text) <= LONGEST else text[: LONGEST // 2] + " " + text[-LONGEST // 2 :]


def split(text: str, most: int = MAX_WORDS) -> list[str]:
    """Lower-case words, ``n't`` and ``'s`` apart, numbers and a few signs; emoji by name.

    What is said more than twice in a row is read twice. Of texts longer than ``most`` words the
    first and the last half are kept: people say what they want there.
    """
    text = unicodedata.normalize("NFKC", ends(text)).replace("’", "'").lower()
    words = _without_repeats(_WORD.findall(_REPEATS.sub(r"\1\1\1", _name_symbols(text))))
    return words if len(words) <= most else words[: most // 2] + words[-(most // 2) :]


def shape(word: str) -> str:
    """A word as the network reads it: of a number, how many digits it has (``0`` to ``0000``)."""
    return "0" * min(len(word), 4) if word.isdigit() else word


def tokenize(text: str) -> list[str]:
    """Words of a text as the network reads them, at most MAX_WORDS; none if it is all signs."""
    words = split(text)
    return [shape(word) for word in words] if any(map(str.isalnum, words)) else []


def _misspellings(word: str) -> Iterator[str]:
    """What is one swap, deletion, replacement or insertion of a letter away (Norvig, 2007)."""
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    for left, right in splits:
        if len(right) > 1:
            yield left + right[1] + right[0] + right[2:]
    for left, right in splits:
        if right:
            yield left + right[1:]
    for left, right in splits:
        for letter in string.ascii_lowercase:
            yield left + letter + right
            if right:
                yield left + letter + right[1:]


class Vocabulary:
    """Numbers of words: padding 0, unknown 1, then ``words`` in their order.

    The first ``learned`` words were frequent in training. A word that is not in the vocabulary is
    read as the first of these found one misspelling away.
    """

    def __init__(self, words: Sequence[str], learned: int) -> None:
        self.learned = learned
        self._numbers = {word: number for number, word in enumerate(words[:learned], FIRST_WORD)}
        # The rare words side by side as bytes: as objects in a dict they take five times the room.
        rare = np.array([word.encode() for word in words[learned:]], dtype=np.bytes_)
        self._rare_order = np.argsort(rare).astype(np.int32)
        self._rare = rare[self._rare_order]

    @property
    def words(self) -> list[str]:
        """The words in the order of their numbers."""
        rare = np.empty_like(self._rare)
        rare[self._rare_order] = self._rare
        return [*self._numbers, *(word.decode() for word in rare.tolist())]

    def __len__(self) -> int:
        """Numbers in use, padding and unknown included."""
        return len(self._numbers) + len(self._rare) + FIRST_WORD

    def _rare_number(self, word: str) -> int | None:
        wanted = word.encode()
        place = int(np.searchsorted(self._rare, wanted))
        if place == len(self._rare) or self._rare[place] != wanted:
            return None
        return int(self._rare_order[place]) + len(self._numbers) + FIRST_WORD

    def number(self, word: str) -> int:
        """The number of a word of ``tokenize``."""
        number = self._numbers.get(word) or self._rare_number(word)
        if number is not None:
            return number
        if 4 <= len(word) <= 20 and word.isascii():
            for guess in _misspellings(word):
                if guess in self._numbers:
                    return self._numbers[guess]
        return UNKNOWN

    def knows(self, word: str) -> bool:
        """Whether a word was frequent in training."""
        return word in self._numbers

    def encode(self, text: str) -> list[int]:
        """Word numbers of a text, at most MAX_WORDS; none of a text without words."""
        return [self.number(word) for word in tokenize(text)]
