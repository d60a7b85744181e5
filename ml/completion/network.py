"""The completion network: characters -> logits of the next character."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Hyperparameters:
    """Of the default recipe."""

    embedding: int = 64
    hidden: int = 320
    layers: int = 2
    dropout: float = 0.1
    learning_rate: float = 3e-3
    batch: int = 64
    length: int = 100


class CompletionNetwork(nn.Module):
    """Embedding -> LSTM -> Linear."""

    def __init__(self, characters: int, h: Hyperparameters) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, h.embedding)
        self.lstm = nn.LSTM(h.embedding, h.hidden, h.layers, batch_first=True, dropout=h.dropout)
        self.head = nn.Linear(h.hidden, characters)

    def forward(self, ids: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [batch, length, characters] of ids [batch, length]; the states after them."""
        out, (h, c) = self.lstm(self.embedding(ids), (h, c))
        return self.head(out), h, c


class TextbookNetwork(nn.Module):
    """The textbook's: one-hot over the characters -> LSTM of 2 x 256 -> Linear."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.characters = characters
        self.lstm = nn.LSTM(characters, 256, num_layers=2, batch_first=True)
        self.head = nn.Linear(256, characters)

    def forward(self, ids: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Logits [batch, length, characters] of ids [batch, length] (int64)."""
        one_hot = nn.functional.one_hot(ids, self.characters).float()
        out, state = self.lstm(one_hot, state)
        return self.head(out), state


def zeros(h: Hyperparameters, batch: int) -> State:
    """The state before the first character."""
    shape = (h.layers, batch, h.hidden)
    return torch.zeros(shape), torch.zeros(shape)
