"""Reads a shipped network back, so that it can learn on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper

from ml import lstm
from ml.artifact import load_card
from ml.completion.network import CompletionNetwork, Hyperparameters, Stage


def hyperparameters(card: dict[str, Any]) -> Hyperparameters:
    """Those that a card names."""
    named = card["hyperparameters"]
    return Hyperparameters(
        **{**named, "prose": Stage(**named["prose"]), "alice": Stage(**named["alice"])}
    )


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
    parameters = lstm.parameters(graph, arrays)
    parameters["embedding.weight"] = arrays["embedding.weight"]
    parameters["head.weight"] = arrays[head.input[1]].T
    parameters["head.bias"] = arrays["head.bias"]
    network.load_state_dict(parameters)
    return network.eval()
