"""How much typing the likeliest next words save."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

BEAM = 8
LONGEST = 20  # characters of a word
_LEAD = re.compile(r"[A-Za-z][A-Za-z']*$|$")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z']*|[^A-Za-z]")


class Predictor(Protocol):
    """What gives log p of the next character, for several texts side by side."""

    @property
    def alphabet(self) -> str:
        """The characters, in the order of the log p."""

    def begin(self, text: str) -> tuple[Any, NDArray[np.float64]]:
        """The state after a text, and log p [1, characters] of what comes next."""

    def extend(
        self, state: Any, rows: list[int], characters: list[str]
    ) -> tuple[Any, NDArray[np.float64]]:
        """The states after one more character each, from given rows of the states before."""


def next_words(predictor: Predictor, text: str, n: int = 3) -> list[str]:
    """The n likeliest words, the one that the text began included; by beam search."""
    lead_found = _LEAD.search(text)
    lead = lead_found[0] if lead_found else ""
    is_letter = np.array([c.isascii() and (c.isalpha() or c == "'") for c in predictor.alphabet])
    state, log_p = predictor.begin(text)
    live = [(0.0, lead)]
    finished: dict[str, float] = {}
    for _ in range(LONGEST):
        candidates = []
        for row, (score, word) in enumerate(live):
            if word:
                end = score + float(np.logaddexp.reduce(log_p[row][~is_letter]))
                finished[word] = max(end, finished.get(word, -np.inf))
            for number in np.argsort(-np.where(is_letter, log_p[row], -np.inf))[:BEAM]:
                character = predictor.alphabet[number]
                candidates.append((score + float(log_p[row][number]), row, word + character))
        candidates = sorted(candidates, reverse=True)[:BEAM]
        best = sorted(finished.values(), reverse=True)[:n]
        if len(best) == n and candidates[0][0] < best[-1]:
            break
        rows, characters = [c[1] for c in candidates], [c[2][-1] for c in candidates]
        state, log_p = predictor.extend(state, rows, characters)
        live = [(score, word) for score, _, word in candidates]
    return sorted(finished, key=lambda word: -finished[word])[:n]


@dataclass(frozen=True)
class Saving:
    """What three suggested words are worth while a text is typed."""

    top_1: float  # share of words that came first before their first letter was typed
    top_3: float  # share of words among the three before their first letter was typed
    keystrokes_saved: float  # share of the text's characters that need not be typed


def saving(predictor: Predictor, text: str) -> Saving:
    """Type a text, taking a word with one keystroke, its space included, once it is suggested."""
    typed, keys, words, first, among = "", 0, 0, 0, 0
    tokens = _TOKEN.findall(text)
    skip_space = False
    for token in tokens:
        if not token[0].isalpha():
            keys += not (skip_space and token.isspace())
            typed, skip_space = typed + token, False
            continue
        words += 1
        for length in range(len(token)):
            suggested = next_words(predictor, (typed + token[:length])[-500:])
            if length == 0:
                first += suggested[:1] == [token]
                among += token in suggested
            keys += 1
            if token in suggested:
                skip_space = True
                break
        typed += token
    return Saving(first / max(words, 1), among / max(words, 1), 1 - keys / max(len(text), 1))
