"""Finishes sentences with the shipped network; needs ONNX Runtime and numpy."""

from __future__ import annotations

import hashlib
import math
import re
import textwrap
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifact import WEIGHTS, WeightsError, load_card, open_session
from ml.chance import Chance

TEAM = "completion-team"  # the folder of the team's own network, beside the desk's data
READ = 500  # last characters of a text that count
WRITE = 60  # characters of a suggestion, until the word under way ends
LONGEST_WORD = 20
COLUMNS = 68  # the books are set in lines of about this length
TEMPERATURES = (0.5, 0.7, 0.9, 1.2)  # the next where there were too few different suggestions
NUCLEUS = 0.9
UNKNOWN_BITS = 16.0  # what a character outside the alphabet costs besides the unknown symbol

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_LEAD = re.compile(r"[A-Za-z']*$")
Floats = NDArray[np.float32]


class NothingToCompleteError(ValueError):
    """The text holds nothing to go on from; the message says why."""


@dataclass
class _Path:
    """A continuation under way."""

    word: str  # the word that it is in the middle of; empty between words
    free: bool = False  # that word is unknown already: it may only end
    column: int = 0
    text: str = ""
    log_p: float = 0.0
    live: bool = True


class CompletionModel:
    """The completion network with its alphabet and words."""

    def __init__(self, card: dict[str, Any], session: Any, words: list[str]) -> None:
        self.card = card
        self._session = session
        self._alphabet: str = card["alphabet"]
        self._numbers = {c: n for n, c in enumerate(self._alphabet, 1)}
        self._words = words
        h = card["hyperparameters"]
        self._shape = (h["layers"], h["hidden"])
        writable = set("\n,;:-'\"!?. ")
        self._banned = [0] + [
            n
            for c, n in self._numbers.items()
            if not (c in writable or (c.isascii() and c.isalpha()))
        ]

    @classmethod
    def load(cls, directory: Path = WEIGHTS / "completion") -> CompletionModel:
        """Load an artifact.

        Raises:
            WeightsError: it is missing or damaged.
        """
        card = load_card(directory)
        if card.get("network") != "completion":
            raise WeightsError(f"{directory} holds no completion network. Restore it.")
        words = (directory / "words.txt").read_text(encoding="utf-8").split("\n")
        return cls(card, open_session(directory / "network.onnx"), words)

    def _run(self, ids: NDArray[np.int64], state: list[Any]) -> tuple[Floats, list[Any]]:
        """Logits [batch, length, characters] after each of ids [batch, length], and the states."""
        logits, *state = self._session.run(None, {"ids": ids, "h": state[0], "c": state[1]})
        return logits, state

    def _zeros(self) -> list[Any]:
        layers, hidden = self._shape
        return [np.zeros((layers, 1, hidden), np.float32) for _ in range(2)]

    def _clean(self, text: str) -> str:
        """What can be used of a text, in lines like those of the books."""
        text = unicodedata.normalize("NFKD", text[-4 * READ :].translate(_PLAIN))
        known = "".join(c if c in self._numbers else " " if c.isspace() else "" for c in text)
        line = re.sub(r"\s+", " ", known).lstrip()[-READ:]
        return "\n".join(textwrap.wrap(line, COLUMNS, drop_whitespace=False)).replace(" \n", "\n")

    @property
    def alphabet(self) -> str:
        """The characters that the network knows."""
        return self._alphabet

    def begin(self, text: str) -> tuple[list[Any], NDArray[np.float64]]:
        """The state after a text, and log p [1, characters] of what comes next."""
        ids = np.array([[self._numbers.get(c, 0) for c in text[-READ:] or "\n"]], np.int64)
        logits, state = self._run(ids, self._zeros())
        return state, _log_p(logits[:, -1])[:, 1:]

    def extend(
        self, state: list[Any], rows: list[int], characters: list[str]
    ) -> tuple[list[Any], NDArray[np.float64]]:
        """The states after one more character each, from given rows of the states before."""
        ids = np.array([[self._numbers[c]] for c in characters], np.int64)
        logits, after = self._run(ids, [part[:, rows] for part in state])
        return after, _log_p(logits[:, -1])[:, 1:]

    def suggest(self, text: str, n: int = 3, variant: int = 0) -> list[str]:
        """Up to n continuations of a text, each ending with a word or a sentence.

        The same text and variant give the same suggestions. Every word of a suggestion occurs
        in what the network learned; a word that the text began is finished first.

        Raises:
            NothingToCompleteError: there is no letter or number to go on from.
        """
        clean = self._clean(text)
        if not any(c.isalnum() for c in clean):
            raise NothingToCompleteError("I can only go on from English text: write a few words.")
        seed = hashlib.sha256(f"{variant}:{clean}".encode()).digest()[:8]
        rng = Chance(seed)
        chosen: list[str] = []
        for temperature in TEMPERATURES:
            paths = self._draw(clean, 3 * n, rng, temperature)
            for path in sorted(paths, key=_value, reverse=True):
                suggestion = _cut(path)
                if suggestion.strip() and not any(_alike(suggestion, other) for other in chosen):
                    chosen.append(suggestion)
            if len(chosen) >= n:
                break
        return chosen[:n]

    def _draw(self, clean: str, count: int, rng: Chance, temperature: float) -> list[_Path]:
        """Continuations by nucleus sampling (Holtzman et al., 2020) over known words."""
        ids = np.array([[self._numbers[c] for c in clean]], np.int64)
        logits, state = self._run(ids, self._zeros())
        state = [np.repeat(s, count, 1) for s in state]
        rows = np.repeat(logits[:, -1], count, 0)
        found = _LEAD.search(clean)
        lead = found[0] if found else ""
        column = len(clean) - clean.rfind("\n") - 1
        # A whole word may also be the beginning of a longer one: every other path leaves it.
        ends = [not self._begins(lead), self._is_word(lead) or not self._begins(lead)]
        paths = [_Path(lead, ends[number % 2], column) for number in range(count)]
        newline, space = self._numbers["\n"], self._numbers[" "]
        after_space = clean.endswith((" ", "\n"))
        for step in range(WRITE + LONGEST_WORD):
            p = self._probabilities(rows, temperature)
            p[:, space] += p[:, newline]  # a line's end is a space to us
            p[:, newline] = 0
            if step == 0 and after_space:
                p[:, space] = 0
            fed = np.full((count, 1), space, np.int64)
            order = np.argsort(-p, 1)
            cumulative = np.cumsum(np.take_along_axis(p, order, 1), 1)
            nucleus = np.minimum((cumulative < NUCLEUS).sum(1), cumulative.shape[1] - 1)
            limits = cumulative[np.arange(count), nucleus]
            dice = np.array([rng.random() for _ in range(count)])
            drawn = (cumulative < (dice * limits)[:, None]).sum(1).tolist()
            for i, path in enumerate(paths):
                if not path.live:
                    continue
                number = self._pick(order[i], drawn[i], path)
                character = self._alphabet[number - 1]
                self._grow(path, character, float(p[i, number]))
                fed[i] = number
                if character == " " and path.column > COLUMNS:
                    fed[i], path.column = newline, 0
            if not any(path.live for path in paths):
                break
            logits, state = self._run(fed, state)
            rows = logits[:, -1]
        return paths

    def _probabilities(self, rows: Floats, temperature: float) -> NDArray[np.float64]:
        """Probabilities [batch, characters] of logits, sharpened, without what is never written."""
        scaled = rows.astype(np.float64) / temperature
        scaled[:, self._banned] = -np.inf
        p: NDArray[np.float64] = np.exp(scaled - scaled.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        return p

    def _pick(self, order: NDArray[np.int64], drawn: int, path: _Path) -> int:
        """The character drawn, or the likeliest where that would make an unknown word.

        ``order`` int64 [characters] are the characters from the likeliest on.
        """
        for number in (order[drawn], *order):
            if self._fits(path, self._alphabet[number - 1]):
                return int(number)
        return self._numbers[" "]

    def _fits(self, path: _Path, character: str) -> bool:
        """Whether a character can come next, if every word must be a known one."""
        if character in ' "' and path.text.endswith(character):
            return False
        if character.isupper() and path.word and not (path.word.isupper() and len(path.word) > 1):
            return False
        if character.isalpha() or (character == "'" and path.word):
            return not path.free and self._begins(path.word + character)
        return path.free or not path.word or self._is_word(path.word)

    def _begins(self, prefix: str) -> bool:
        """Whether a known word begins so."""
        prefix = prefix.lower()
        at = bisect_left(self._words, prefix)
        return at < len(self._words) and self._words[at].startswith(prefix)

    def _is_word(self, word: str) -> bool:
        word = word.lower().rstrip("'")
        at = bisect_left(self._words, word)
        return self._words[at : at + 1] == [word]

    def _grow(self, path: _Path, character: str, p: float) -> None:
        path.text += character
        path.log_p += math.log(max(p, 1e-12))
        path.column += 1
        if character.isalpha() or (character == "'" and path.word):
            path.word += character
        else:
            path.word, path.free = "", False
        path.live = character not in ".!?" and (len(path.text) < WRITE or bool(path.word))

    def bits_per_character(self, text: str) -> float:
        """Mean cost of a text's characters in bits; each counts, also those it does not know.

        Raises:
            ValueError: the text is empty.
        """
        if not text:
            raise ValueError("an empty text has no bits per character")
        ids = np.array([self._numbers.get(c, 0) for c in text], np.int64)
        logits, state = self._run(np.array([[self._numbers["\n"]]], np.int64), self._zeros())
        bits = 0.0
        for start in range(0, len(ids), READ):
            chunk = ids[start : start + READ]
            following, next_state = self._run(chunk[None], state)
            rows = _log_p(np.concatenate([logits[0, -1:], following[0, :-1]]))
            log_p = rows[np.arange(len(chunk)), chunk]
            bits += float(-log_p.sum() / math.log(2)) + UNKNOWN_BITS * int((chunk == 0).sum())
            logits, state = following, next_state
        return bits / len(ids)


def _log_p(logits: Floats) -> NDArray[np.float64]:
    """Log-softmax of float32 [rows, characters]."""
    rows = logits.astype(np.float64)
    rows -= rows.max(1, keepdims=True)
    log_p: NDArray[np.float64] = rows - np.log(np.exp(rows).sum(1, keepdims=True))
    return log_p


def _value(path: _Path) -> float:
    """What ranks suggestions: mean log p, and that a whole sentence is better than a piece."""
    return path.log_p / max(len(path.text), 1) + 0.15 * path.text.endswith((".", "!", "?"))


def _cut(path: _Path) -> str:
    """The path's text up to its last whole word."""
    text = path.text
    if path.word and not path.free and path.live:
        text = text[: len(text) - len(path.word)] if len(path.word) < len(text) else ""
    return text if text.endswith((".", "!", "?")) else text.rstrip(" ,;:-\"'")


def _alike(one: str, other: str) -> bool:
    """Whether two suggestions begin alike or share most of their words."""
    a, b = one.lower().split(), other.lower().split()
    shared = len(set(a) & set(b)) / max(1, min(len(set(a)), len(set(b))))
    return a[:2] == b[:2] or shared > 0.6
