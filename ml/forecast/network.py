"""The two networks: a recurrent one that ships, and the textbook's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ml.forecast.features import INPUTS, MEMORIES


@dataclass(frozen=True)
class Hyper:
    """Everything one may turn, on one screen."""

    horizon: int = 13  # weeks ahead
    hidden: int = 16
    members: int = 5  # networks in the ensemble, alike but for their seed
    steps: int = 300
    batch: int = 256  # products a step
    rate: float = 0.01  # of Adam, falling to zero along a cosine
    decay: float = 0.01
    half_life: float = 13.0  # weeks after which a target week counts half
    min_history: int = 8  # weeks
    late_starts: int = 24  # histories are cut at the front by up to so many weeks


class Forecaster(nn.Module):
    """A GRU that decides, for each week ahead, how far back it is worth looking.

    The forecast is a mixture of a long, a middling and a short memory (weighted means of the
    past), times a bounded correction: so the network cannot stray far from the plain mean, which
    is hard to beat on such data. Around it, the network widens or narrows the spread of the past.
    """

    def __init__(self, horizon: int, hidden: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.gru = nn.GRU(INPUTS, hidden, batch_first=True)
        self.head = nn.Linear(hidden, horizon * (MEMORIES + 4))
        with torch.no_grad():  # begin as the long mean with a normal distribution's 80% interval
            self.head.weight.mul_(0.1)
            bias = torch.tensor([2.0] + [0.0] * (MEMORIES - 1) + [0.0, 0.0, 0.95, 0.95])
            self.head.bias.copy_(bias.repeat(horizon))

    def forward(self, inputs: Tensor, memories: Tensor, spread: Tensor) -> Tensor:
        """Forecast after every week.

        Args:
            inputs: float32 [products, weeks, INPUTS], see :func:`ml.forecast.features.describe`.
            memories: float32 [products, weeks, MEMORIES], pieces.
            spread: float32 [products, weeks], pieces.

        Returns:
            float32 [products, weeks, horizon, 4]: mean, low, median and high, in pieces; low and
            high hold 80% between them.
        """
        hidden, _ = self.gru(inputs)
        head = self.head(hidden).unflatten(-1, (self.horizon, MEMORIES + 4))
        trust = head[..., :MEMORIES].softmax(-1)
        correction, shift, down, up = head[..., MEMORIES:].unbind(-1)
        mean = (trust * memories.unsqueeze(-2)).sum(-1) * torch.exp(0.3 * torch.tanh(correction))
        spread = spread.unsqueeze(-1)
        median = mean + 0.5 * spread * torch.tanh(shift)
        low = mean - spread * softplus(down)
        high = mean + spread * softplus(up)
        return torch.stack([mean, low, median, high], dim=-1)


class Ensemble(nn.Module):
    """The average of several forecasters, as one graph."""

    def __init__(self, members: list[Forecaster]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, inputs: Tensor, memories: Tensor, spread: Tensor) -> Tensor:
        """Forecast after the last week; float32 [products, horizon, 4], none below zero."""
        outputs = [member(inputs, memories, spread)[:, -1] for member in self.members]
        return torch.stack(outputs).mean(0).clamp(min=0)


class TextbookRNN(nn.Module):
    """The textbook's network: weeks 0 to 50 of each product as one step of 51 inputs.

    After The Deep Learning with PyTorch Workshop (Packt, 2020), chapter 6.
    """

    def __init__(self, inputs: int = 51, hidden: int = 10, layers: int = 1) -> None:
        super().__init__()
        self.rnn = nn.RNN(inputs, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Float32 [batch, steps, inputs] to [batch * steps, 1], and the state it ends in."""
        out, state = self.rnn(x, state)
        return self.output(out.reshape(-1, out.shape[-1])), state
