"""Two inputs and two states that make the 8-bit LSTM score a text alike in any company.

ONNX Runtime rounds what an LSTM's weights meet to 8 bits of the range that it spans in the whole
batch. A network is widened before it ships: by inputs that are always the smallest and the largest
number of any word's embedding, and by states whose gates are all open, so that no other state can
be larger. The range is then the same in every batch; nothing else reads the bounds.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ml.sentiment.network import Hyperparameters, SentimentNetwork

BOUNDS = 2  # the smallest and the largest number
OPEN = 30.0  # bias of a gate whose sigmoid or tanh is then 1
CELL = 2  # which of an LSTM's four gates takes both signs, in torch's order


def _blocks(name: str, parameter: Tensor, hidden: int) -> Tensor:
    """A view of a parameter in which each axis of states, or of inputs, stands for itself."""
    if name.startswith("lstm"):
        return parameter.view(4, hidden, *parameter.shape[1:])
    if name in ("head.weight", "query"):
        return parameter.view(-1, parameter.shape[-1] // hidden, hidden)
    return parameter


def _like(network: SentimentNetwork, more: int) -> SentimentNetwork:
    """An empty network of as many more inputs and states."""
    learned = network.learned
    h = replace(
        Hyperparameters(),
        hidden=network.lstm.hidden_size + more,
        learned=learned.embedding_dim + more,
    )
    scales = network.scales.squeeze(1)
    return SentimentNetwork(network.vectors, scales, learned.num_embeddings, h).eval()


@torch.no_grad()
def add_bounds(network: SentimentNetwork) -> SentimentNetwork:
    """A network that says the same, wider by the bounds."""
    wide = _like(network, BOUNDS)
    for (name, parameter), known in zip(wide.named_parameters(), network.parameters(), strict=True):
        blocks = _blocks(name, parameter.zero_(), wide.lstm.hidden_size)
        corner = _blocks(name, known, network.lstm.hidden_size)
        blocks[tuple(map(slice, corner.shape))] = corner
        if name.startswith("lstm.bias_ih"):
            blocks[:, -BOUNDS:] = OPEN
            blocks[CELL, -1] = -OPEN
    pretrained = network.vectors.float() * network.scales
    most = max(pretrained.abs().max().item(), network.learned.weight.abs().max().item())
    wide.learned.weight[:, -BOUNDS:] = torch.tensor([most, -most])
    return wide


@torch.no_grad()
def remove_bounds(wide: SentimentNetwork) -> SentimentNetwork:
    """The network that was widened."""
    network = _like(wide, -BOUNDS)
    for (name, parameter), known in zip(network.named_parameters(), wide.parameters(), strict=True):
        corner = _blocks(name, parameter, network.lstm.hidden_size)
        blocks = _blocks(name, known, wide.lstm.hidden_size)
        corner.copy_(blocks[tuple(map(slice, corner.shape))])
    return network
