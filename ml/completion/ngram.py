"""A character n-gram, which the network is measured against."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class WittenBell:
    """An interpolated character n-gram.

    Witten and Bell, "The zero-frequency problem" (1991), method C, in the interpolated form of
    Chen and Goodman, "An empirical study of smoothing techniques" (1999), section 2.5.
    """

    def __init__(self, text: str, alphabet: str, order: int = 6) -> None:
        self.alphabet = alphabet
        self._numbers = {c: n for n, c in enumerate(alphabet)}
        self._order = order
        self._counts: dict[str, dict[str, int]] = defaultdict(dict)
        for at, character in enumerate(text):
            for length in range(min(order, at + 1)):
                seen = self._counts[text[at - length : at]]
                seen[character] = seen.get(character, 0) + 1

    def probabilities(self, context: str) -> Floats:
        """Of the next character, float64 [alphabet + 1]; the last stands for any other one."""
        size = len(self.alphabet) + 1
        p = np.full(size, 1 / size)
        for length in range(min(self._order, len(context) + 1)):
            seen = self._counts.get(context[len(context) - length :])
            if seen is None:
                break
            kinds, total = len(seen), sum(seen.values())
            p *= kinds
            for character, count in seen.items():
                p[self._numbers[character]] += count
            p /= kinds + total
        return p

    def bits_per_character(self, text: str, unknown_bits: float) -> float:
        """Mean cost of a text's characters; one outside the alphabet costs more."""
        bits = 0.0
        for at, character in enumerate(text):
            number = self._numbers.get(character, -1)
            p = self.probabilities(text[max(0, at - self._order + 1) : at])
            bits -= math.log2(p[number])
            bits += unknown_bits * (number < 0)
        return bits / len(text)

    def begin(self, text: str) -> tuple[list[str], Floats]:
        """The state after a text, and log p [1, alphabet] of what comes next."""
        return self.extend([text], [0], [""])

    def extend(
        self, state: list[str], rows: list[int], characters: list[str]
    ) -> tuple[list[str], Floats]:
        """The states after one more character each, from given rows of the states before."""
        after = [
            (state[row] + character)[-self._order :]
            for row, character in zip(rows, characters, strict=True)
        ]
        return after, np.log(np.array([self.probabilities(text)[:-1] for text in after]))
