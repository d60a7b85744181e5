"""The two networks: a recurrent one that ships, and the textbook's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.forecast.counts import LEAST_DISPERSION
from ml.forecast.features import AHEAD, INPUTS, MEMORIES


@dataclass(frozen=True)
class Hyper:
    """Everything one may turn, on one screen."""

    hidden: int = 16
    members: int = 5  # networks in the ensemble, alike but for their seed
    steps: int = 250
    batch: int = 128  # products a step
    rate: float = 0.01  # of Adam, falling to zero along a cosine
    decay: float = 0.01
    half_life: float = 26.0  # weeks after which a target week counts half
    min_history: int = 8  # weeks
    late_starts: tuple[int, ...] = (0, 0, 8, 16, 24)  # weeks cut off histories at the front
    reach: float = 0.03  # the largest correction of a mean, as a logarithm
    small_tables: float = 0.2  # share of steps on a table of at most 64 products


class Forecaster(nn.Module):
    """A GRU that decides, for each week ahead, which memory of a product to trust.

    The forecast is a mixture of the memories (four of the recent past, two of half a year ago),
    times a bounded correction: so the network cannot stray far from plain means, which are hard
    to beat on such data. It is the mean of a negative binomial distribution, whose dispersion is
    that of the past, made larger or smaller.
    """

    def __init__(self, hidden: int, reach: float) -> None:
        super().__init__()
        self.reach = reach
        self.gru = nn.GRU(INPUTS, hidden, batch_first=True)
        self.mix = nn.Linear(hidden + AHEAD, hidden)
        self.head = nn.Linear(hidden, MEMORIES + 2)
        with torch.no_grad():
            # Begin between the long mean and what half a year ago adds to it: in calm times they
            # are the same, so no training can tell them apart.
            self.head.weight.mul_(0.1)
            bias = [2.0] + [0.0] * (MEMORIES - 2) + [2.0] + [0.0, 0.0]
            self.head.bias.copy_(torch.tensor(bias))

    def forward(self, inputs: Tensor, ahead: Tensor, memories: Tensor, dispersion: Tensor) -> Tensor:
        """Forecast after every week.

        Args: the attributes of :class:`ml.forecast.features.Features`.

        Returns:
            float32 [products, weeks, HORIZON, 2]: mean, in pieces, and dispersion (variance
            divided by mean) of a negative binomial distribution.
        """
        hidden, _ = self.gru(inputs)
        return self.decode(hidden, ahead, memories, dispersion)

    def decode(self, hidden: Tensor, ahead: Tensor, memories: Tensor, dispersion: Tensor) -> Tensor:
        """From the state of any weeks [..., hidden] to their forecasts [..., HORIZON, 2]."""
        wide = hidden.unsqueeze(-2).expand(*ahead.shape[:-1], -1)
        head = self.head(torch.tanh(self.mix(torch.cat([wide, ahead], dim=-1))))
        trust = head[..., :MEMORIES].softmax(-1)
        correction, unrest = torch.tanh(head[..., MEMORIES:]).unbind(-1)
        mean = (trust * memories).sum(-1) * torch.exp(self.reach * correction)
        dispersion = LEAST_DISPERSION + dispersion.unsqueeze(-1) * torch.exp(1.5 * unrest - 0.5)
        return torch.stack([mean, dispersion], dim=-1)


class Ensemble(nn.Module):
    """The average of several forecasters, as one graph."""

    def __init__(self, members: list[Forecaster]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, inputs: Tensor, ahead: Tensor, memories: Tensor, dispersion: Tensor) -> Tensor:
        """Forecast after the last week.

        Args: what :meth:`ml.forecast.features.Features.last` returns.

        Returns:
            float32 [products, HORIZON, 2]: mean, in pieces, and dispersion.
        """
        outputs = []
        for member in self.members:
            hidden = member.gru(inputs)[0][:, -1]
            outputs.append(member.decode(hidden, ahead, memories, dispersion))
        return torch.stack(outputs).mean(0)


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
