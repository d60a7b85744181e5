"""Train the forecast network: python scripts/train_forecast.py --help."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ml.artifact import WEIGHTS, sha256, write_card
from ml.forecast import baselines, train
from ml.forecast.data import UCI_FILE, UCI_NAME, read_table
from ml.forecast.network import Hyper

ORIGINS = {44: 4, 48: 4, 51: 1}  # week -> weeks ahead


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(description="Train the forecast network")
    parser.add_argument("--recipe", choices=["default", "textbook"], default="default")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=WEIGHTS / "forecast")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    path = args.data / UCI_FILE
    if not path.is_file():
        print(f"{path} is missing: run scripts/download_data.py first", file=sys.stderr)
        sys.exit(2)
    run = Path("runs") / f"forecast-{args.recipe}"
    run.mkdir(parents=True, exist_ok=True)
    if args.recipe == "textbook":
        textbook(path, run, args.seed)
    else:
        default(path, args.out, run, args.seed, args.device)


def default(path: Path, out: Path, run: Path, seed: int, device: str) -> None:
    """Measure at each origin with a network that saw nothing after it, then train on all weeks."""
    table = read_table(path)
    hyper = Hyper()
    figures: dict[str, Any] = {}
    for origin, ahead in ORIGINS.items():
        past, truth = table.counts[:, :origin], table.counts[:, origin : origin + ahead]
        model, _ = train.fit_ensemble(past, hyper, seed, run, device, label=f"origin {origin}")
        forecast = train.predict(model, past)[:, :ahead]
        inside = (truth >= forecast[..., 1]) & (truth <= forecast[..., 3])
        row: dict[str, Any] = {
            "network": _errors(truth, forecast[..., 0]),
            "coverage": float(inside.mean()),
        }
        rivals = (baselines.naive, baselines.mean_26, baselines.mean_all, baselines.smoothing)
        for rival in rivals:
            level = rival(past.astype(np.float64))[0]
            row[rival.__name__] = _errors(truth, level.reshape(len(past), -1)[:, :1])
        figures[f"week {origin}, {ahead} ahead"] = row
    model, _ = train.fit_ensemble(table.counts, hyper, seed, run, device, label="all weeks")
    out.mkdir(parents=True, exist_ok=True)
    train.export(model, out / "network.onnx")
    np.savez_compressed(
        out / "sample.npz", counts=table.counts.astype(np.int16), products=table.products
    )
    card = {
        "network": "forecast",
        "about": "Weekly units of a product, 1 to 13 weeks ahead, with an 80% interval.",
        "command": f"python scripts/train_forecast.py --seed {seed}",
        "hyperparameters": asdict(hyper),
        "data": {path.name: sha256(path)},
        "sample": UCI_NAME,
        "figures": figures,
    }
    write_card(out, card)
    print(json.dumps(figures, indent=1))


def _errors(truth: Any, forecast: Any) -> dict[str, float]:
    error = truth - forecast
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}


def textbook(path: Path, run: Path, seed: int) -> None:
    """The textbook's recipe; its error is on the data it was trained on."""
    import torch
    from matplotlib.figure import Figure
    from torch import nn
    from tqdm import tqdm

    from ml.forecast.network import TextbookRNN

    table = torch.from_numpy(read_table(path).counts)
    x, y = table[:, None, :51], table[:, 51:]
    torch.manual_seed(seed)
    network = TextbookRNN()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    losses = []
    for epoch in tqdm(range(1, 10_001), "epochs"):
        loss = nn.functional.mse_loss(network(x)[0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if epoch in (1_000, 10_000):
            print(f"epoch {epoch}: MSE {losses[-1]:.1f} (on the data it was trained on)")
    with torch.no_grad():
        predicted = network(x)[0].squeeze(1)
    figure = Figure(figsize=(10, 8), layout="constrained")
    top, left, right = figure.subplot_mosaic("AA;BC").values()
    for row in np.random.default_rng(0).choice(len(table), 5, replace=False):
        top.plot(table[row])
    top.set(title="Five random products", xlabel="week", ylabel="units")
    left.plot(losses)
    left.set(title="Training loss (MSE)", xlabel="epoch", yscale="log")
    right.scatter(y[:20, 0], predicted[:20])
    right.set(title="First 20, on training data", xlabel="true", ylabel="predicted")
    figure.savefig(run / "textbook.png")


if __name__ == "__main__":
    main()
