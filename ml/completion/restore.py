"""Reads a shipped network back, so that it can learn on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from ml.artifact import load_card
from ml.completion.network import CompletionNetwork, Hyperparameters, Stage


def hyperparameters(card: dict[str, Any]) -> Hyperparameters:
    """Those that a card names."""
    named = card["hyperparameters"]
    return Hyperparameters(
        **{**named, "prose": Stage(**named["prose"]), "alice": Stage(**named["alice"])}
    )


def _gates(weights: Tensor) -> Tensor:
    """Rows of the gates in torch's order (i, f, g, o) out of ONNX's (i, o, f, g)."""
    i, o, f, g = weights.chunk(4)
    return torch.cat([i, f, g, o])


def restore(directory: Path) -> CompletionNetwork:
    """The network of an artifact as a torch module, its weights as exact as 8 bits are.

    Raises:
        WeightsError: the artifact is missing or damaged.
    """
    card = load_card(directory)
    network = CompletionNetwork(len(card["alphabet"]) + 1, hyperparameters(card))
    graph = onnx.load(directory / "network.onnx").graph
    arrays = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    head = next(node for node in graph.node if node.op_type == "MatMul")
    parameters = {
        "embedding.weight": arrays["embedding.weight"],
        "head.weight": arrays[head.input[1]].T,
        "head.bias": arrays["head.bias"],
    }
    layers = [node for node in graph.node if node.op_type == "DynamicQuantizeLSTM"]
    for number, node in enumerate(layers):
        for name, at in (("ih", 1), ("hh", 2)):
            whole = arrays[node.input[at]][0].float() * arrays[node.input[6 + 2 * at]][0]
            parameters[f"lstm.weight_{name}_l{number}"] = _gates(whole.T)
        of_input, of_state = arrays[node.input[3]][0].chunk(2)
        parameters[f"lstm.bias_ih_l{number}"] = _gates(of_input)
        parameters[f"lstm.bias_hh_l{number}"] = _gates(of_state)
    network.load_state_dict(parameters)
    return network.eval()
