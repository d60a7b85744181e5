"""Training: plain loops that can be interrupted, the same on every run with the same seed."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml.forecast.features import HORIZON, WINDOW, Features, describe
from ml.forecast.network import Ensemble, Forecaster, Hyper, TextbookRNN
from ml.forecast.serve import INPUT_NAMES

Array = NDArray[np.floating]


def seed_everything(seed: int, device: str) -> None:
    """Same seed, same weights (on the CPU; some of CUDA's sums have no fixed order)."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(device == "cpu")


def negative_log_likelihood(forecast: Tensor, target: Tensor) -> Tensor:
    """What each forecast costs: minus the log-likelihood of a negative binomial distribution.

    Args:
        forecast: float32 [..., 2]: mean, in pieces, and dispersion.
        target: float32 [...], pieces.

    Returns:
        float32 [...], but for terms that hang on the target alone.
    """
    # In double precision: differences of the logarithms of gamma functions cancel.
    mean, dispersion = forecast.double().clamp(min=1e-3).unbind(-1)
    target = target.double()
    size = mean / (dispersion - 1)
    gained = torch.lgamma(target + size) - torch.lgamma(size) - size * dispersion.log()
    return -(gained + target * torch.log1p(-1 / dispersion)).float()


def tensors(features: Features, device: str) -> list[Tensor]:
    """The four arrays of features, in their order."""
    parts = (features.inputs, features.memories, features.cycle, features.dispersion)
    return [torch.from_numpy(part).to(device) for part in parts]


class Batches:
    """What each step of training is shown; it hangs on the seed and the step alone.

    So going on from a checkpoint needs no state of a random generator.
    """

    def __init__(self, counts: Array, hyper: Hyper, seed: int, device: str) -> None:
        self.counts = np.asarray(counts, dtype=np.float64)
        self.hyper, self.seed, self.device = hyper, seed, device
        weeks = self.counts.shape[1]
        self.future = _future(self.counts).to(device)
        week_of_target = np.arange(weeks)[:, None] + 1 + np.arange(HORIZON)
        recency = 0.5 ** ((weeks - 1 - week_of_target) / hyper.half_life)
        self.recency = torch.from_numpy(recency).float().to(device)
        latest = weeks - hyper.min_history - 1
        self.starts = [start for start in hyper.late_starts if start <= latest] or [0]
        self.whole = {
            start: tensors(describe(self.counts[:, start:]), device) for start in set(self.starts)
        }

    def __getitem__(self, step: int) -> tuple[list[Tensor], Tensor, Tensor]:
        """The features, targets [rows, weeks, HORIZON] (NaN where unknown) and their weights."""
        random = np.random.default_rng([self.seed, step])
        rows = random.permutation(len(self.counts))[: self.hyper.batch]
        start = self.starts[int(random.integers(len(self.starts)))]
        kind = random.random() - self.hyper.restless
        if kind < 0:
            counts = wander(self.counts[rows[: int(random.integers(1, 65))], start:], random)
            features = tensors(describe(counts), self.device)
            target = _future(counts).to(self.device)
            return features, target, self.recency[start:] * ~target.isnan()
        if kind < self.hyper.small_tables:
            # The market is a small company's: a few products only.
            rows = rows[: int(random.integers(1, 65))]
            features = tensors(describe(self.counts[rows, start:]), self.device)
        else:
            features = [part[rows] for part in self.whole[start]]
        target = self.future[rows, start:]
        return features, target, self.recency[start:] * ~target.isnan()


def _future(counts: Array) -> Tensor:
    """What is sold in the weeks after each, float32 [products, weeks, HORIZON]; NaN if unknown."""
    products, weeks = counts.shape
    future = np.full((products, weeks, HORIZON), np.nan, dtype=np.float32)
    for ahead in range(min(HORIZON, weeks - 1)):
        future[:, : weeks - 1 - ahead, ahead] = counts[:, 1 + ahead :]
    return torch.from_numpy(future)


def wander(counts: Array, random: np.random.Generator) -> Array:
    """A table like ``counts`` [products, weeks] whose products rise and fall for good.

    Each has its own trend and random walk of the logarithm of its level. The sample holds next to
    no such products; other companies' tables do, and without these the network would expect every
    product to come back to its long mean.
    """
    steps = random.normal(0, random.uniform(0.02, 0.25), counts.shape)
    steps += random.normal(0, random.uniform(0, 0.06), (len(counts), 1))
    path = np.cumsum(steps, axis=1)
    level = np.nanmean(counts, axis=1, keepdims=True, where=~np.isnan(counts))
    mean = np.nan_to_num(level) * np.exp(np.clip(path - path.mean(axis=1, keepdims=True), -3, 3))
    return np.where(np.isnan(counts), np.nan, random.poisson(mean))


def fit(
    counts: Array,
    hyper: Hyper,
    seed: int = 0,
    checkpoint: Path | None = None,
    device: str = "cpu",
    stop_after: int | None = None,
    label: str = "",
) -> tuple[Forecaster, list[float]]:
    """Train one member on everything in ``counts``, and nothing else.

    Args:
        counts: float [products, weeks], pieces; weeks after the origin must not be in it.
        hyper: the settings.
        seed: of the weights and the batches.
        checkpoint: where to keep the state every 50 steps, and to go on from.
        device: ``cpu`` or ``cuda``.
        stop_after: stop, as an interruption would, when so many steps are done.
        label: shown on the progress bar.

    Returns:
        The network and the loss of every step.
    """
    seed_everything(seed, device)
    batches = Batches(counts, hyper, seed, device)
    model = Forecaster(hyper.hidden, hyper.reach).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=hyper.rate, weight_decay=hyper.decay)
    signature = _signature(counts, hyper, seed)
    history = _resume(checkpoint, signature, model, optimizer, device)
    bar = tqdm(range(len(history), hyper.steps), label, hyper.steps, initial=len(history))
    for step in bar:
        if step == stop_after:
            break
        (inputs, *rest), target, weight = batches[step]
        for group in optimizer.param_groups:
            group["lr"] = hyper.rate * 0.5 * (1 + math.cos(math.pi * step / hyper.steps))
        begin = slice(hyper.min_history - 1, None)
        forecast = model(inputs, *(part[:, begin] for part in rest))
        cost = negative_log_likelihood(forecast, target[:, begin].nan_to_num())
        loss = (cost * weight[:, begin]).sum() / weight[:, begin].sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history.append(loss.item())
        if checkpoint and ((step + 1) % 50 == 0 or step + 1 == hyper.steps):
            _keep(checkpoint, signature, model, optimizer, history)
    return model, history


