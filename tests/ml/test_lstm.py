from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ml import lstm

LENGTH, BATCH, INPUTS, HIDDEN = 5, 3, 6, 4


@pytest.fixture(params=[(1, False), (2, False), (1, True)], ids=["one", "stacked", "both ways"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    layers, both = request.param
    torch.manual_seed(0)
    network = nn.Module()
    network.lstm = nn.LSTM(INPUTS, HIDDEN, num_layers=layers, bidirectional=both)
    network.forward = lambda x: network.lstm(x)[0]
    return network.eval()


def _shipped(network: nn.Module, path: Path) -> dict[str, Tensor]:
    full = path.with_name("full.onnx")
    torch.onnx.export(network, (torch.zeros(LENGTH, BATCH, INPUTS),), full, dynamo=False)
    lstm.quantize(full, path)
    graph = onnx.load(path).graph
    arrays = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    return lstm.parameters(graph, arrays)


def test_rounded_weights_are_read_back_each_within_half_a_step_of_seven_bits(
    network: nn.Module, tmp_path: Path
) -> None:
    read = _shipped(network, tmp_path / "network.onnx")
    assert read.keys() == network.state_dict().keys()
    for name, exact in network.state_dict().items():
        rows = exact if "weight" in name else exact.unsqueeze(1)
        half_a_step = rows.abs().amax(1, keepdim=True) / 63 / 2
        difference = (rows - read[name].view_as(rows)).abs()
        assert (difference <= half_a_step * 1.02).all(), name


def test_weights_that_were_read_back_ship_as_they_are(network: nn.Module, tmp_path: Path) -> None:
    read = _shipped(network, tmp_path / "first.onnx")
    network.load_state_dict(read)
    again = _shipped(network, tmp_path / "second.onnx")
    for name, value in read.items():
        np.testing.assert_allclose(again[name], value, atol=1e-7)
