"""Scores messages with the shipped network; needs ONNX Runtime and numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from ml.artifact import WEIGHTS, WeightsError, load_card, open_session
from ml.sentiment.words import tokenize

BATCH = 128
UNKNOWN = 1  # word numbers: 0 is padding, which only training knows


class Band(StrEnum):
    """How soon a person should look, for people to read."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True)
class Score:
    """P(complaint or otherwise unhappy), and the band it falls in."""

    complaint: float
    band: Band


class SentimentModel:
    """The sentiment network with its vocabulary and calibration."""

    def __init__(self, card: dict[str, Any], session: Any) -> None:
        self.card = card
        self._session = session
        self._numbers = {word: number for number, word in enumerate(card["vocabulary"], 2)}

    @classmethod
    def load(cls, directory: Path = WEIGHTS / "sentiment") -> SentimentModel:
        """Load an artifact.

        Raises:
            WeightsError: it is missing or damaged.
        """
        card = load_card(directory)
        if card.get("network") != "sentiment":
            raise WeightsError(f"{directory} holds no sentiment network. Restore it.")
        return cls(card, open_session(directory / "network.onnx"))

    @property
    def version(self) -> str:
        """Which weights these are."""
        return str(self.card["files"]["network.onnx"][:12])

    def band(self, complaint: float) -> Band:
        """The band of a probability."""
        cuts = self.card["bands"]
        return next((band for band in Band if complaint >= cuts[band]), Band.LOW)

    def encode(self, text: str) -> list[int]:
        """Word numbers of a text."""
        return [self._numbers.get(word, UNKNOWN) for word in tokenize(text)]

    def score(self, texts: Sequence[str]) -> list[Score]:
        """Score texts, in their order. One without words gets the card's neutral score."""
        encoded = [self.encode(text) for text in texts]
        complaints = np.full(len(texts), float(self.card["neutral"]))
        # Texts of one length go together: no padding, so a text's company does not matter.
        order = sorted((i for i in range(len(texts)) if encoded[i]), key=lambda i: len(encoded[i]))
        start = 0
        while start < len(order):
            length = len(encoded[order[start]])
            batch = [i for i in order[start : start + BATCH] if len(encoded[i]) == length]
            [logits] = self._session.run(
                ["logits"], {"ids": np.array([encoded[i] for i in batch], np.int64)}
            )
            scaled = logits.astype(np.float64) / self.card["temperature"]
            complaints[batch] = 1 / (1 + np.exp(-np.clip(scaled, -30, 30)))
            start += len(batch)
        return [Score(float(p), self.band(float(p))) for p in complaints]
