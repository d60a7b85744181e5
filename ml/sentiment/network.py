"""The sentiment network: words -> logit of P(complaint)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.sentiment.words import UNKNOWN


@dataclass(frozen=True)
class Hyperparameters:
    """Of the default recipe."""

    words: int = 18_000  # pretrained words that ship
    min_count: int = 3  # of a word with a learned embedding
    learned: int = 32
    taught: int = 128  # numbers of a word's vector that come from the teacher
    hidden: int = 192
    dropout: float = 0.25
    word_dropout: float = 0.1
    learning_rate: float = 2e-3
    tuning_rate: float = 3e-4  # gentle: most of what is known must stay
    weight_decay: float = 1e-4
    batch: int = 64
    epochs: int = 8
    tuning_epochs: int = 2
    phrases: int = 30  # messages made of each sentence pattern


class SentimentNetwork(nn.Module):
    """Embedding -> bidirectional LSTM -> mean, maximum and attention over words -> two logits.

    A word's embedding is its pretrained vector, kept as it came in 8 bits with one scale a word,
    beside a learned one, which words that were rare in training share.
    """

    def __init__(self, vectors: Tensor, scales: Tensor, learned: int, h: Hyperparameters) -> None:
        """Of ``vectors`` [words, width] int8 times ``scales`` [words] float32.

        The first ``learned`` words have a learned embedding, too.
        """
        super().__init__()
        self.vectors: Tensor
        self.scales: Tensor
        self.register_buffer("vectors", vectors, persistent=False)
        self.register_buffer("scales", scales.unsqueeze(1), persistent=False)
        self.learned = nn.Embedding(learned, h.learned)
        nn.init.normal_(self.learned.weight, std=0.1)
        width = vectors.shape[1] + h.learned
        self.lstm = nn.LSTM(width, h.hidden, bidirectional=True)
        self.word_dropout = h.word_dropout
        self.dropout = nn.Dropout(h.dropout)
        self.query = nn.Parameter(torch.zeros(2 * h.hidden))  # first attends to all words alike
        self.head = nn.Linear(6 * h.hidden, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [batch, 2] of unhappy and happy, from word numbers [batch, length] (int64).

        All texts of a batch have the same length: neither LSTM nor pooling sees padding.
        """
        if self.training:
            lost = torch.rand(ids.shape, device=ids.device) < self.word_dropout
            ids = ids.masked_fill(lost, UNKNOWN)
        ids = ids.T  # first the words, then the texts: the fewest steps in the exported graph
        pretrained = self.vectors[ids].float() * self.scales[ids]
        rare = ids >= self.learned.num_embeddings
        learned = self.learned(ids.masked_fill(rare, UNKNOWN))
        states, _ = self.lstm(self.dropout(torch.cat([pretrained, learned], -1)))
        attention = (states @ self.query).softmax(0).unsqueeze(-1)
        attended = (states * attention).sum(0)
        pooled = torch.cat([states.mean(0), states.amax(0), attended], 1)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits


class TextbookNetwork(nn.Module):
    """The textbook's: Embedding -> LSTM of 3 layers -> Linear -> sigmoid of the last step."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 64)
        self.lstm = nn.LSTM(64, 128, num_layers=3, batch_first=True)
        self.head = nn.Linear(128, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """P(positive) [batch] of word numbers [batch, length] (int64)."""
        states, _ = self.lstm(self.embedding(ids))
        probability: Tensor = torch.sigmoid(self.head(states[:, -1])).squeeze(1)
        return probability
