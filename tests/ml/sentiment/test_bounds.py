"""What bounds must not change, and the one thing that they do."""

import torch

from ml.sentiment.bounds import BOUNDS, add_bounds, remove_bounds
from ml.sentiment.network import SentimentNetwork

from .conftest import TINY


def test_a_widened_network_says_the_same(network: SentimentNetwork) -> None:
    ids = torch.randint(2, 30, (16, 9))
    torch.testing.assert_close(add_bounds(network)(ids), network(ids))


def test_no_state_of_a_network_is_larger_than_the_bounds(network: SentimentNetwork) -> None:
    wide = add_bounds(network)
    inputs = torch.randn(7, 5, wide.lstm.input_size) * 100
    states = wide.lstm(inputs)[0].unflatten(-1, (2, TINY.hidden + BOUNDS))
    assert torch.equal(states.amax(-1), states[..., -2])
    assert torch.equal(states.amin(-1), states[..., -1])


def test_no_input_is_larger_than_the_bounds(network: SentimentNetwork) -> None:
    wide = add_bounds(network)
    highest, lowest = wide.learned.weight[:, -2:].unique(dim=0).squeeze(0)
    assert highest == -lowest
    embedded = (wide.vectors * wide.scales, wide.learned.weight)
    assert max(part.abs().max() for part in embedded) == highest


def test_a_network_that_was_widened_is_found_again(network: SentimentNetwork) -> None:
    found = remove_bounds(add_bounds(network))
    for name, parameter in network.named_parameters():
        assert torch.equal(found.state_dict()[name], parameter), name
