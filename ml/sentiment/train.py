"""Trains, tunes, calibrates and exports the sentiment network."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ml.chance import Chance
from ml.lstm import quantize
from ml.sentiment.bounds import add_bounds
from ml.sentiment.data import Example
from ml.sentiment.network import Hyperparameters, SentimentNetwork
from ml.sentiment.words import Vocabulary

State = dict[str, Any]
LONGEST = 160  # words of a text that are learned from
WARM_UP = 0.1  # share of the steps
NUMBERS_APART = 1024  # bytes from which on an array is kept beside the graph
HAPPY_WEIGHT = 0.5  # of the second output's loss


def _batches(encoded: list[list[int]], size: int, rng: Chance) -> list[list[int]]:
    """Numbers of texts, those of one batch of one length; texts without words are left out."""
    by_length: dict[int, list[int]] = {}
    for number, ids in enumerate(encoded):
        if ids:
            by_length.setdefault(len(ids), []).append(number)
    batches = []
    for _, numbers in sorted(by_length.items()):
        rng.shuffle(numbers)
        batches += [numbers[i : i + size] for i in range(0, len(numbers), size)]
    rng.shuffle(batches)
    return batches


def fit(
    network: SentimentNetwork,
    vocabulary: Vocabulary,
    examples: Sequence[Example],
    weights: Sequence[float],
    h: Hyperparameters,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    checkpoint: Path | None = None,
) -> None:
    """Fit a network in place, on the device it is on.

    AdamW, the rate rising over the first steps and falling along a cosine; cross-entropy of both
    outputs, each example ``weights`` strong. Goes on from ``checkpoint`` if it is there, as if
    it had never stopped, and keeps it up to date.
    """
    device = next(network.parameters()).device
    encoded = [vocabulary.encode(e.text)[:LONGEST] for e in examples]
    targets = torch.tensor([[e.unhappy, e.happy] for e in examples], device=device)
    strength = torch.tensor(weights, dtype=torch.float32, device=device).unsqueeze(1)
    strength = strength * torch.tensor([1.0, HAPPY_WEIGHT], device=device) * ~targets.isnan()
    targets = targets.nan_to_num()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning_rate, weight_decay=h.weight_decay
    )
    first = 0
    if checkpoint is not None and checkpoint.exists():
        kept: State = torch.load(checkpoint, weights_only=True, map_location=device)
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["epoch"]
    for epoch in range(first, epochs):
        # Seeded anew each epoch, so that a run that goes on equals one that never stopped.
        torch.manual_seed(seed * 1000 + epoch)
        rng = Chance(seed * 1000 + epoch)
        batches = _batches(encoded, h.batch, rng)
        network.train()
        total = 0.0
        for step, batch in enumerate(tqdm(batches, f"epoch {epoch + 1}/{epochs}", leave=False)):
            done = (epoch + step / len(batches)) / epochs
            rate = done / WARM_UP if done < WARM_UP else 0.5 + 0.5 * np.cos(np.pi * done)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * max(float(rate), 0.01)
            logits = network(torch.tensor([encoded[i] for i in batch], device=device))
            losses = nn.functional.binary_cross_entropy_with_logits(
                logits, targets[batch], reduction="none"
            )
            loss = (losses * strength[batch]).sum() / strength[batch, 0].sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)
        if checkpoint is not None:
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "epoch": epoch + 1}, checkpoint)
    network.eval()


@torch.no_grad()
def logits_of(
    network: SentimentNetwork, vocabulary: Vocabulary, texts: Sequence[str]
) -> NDArray[np.float64]:
    """Logits [texts] of P(unhappy), float64; 0 of a text without words."""
    encoded = [vocabulary.encode(text) for text in texts]
    logits = np.zeros(len(texts))
    network.eval()
    for batch in _batches(encoded, 128, Chance(0)):
        made: Tensor = network(torch.tensor([encoded[i] for i in batch]))
        logits[batch] = made[:, 0].numpy()
    return logits


def sample(
    examples: Sequence[Example], weights: Sequence[float], count: int, seed: int
) -> tuple[list[Example], list[float]]:
    """``count`` examples at random, without replacement, with their weights."""
    rng = Chance(seed)
    chosen = rng.sample(range(len(examples)), min(count, len(examples)))
    return [examples[i] for i in chosen], [weights[i] for i in chosen]


def tune(
    network: SentimentNetwork,
    vocabulary: Vocabulary,
    new: tuple[Sequence[Example], Sequence[float]],
    base: tuple[Sequence[Example], Sequence[float]],
    h: Hyperparameters,
    *,
    seed: int,
    checkpoint: Path | None = None,
) -> SentimentNetwork:
    """A copy fitted further to ``new`` and a sample of ``base``, so that it forgets nothing.

    Both are examples with their weights.
    """
    network = copy.deepcopy(network)
    fit(
        network,
        vocabulary,
        [*new[0], *base[0]],
        [*new[1], *base[1]],
        h,
        epochs=h.tuning_epochs,
        learning_rate=h.tuning_rate,
        seed=seed,
        checkpoint=checkpoint,
    )
    return network


def export(network: SentimentNetwork, path: Path) -> None:
    """Write the network as ONNX: ``ids`` [batch, length] int64 -> ``logits`` [batch, 2] float32.

    All texts of a batch have one length. The LSTM is rounded (``ml.lstm``), within ``bounds``. The
    numbers lie beside the graph, in a file that the runtime maps into memory: of the words'
    vectors only those that are read take room.
    """
    import onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of batches of other sizes, which the tests try
        torch.onnx.export(
            add_bounds(network),
            (torch.ones(2, 5, dtype=torch.int64),),
            path,
            input_names=["ids"],
            output_names=["logits"],
            dynamic_axes={"ids": {0: "batch", 1: "length"}, "logits": {0: "batch"}},
            dynamo=False,  # the newer exporter writes the LSTM's length as a constant
        )
    model = onnx.load(path)
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        tensor = node.attribute[0].t
        if tensor.ByteSize() > NUMBERS_APART:
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
            model.graph.node.remove(node)
    quantize(model, path)
    model = onnx.load(path)
    numbers = path.with_suffix(".bin")
    numbers.unlink(missing_ok=True)  # onnx would append to it
    onnx.save_model(
        model,
        path,
        save_as_external_data=True,
        location=numbers.name,
        size_threshold=NUMBERS_APART,
    )
    numbers.chmod(0o644)


def fit_calibration(
    logits: NDArray[np.float64], truth: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """The temperature and the bias that make the probabilities of (logit + bias) / temperature fit.

    Of ``logits``, ``truth`` (0 or 1) and ``weights`` [texts]. Platt (1999); without the bias it is
    the temperature of Guo et al. (2017).
    """
    from sklearn.linear_model import LogisticRegression

    known = LogisticRegression(tol=1e-8).fit(
        logits.reshape(-1, 1), truth, sample_weight=weights / weights.mean()
    )
    slope, intercept = float(known.coef_[0, 0]), float(known.intercept_[0])
    return 1 / slope, intercept / slope
