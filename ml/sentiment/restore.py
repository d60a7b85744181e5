"""Reads a shipped network back, so that it can learn on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from ml import lstm
from ml.artifact import WeightsError, load_card
from ml.sentiment.bounds import BOUNDS, remove_bounds
from ml.sentiment.network import Hyperparameters, SentimentNetwork
from ml.sentiment.serve import VOCABULARY
from ml.sentiment.words import Vocabulary


def restore(directory: Path) -> tuple[SentimentNetwork, Vocabulary, Hyperparameters]:
    """The network of an artifact as a torch module, with its vocabulary.

    Raises:
        WeightsError: the artifact is missing or damaged, or of a network of another build.
    """
    card = load_card(directory)
    try:
        h = Hyperparameters(**card["hyperparameters"])
    except TypeError as error:
        raise WeightsError(
            f"{directory} was made by another version ({error}). Remove it to start anew."
        ) from error
    words = (directory / VOCABULARY).read_text(encoding="utf-8").split("\n")[:-1]
    vocabulary = Vocabulary(words, card["vocabulary"]["learned"])
    graph = onnx.load(directory / "network.onnx").graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    tensors |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
    arrays = {name: torch.tensor(numpy_helper.to_array(t)) for name, t in tensors.items()}
    looked_up = [node.input[0] for node in graph.node if node.op_type == "Gather"]
    vectors, scales = (arrays[name] for name in looked_up[:2])
    wide = replace(h, hidden=h.hidden + BOUNDS, learned=h.learned + BOUNDS)
    network = SentimentNetwork(vectors, scales.squeeze(1), vocabulary.learned + 2, wide)
    parameters = lstm.parameters(graph, arrays)
    parameters |= {name: arrays[name] for name in ("learned.weight", "query", "head.bias")}
    parameters["head.weight"] = arrays["head.weight_Transposed"].T
    network.load_state_dict(parameters)
    return remove_bounds(network), vocabulary, h
