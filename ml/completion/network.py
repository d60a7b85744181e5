"""The completion network: characters -> logits of the next character."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Stage:
    """One pass of training over one text: how often, and at which highest learning rate."""

    epochs: int
    learning_rate: float
    batch: int


@dataclass(frozen=True)
class Hyperparameters:
    """Of the default recipe."""

    embedding: int = 64
    hidden: int = 512
    layers: int = 2
    dropout: float = 0.1
    length: int = 100  # characters that a gradient reaches back
    prose: Stage = Stage(epochs=4, learning_rate=3e-3, batch=64)
    alice: Stage = Stage(epochs=8, learning_rate=5e-4, batch=16)


class CompletionNetwork(nn.Module):
    """Embedding -> LSTM -> Linear."""

    def __init__(self, characters: int, h: Hyperparameters) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, h.embedding)
        self.lstm = nn.LSTM(h.embedding, h.hidden, h.layers, batch_first=True, dropout=h.dropout)
        self.dropout = nn.Dropout(h.dropout)
        self.head = nn.Linear(h.hidden, characters)

    def forward(self, ids: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [batch, length, characters] of ids [batch, length] (int64).

        ``h`` and ``c`` [layers, batch, hidden] are the states before the first character; those
        after the last one come back.
        """
        out, (h, c) = self.lstm(self.embedding(ids), (h, c))
        return self.head(self.dropout(out)), h, c


class TextbookNetwork(nn.Module):
    """The textbook's: one-hot over the characters -> LSTM of 2 x 256 -> Linear."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.characters = characters
        self.lstm = nn.LSTM(characters, 256, num_layers=2, batch_first=True)
        self.head = nn.Linear(256, characters)

    def forward(self, ids: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [batch, length, characters] of ids [batch, length] (int64), and the states."""
        one_hot = nn.functional.one_hot(ids, self.characters).float()
        out, (h, c) = self.lstm(one_hot, (h, c))
        return self.head(out), h, c


def zeros(layers: int, batch: int, hidden: int, device: str = "cpu") -> State:
    """The states before the first character, float32 [layers, batch, hidden] each."""
    shape = (layers, batch, hidden)
    return torch.zeros(shape, device=device), torch.zeros(shape, device=device)