def _resume(
    checkpoint: Path | None,
    signature: str,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    device: str,
) -> list[float]:
    """Go on from a checkpoint of the same training; returns the losses so far."""
    if checkpoint is None or not checkpoint.exists():
        return []
    saved = torch.load(checkpoint, map_location=device, weights_only=True)
    if saved["signature"] != signature:
        return []
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    history: list[float] = saved["losses"]
    return history


def _keep(
    path: Path,
    signature: str,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    history: list[float],
) -> None:
    """Write a checkpoint whole or not at all."""
    state = {
        "signature": signature,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": history,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def fit_ensemble(
    counts: Array,
    hyper: Hyper,
    seed: int = 0,
    folder: Path | None = None,
    device: str = "cpu",
    label: str = "",
) -> tuple[Ensemble, list[list[float]]]:
    """Train ``hyper.members`` networks, alike but for their seed; see :func:`fit`."""
    members, curves = [], []
    for number in range(hyper.members):
        checkpoint = folder and folder / f"{label}-{number}.pt"
        name = f"{label}, {number + 1} of {hyper.members}"
        model, curve = fit(counts, hyper, seed * 1000 + number, checkpoint, device, label=name)
        members.append(model)
        curves.append(curve)
    return Ensemble(members).cpu().eval(), curves


@torch.no_grad()
def predict(model: Ensemble, counts: Array, table: Array | None = None) -> NDArray[np.float32]:
    """Mean and dispersion after the last week of ``counts``; float32 [products, HORIZON, 2]."""
    table = counts if table is None else table
    features = describe(counts[:, -WINDOW:], table[:, -WINDOW:])
    out: NDArray[np.float32] = model(*(torch.from_numpy(part) for part in features.last())).numpy()
    return out


def export(model: Ensemble, path: Path) -> None:
    """Write the ensemble as one ONNX graph; products and weeks are dynamic."""
    counts = np.arange(60.0).reshape(3, 20) % 7
    example = tuple(torch.from_numpy(part) for part in describe(counts).last())
    axes = {name: {0: "products"} for name in (*INPUT_NAMES, "forecast")}
    axes["inputs"][1] = "weeks"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tables of other sizes, which the tests try
        torch.onnx.export(
            model,
            example,
            path,
            input_names=list(INPUT_NAMES),
            output_names=["forecast"],
            dynamic_axes=axes,
            dynamo=False,  # the newer exporter writes the number of weeks as a constant
        )


@dataclass(frozen=True)
class Textbook:
    """The textbook's exercise: its settings."""

    hidden: int = 10
    layers: int = 1
    rate: float = 0.001
    epochs: int = 10_000


def fit_textbook(
    counts: Array,
    hyper: Textbook,
    seed: int = 0,
    checkpoint: Path | None = None,
    device: str = "cpu",
    stop_after: int | None = None,
) -> tuple[TextbookRNN, list[float]]:
    """Predict each product's last week from all weeks before it, by mean squared error.

    ``counts`` is float [products, weeks], pieces. Every product is trained on, so the loss says
    nothing of forecasts. From about epoch 2,000 on, the order in which sums are rounded (threads,
    precision, processor) decides which minimum is reached, so the last figure differs by a tenth
    from one machine to the next. Returns the network and the mean squared error of every epoch.
    """
    seed_everything(seed, device)
    values = torch.from_numpy(np.asarray(counts, dtype=np.float32)).to(device)
    inputs, targets = values[:, None, :-1], values[:, -1:]
    model = TextbookRNN(inputs.shape[-1], hyper.hidden, hyper.layers).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=hyper.rate)
    mean_squared_error = torch.nn.MSELoss()
    signature = _signature(counts, hyper, seed)
    history = _resume(checkpoint, signature, model, optimizer, device)
    done = len(history)
    bar = tqdm(range(done, hyper.epochs), "textbook", hyper.epochs, initial=done)
    for epoch in bar:
        if epoch == stop_after:
            break
        predicted, _ = model(inputs)
        loss = mean_squared_error(predicted, targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        history.append(loss.item())
        if checkpoint and ((epoch + 1) % 500 == 0 or epoch + 1 == hyper.epochs):
            _keep(checkpoint, signature, model, optimizer, history)
    return model, history


def _signature(counts: Array, hyper: Hyper | Textbook, seed: int) -> str:
    """A checkpoint is only gone on from with the same data, settings and seed."""
    told = json.dumps([asdict(hyper), seed, list(counts.shape)], sort_keys=True).encode()
    return hashlib.sha256(told + np.ascontiguousarray(counts, np.float64).tobytes()).hexdigest()
