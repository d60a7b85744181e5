"""The sentiment network: words -> logit of P(complaint)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Hyperparameters:
    """Of the default recipe."""

    embedding: int = 64
    hidden: int = 64
    dropout: float = 0.4
    word_dropout: float = 0.1
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    batch: int = 64
    epochs: int = 8
    min_count: int = 2


class SentimentNetwork(nn.Module):
    """Embedding -> bidirectional LSTM -> mean and maximum over words -> logit."""

    def __init__(self, words: int, h: Hyperparameters) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, h.embedding, padding_idx=0)
        self.lstm = nn.LSTM(h.embedding, h.hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(h.dropout)
        self.head = nn.Linear(4 * h.hidden, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [batch] of word numbers [batch, length] (int64).

        All texts of a batch have the same length: neither LSTM nor pooling sees padding.
        """
        states, _ = self.lstm(self.dropout(self.embedding(ids)))
        pooled = torch.cat([states.mean(1), states.amax(1)], 1)
        logits: Tensor = self.head(self.dropout(pooled)).squeeze(1)
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
