"""Finishes sentences with the shipped network; needs ONNX Runtime and numpy."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifact import WEIGHTS, WeightsError, load_card, open_session

READ = 500  # last characters of a text that count
WRITE = 100  # characters of a suggestion at most
PATHS = 12  # drawn side by side, of which the best different ones are shown
TEMPERATURE = 0.6
NUCLEUS = 0.9
UNKNOWN_BITS = 16.0  # what a character outside the alphabet costs besides the unknown symbol

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


class NothingToComplete(ValueError):  # noqa: N818
    """The text holds nothing to go on from; the message says why."""


class CompletionModel:
    """The completion network with its alphabet and words."""

    def __init__(self, card: dict[str, Any], session: Any, words: frozenset[str]) -> None:
        self.card = card
        self._session = session
        self._alphabet: str = card["alphabet"]
        self._numbers = {c: n for n, c in enumerate(self._alphabet, 1)}
        self._words = words
        h = card["hyperparameters"]
        self._shape = (h["layers"], h["hidden"])
        self._banned = [0] + [n for c, n in self._numbers.items() if not c.isprintable()]

    @classmethod
    def load(cls, directory: Path = WEIGHTS / "completion") -> CompletionModel:
        """Load an artifact.

        Raises:
            WeightsError: it is missing or damaged.
        """
        card = load_card(directory)
        if card.get("network") != "completion":
            raise WeightsError(f"{directory} holds no completion network. Restore it.")
        words = frozenset((directory / "words.txt").read_text(encoding="utf-8").split("\n"))
        return cls(card, open_session(directory / "network.onnx"), words)

    def _run(self, ids: NDArray[np.int64], state: list[Any]) -> tuple[Any, list[Any]]:
        logits, *state = self._session.run(None, {"ids": ids, "h": state[0], "c": state[1]})
        return logits, state

    def _zeros(self) -> list[Any]:
        layers, hidden = self._shape
        return [np.zeros((layers, 1, hidden), np.float32) for _ in range(2)]

    def _clean(self, text: str) -> str:
        text = unicodedata.normalize("NFKD", text[-4 * READ :].translate(_PLAIN))
        known = "".join(c if c in self._numbers else " " if c.isspace() else "" for c in text)
        return re.sub(r"\s+", " ", known).lstrip()[-READ:]

    def suggest(self, text: str, n: int = 3, variant: int = 0) -> list[str]:
        """Up to n continuations of a text, each ending with a word or a sentence.

        The same text and variant give the same suggestions.

        Raises:
            NothingToComplete: there is no letter or number to go on from.
        """
        clean = self._clean(text)
        if not any(c.isalnum() for c in clean):
            raise NothingToComplete("I can only go on from English text: write a few words.")
        seed = hashlib.sha256(f"{variant}:{clean}".encode()).digest()[:8]
        paths = self._draw(clean, np.random.default_rng(int.from_bytes(seed)))
        chosen: list[str] = []
        openings: set[str] = set()
        for path in sorted(paths, key=lambda p: -p[1]):
            suggestion = self._trim(clean, path[0])
            opening = " ".join((clean.rsplit(" ", 1)[-1] + suggestion).lower().split()[:3])
            if suggestion.strip() and opening not in openings:
                openings.add(opening)
                chosen.append(suggestion)
        return chosen[:n]

    def _draw(self, clean: str, rng: np.random.Generator) -> list[tuple[str, float]]:
        """Texts drawn by nucleus sampling (Holtzman et al., 2020), each with its mean log p."""
        ids = np.array([[self._numbers[c] for c in clean]], np.int64)
        logits, state = self._run(ids, self._zeros())
        state = [np.repeat(s, PATHS, 1) for s in state]
        logits = np.repeat(logits[:, -1], PATHS, 0)
        drawn = [""] * PATHS
        total = np.zeros(PATHS)
        live = np.ones(PATHS, bool)
        for _ in range(WRITE):
            logits[:, self._banned] = -np.inf
            scaled = logits / TEMPERATURE
            p = np.exp(scaled - scaled.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            order = np.argsort(-p, 1)
            ranked = np.take_along_axis(p, order, 1)
            ranked[np.cumsum(ranked, 1) - ranked > NUCLEUS] = 0
            cumulative = np.cumsum(ranked, 1)
            dice = rng.random((PATHS, 1)) * cumulative[:, -1:]
            pick = np.minimum((cumulative < dice).sum(1), p.shape[1] - 1)
            ids = order[np.arange(PATHS), pick]
            for i in np.flatnonzero(live):
                drawn[i] += self._alphabet[ids[i] - 1]
                total[i] += math.log(max(float(p[i, ids[i]]), 1e-12))
                live[i] = drawn[i][-1] not in ".!?"
            if not live.any():
                break
            logits, state = self._run(ids[:, None].astype(np.int64), state)
            logits = logits[:, -1]
        return [(text, total[i] / max(len(text), 1)) for i, text in enumerate(drawn)]

    def _trim(self, clean: str, suggestion: str) -> str:
        """The suggestion up to its last whole word, or the first word nobody knows."""
        begun = re.search(r"[A-Za-z']*$", clean)
        lead = begun[0] if begun else ""
        whole = lead + suggestion
        end = len(whole)
        if whole[-1:] not in ".!?":
            boundary = re.search(r"[^A-Za-z'-][A-Za-z'-]*$", whole)
            end = boundary.start() if boundary else 0
        for word in _WORD.finditer(whole[:end]):
            if word.end() > len(lead) and not {word[0], word[0].lower()} & self._words:
                end = word.start()
                break
        return re.sub(r"\s+", " ", whole[len(lead) : end]).rstrip(" ,;:-\"'(")

    def bits_per_character(self, text: str) -> float:
        """Mean cost of a text's characters in bits; each counts, also those it does not know.

        Raises:
            ValueError: the text is empty.
        """
        if not text:
            raise ValueError("an empty text has no bits per character")
        ids = np.array([self._numbers.get(c, 0) for c in text], np.int64)
        logits, state = self._run(np.array([[self._numbers[" "]]], np.int64), self._zeros())
        bits = 0.0
        for start in range(0, len(ids), READ):
            chunk = ids[start : start + READ]
            following, next_state = self._run(chunk[None], state)
            rows = np.concatenate([logits[0, -1:], following[0, :-1]]).astype(np.float64)
            rows -= rows.max(1, keepdims=True)
            log_p = rows[np.arange(len(chunk)), chunk] - np.log(np.exp(rows).sum(1))
            bits += float(-log_p.sum() / math.log(2)) + UNKNOWN_BITS * int((chunk == 0).sum())
            logits, state = following, next_state
        return bits / len(ids)
