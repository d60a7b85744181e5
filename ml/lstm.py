"""LSTMs as they ship: rounded weights, which ONNX Runtime multiplies as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from onnx import GraphProto, ModelProto
from torch import Tensor


def quantize(model: ModelProto | Path, path: Path) -> None:
    """Write a graph whose LSTMs have weights of 7 bits, with a scale for each row.

    They take a quarter of the room and a third of the time. The eighth bit would overflow on
    processors that add products in 16 bits, so that they would say something else than others.
    """
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(
        model, path, op_types_to_quantize=["LSTM"], per_channel=True, reduce_range=True
    )


def _gates(weights: Tensor) -> Tensor:
    """Rows of the gates in torch's order (i, f, g, o) out of ONNX's (i, o, f, g)."""
    i, o, f, g = weights.chunk(4)
    return torch.cat([i, f, g, o])


def parameters(graph: GraphProto, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights and biases, float32, of a graph's rounded LSTMs, each a layer, by torch's names.

    ``arrays`` are what the graph's names stand for.
    """
    known: dict[str, Tensor] = {}
    weights = {"weight_ih": (1, 8), "weight_hh": (2, 10)}  # places of the integers and the scales
    for layer, node in enumerate(n for n in graph.node if n.op_type == "DynamicQuantizeLSTM"):
        biases = arrays[node.input[3]]
        for direction, suffix in enumerate(("", "_reverse")[: len(biases)]):
            exact = dict(zip(("bias_ih", "bias_hh"), biases[direction].chunk(2), strict=True))
            for name, places in weights.items():
                integers, scales = (arrays[node.input[place]][direction] for place in places)
                exact[name] = (integers * scales).T
            known |= {
                f"lstm.{name}_l{layer}{suffix}": _gates(value) for name, value in exact.items()
            }
    return known
