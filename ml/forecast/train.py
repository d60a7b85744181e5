"""Training: plain loops that can be interrupted, the same on every run with the same seed."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml.forecast.features import WINDOW, describe
from ml.forecast.network import Ensemble, Forecaster, Hyper, TextbookRNN

QUANTILES = (0.1, 0.5, 0.9)
Array = NDArray[np.floating]


def seed_everything(seed: int) -> None:
    """Same seed, same weights (on the CPU)."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def losses(forecast: Tensor, target: Tensor, spread: Tensor) -> Tensor:
    """What each forecast costs: Poisson deviance of the mean, pinball loss of the quantiles.

    Args:
        forecast: float32 [..., horizon, 4], pieces; mean, low, median, high.
        target: float32 [..., horizon], pieces.
        spread: float32 [...], pieces, by which pinball losses of large and small products compare.

    Returns:
        float32 [..., horizon], without unit.
    """
    mean, quantiles = forecast[..., 0], forecast[..., 1:]
    deviance = mean - target * torch.log(mean + 0.05)
    error = target.unsqueeze(-1) - quantiles
    level = torch.tensor(QUANTILES, device=error.device)
    pinball = torch.maximum(level * error, (level - 1) * error).sum(-1)
    return deviance + 2 * pinball / spread.unsqueeze(-1)


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
    seed_everything(seed)
    counts = np.asarray(counts, dtype=np.float64)
    weeks = counts.shape[1]
    future = np.full((*counts.shape, hyper.horizon), np.nan, dtype=np.float32)
    for ahead in range(hyper.horizon):
        future[:, : weeks - 1 - ahead, ahead] = counts[:, 1 + ahead :]
    week_of_target = np.arange(weeks)[:, None] + 1 + np.arange(hyper.horizon)
    recency = 0.5 ** ((weeks - 1 - week_of_target) / hyper.half_life)

    model = Forecaster(hyper.horizon, hyper.hidden).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=hyper.rate, weight_decay=hyper.decay)
    history: list[float] = []
    signature = _signature(counts, hyper, seed)
    if checkpoint and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if saved["signature"] == signature:
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            history = saved["losses"]

    for step in tqdm(
        range(len(history), hyper.steps), label, hyper.steps, initial=len(history), leave=False
    ):
        if step == stop_after:
            break
        # Batches hang on the step alone, so going on needs no state of a random generator.
        random = np.random.default_rng([seed, step])
        rows = random.permutation(len(counts))[: hyper.batch]
        late = min(hyper.late_starts, weeks - hyper.min_history - 1)
        start = int(random.integers(0, late + 1)) if random.random() < 0.5 and late > 0 else 0
        first = start + hyper.min_history - 1
        features = describe(counts[rows, start:], counts[:, start:])
        inputs, memories, spread = (torch.from_numpy(part).to(device) for part in features)
        target = torch.from_numpy(future[rows, first:]).to(device)
        weight = torch.from_numpy(recency[first:]).float().to(device) * ~target.isnan()

        for group in optimizer.param_groups:
            group["lr"] = hyper.rate * 0.5 * (1 + math.cos(math.pi * step / hyper.steps))
        forecast = model(inputs, memories, spread)[:, hyper.min_history - 1 :]
        spread = spread[:, hyper.min_history - 1 :]
        cost = losses(forecast, target.nan_to_num(), spread)
        loss = (cost * weight).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history.append(loss.item())
        if checkpoint and ((step + 1) % 50 == 0 or step + 1 == hyper.steps):
            state = {
                "signature": signature,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "losses": history,
            }
            save(state, checkpoint)
    return model, history


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
    """Forecast after the last week of ``counts``; float32 [products, horizon, 4], pieces."""
    table = counts if table is None else table
    features = describe(counts[:, -WINDOW:], table[:, -WINDOW:])
    out: NDArray[np.float32] = model(*(torch.from_numpy(part) for part in features)).numpy()
    return out


def export(model: Ensemble, path: Path) -> None:
    """Write the ensemble as one ONNX graph; products and weeks are dynamic."""
    features = describe(np.arange(60.0).reshape(3, 20) % 7)
    example = tuple(torch.from_numpy(part) for part in features)
    products, weeks = torch.export.Dim("products"), torch.export.Dim("weeks")
    torch.onnx.export(
        model,
        example,
        path,
        input_names=["inputs", "memories", "spread"],
        output_names=["forecast"],
        dynamic_shapes=tuple({0: products, 1: weeks} for _ in example),
        dynamo=True,
        external_data=False,
        verbose=False,
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
    nothing of forecasts. Returns the network and the mean squared error of every epoch, pieces².
    """
    seed_everything(seed)
    values = torch.from_numpy(np.asarray(counts, dtype=np.float32)).to(device)
    inputs, targets = values[:, None, :-1], values[:, -1:]
    model = TextbookRNN(inputs.shape[-1], hyper.hidden, hyper.layers).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=hyper.rate)
    mean_squared_error = torch.nn.MSELoss()
    history: list[float] = []
    signature = _signature(np.asarray(counts), replace(hyper), seed)
    if checkpoint and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if saved["signature"] == signature:
            model.load_state_dict(saved["model"])
            optimizer.load_state_dict(saved["optimizer"])
            history = saved["losses"]
    for epoch in tqdm(
        range(len(history), hyper.epochs), "textbook", hyper.epochs, initial=len(history)
    ):
        if epoch == stop_after:
            break
        predicted, _ = model(inputs)
        loss = mean_squared_error(predicted, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
        if checkpoint and ((epoch + 1) % 500 == 0 or epoch + 1 == hyper.epochs):
            state = {
                "signature": signature,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "losses": history,
            }
            save(state, checkpoint)
    return model, history


def _signature(counts: Array, hyper: Hyper | Textbook, seed: int) -> str:
    """A checkpoint is only gone on from with the same data, settings and seed."""
    told = json.dumps([asdict(hyper), seed, list(counts.shape)], sort_keys=True).encode()
    return hashlib.sha256(told + np.ascontiguousarray(counts, np.float32).tobytes()).hexdigest()


def save(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)
