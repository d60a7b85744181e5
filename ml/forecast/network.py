"""The two networks: a recurrent one that ships, and the textbook's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.forecast.counts import LEAST_DISPERSION
from ml.forecast.features import HORIZON, INPUTS, MEMORIES


@dataclass(frozen=True)
class Hyper:
    """Everything one may turn, on one screen."""

    hidden: int = 16
    members: int = 5  # networks in the ensemble, alike but for their seed
    steps: int = 400
    batch: int = 128  # products a step
    rate: float = 0.01  # of Adam, falling to zero along a cosine
    decay: float = 0.01
    half_life: float = 26.0  # weeks after which a target week counts half
    min_history: int = 8  # weeks
    late_starts: tuple[int, ...] = (0, 0, 8, 16, 24)  # weeks cut off histories at the front
    reach: float = 0.03  # the largest correction of a mean, as a logarithm
    small_tables: float = 0.2  # share of steps on a table of at most 64 products
    restless: float = 0.1  # share of steps on such a table whose products rise and fall for good


class Forecaster(nn.Module):
    """A GRU that decides, for each week ahead, which memory of a product to trust.

    The forecast is a mixture of memories, plus what half a year ago tells, times a small
    correction: so the network cannot stray far from plain means, which are hard to beat on such
    data. It is the mean of a negative binomial distribution, whose dispersion is that of the
    past, made larger or smaller.
    """

    def __init__(self, hidden: int, reach: float) -> None:
        super().__init__()
        self.reach = reach
        self.gru = nn.GRU(INPUTS, hidden, batch_first=True)
        self.mix = nn.Linear(hidden + 1, hidden)
        self.head = nn.Linear(hidden, MEMORIES + 2)
        self.half_year = nn.Parameter(torch.zeros(()))
        with torch.no_grad():  # begin close to the long mean and its dispersion
            self.head.weight.mul_(0.1)
            self.head.bias.copy_(torch.tensor([2.0] + [0.0] * (MEMORIES + 1)))

    def forward(
        self, inputs: Tensor, memories: Tensor, cycle: Tensor, dispersion: Tensor
    ) -> Tensor:
        """Forecast after each of the last ``n`` weeks.

        Args: the attributes of :class:`ml.forecast.features.Features`, all but ``inputs`` of the
        last ``n`` weeks only.

        Returns:
            float32 [products, n, HORIZON, 2]: mean, in pieces, and dispersion (variance divided
            by mean) of a negative binomial distribution.
        """
        hidden = self.gru(inputs)[0][:, -cycle.shape[1] :]
        shape = (*cycle.shape[:-1], -1)
        ahead = torch.arange(1, HORIZON + 1, device=hidden.device) / HORIZON
        wide = torch.cat(
            [hidden.unsqueeze(-2).expand(shape), ahead.unsqueeze(-1).expand(*cycle.shape[:-1], 1)],
            dim=-1,
        )
        head = self.head(torch.tanh(self.mix(wide)))
        trust = head[..., :MEMORIES].softmax(-1)
        correction, unrest = torch.tanh(head[..., MEMORIES:]).unbind(-1)
        strayed, left_open = cycle.unbind(-1)
        # Calm years can't teach how far to trust the half-year, so it stays near full trust.
        half_year = 1 + 0.5 * torch.tanh(self.half_year)
        mean = (trust * memories.unsqueeze(-2)).sum(-1) + half_year * strayed
        mean = mean.clamp(min=0) * torch.exp(self.reach * correction)
        dispersion = dispersion.unsqueeze(-1) * (1 + left_open) * torch.exp(2 * unrest - 1.5)
        return torch.stack([mean, LEAST_DISPERSION + dispersion], dim=-1)


class Ensemble(nn.Module):
    """The average of several forecasters, as one graph."""

    def __init__(self, members: list[Forecaster]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(
        self, inputs: Tensor, memories: Tensor, cycle: Tensor, dispersion: Tensor
    ) -> Tensor:
        """Forecast after the last week.

        Args: what :meth:`ml.forecast.features.Features.last` returns.

        Returns:
            float32 [products, HORIZON, 2]: mean, in pieces, and dispersion.
        """
        outputs = [member(inputs, memories, cycle, dispersion)[:, -1] for member in self.members]
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
