"""Scores messages with the shipped network; needs ONNX Runtime, numpy and a language identifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifact import WEIGHTS, WeightsError, load_card, open_session
from ml.sentiment.language import LanguageIdentifier
from ml.sentiment.words import UNKNOWN, Vocabulary, shape, split

BATCH = 128
VOCABULARY = "words.txt"
OWN = "sentiment"  # folder of the network that learned from agents' corrections
EXPLAINED = 64  # words of a text that are tried
REASONS = 5


class Band(StrEnum):
    """How soon a person should look, for people to read."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True)
class Score:
    """P(complaint or otherwise unhappy), the band it falls in, and if it is another language.

    A message that is not English has the card's score for such, as the network cannot read it.
    """

    complaint: float
    band: Band
    foreign: bool = False


class SentimentModel:
    """The sentiment network with its vocabulary and calibration."""

    def __init__(self, card: dict[str, Any], session: Any, vocabulary: Vocabulary) -> None:
        self.card = card
        self.vocabulary = vocabulary
        self._session = session
        self._languages = LanguageIdentifier()

    @classmethod
    def load(cls, directory: Path = WEIGHTS / "sentiment") -> SentimentModel:
        """Load an artifact.

        Raises:
            WeightsError: it is missing or damaged, or its parts do not belong together.
        """
        card = load_card(directory)
        if card.get("network") != "sentiment":
            raise WeightsError(f"{directory} holds no sentiment network. Restore it.")
        path = directory / VOCABULARY
        try:
            words = path.read_text(encoding="utf-8").split("\n")[:-1]
        except (OSError, UnicodeDecodeError) as error:
            raise WeightsError(f"{path} cannot be read ({error}). Restore it.") from error
        if len(words) != card["vocabulary"]["words"]:
            raise WeightsError(f"{path} does not hold as many words as {directory}'s card says.")
        vocabulary = Vocabulary(words, card["vocabulary"]["learned"])
        session = open_session(directory / "network.onnx")
        if session.get_outputs()[0].shape != ["batch", 2]:
            raise WeightsError(f"{directory} was made by another version. Restore or remove it.")
        return cls(card, session, vocabulary)

    @property
    def version(self) -> str:
        """Which weights these are."""
        return str(self.card["files"]["network.bin"][:12])

    def band(self, complaint: float) -> Band:
        """The band of a probability."""
        cuts = self.card["bands"]
        return next((band for band in Band if complaint >= cuts[band]), Band.LOW)

    def logits(self, encoded: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Uncalibrated logits [texts], float32, of word numbers; NaN where there are none.

        Texts of one length go together: no padding, so a text's company does not matter.
        """
        logits = np.full(len(encoded), np.nan, np.float32)
        by_length: dict[int, list[int]] = {}
        for number, ids in enumerate(encoded):
            if ids:
                by_length.setdefault(len(ids), []).append(number)
        for numbers in by_length.values():
            for start in range(0, len(numbers), BATCH):
                batch = numbers[start : start + BATCH]
                words = np.array([encoded[i] for i in batch], np.int64)
                logits[batch] = self._session.run(["logits"], {"ids": words})[0][:, 0]
        return logits

    def _probabilities(self, encoded: Sequence[Sequence[int]]) -> list[float]:
        halves = self.logits(encoded) / (2 * self.card["temperature"])
        probabilities: list[float] = (0.5 + 0.5 * np.tanh(halves)).tolist()
        return probabilities

    def score(self, texts: Sequence[str]) -> list[Score]:
        """Score texts, in their order.

        One without words gets the card's neutral score; of a very long one, the beginning and the
        end are read (``words.LONGEST`` and ``words.MAX_WORDS``).
        """
        scores = []
        encoded = [self.vocabulary.encode(text) for text in texts]
        for text, ids, read in zip(texts, encoded, self._probabilities(encoded), strict=True):
            foreign = self._languages.is_foreign(text, self.vocabulary)
            unread = self.card["foreign"] if foreign else self.card["neutral"]
            complaint = read if ids and not foreign else unread
            scores.append(Score(complaint, self.band(complaint), foreign))
        return scores

    def explain(self, text: str) -> list[tuple[str, float]]:
        """The words that raised the score most, at most five, the strongest first.

        A word's weight is by how much P(complaint) falls when the network does not know the word
        (occlusion; Zeiler and Fergus, 2014). Endings as ``n't`` belong to their word. Nothing
        raised the score of a text without words or in another language.
        """
        words = split(text, EXPLAINED)
        if not any(map(str.isalnum, words)) or self._languages.is_foreign(text, self.vocabulary):
            return []
        ids = [self.vocabulary.number(shape(word)) for word in words]
        groups: list[list[int]] = []
        for place, word in enumerate(words):
            if groups and (word == "n't" or word.startswith("'")):
                groups[-1].append(place)
            else:
                groups.append([place])
        without = [[UNKNOWN if i in g else n for i, n in enumerate(ids)] for g in groups]
        whole, *others = self._probabilities([ids, *without])
        strongest: dict[str, float] = {}
        for group, p in sorted(zip(groups, others, strict=True), key=lambda pair: pair[1]):
            strongest.setdefault("".join(words[i] for i in group), whole - p)
        return [(word, weight) for word, weight in strongest.items() if weight > 0][:REASONS]
