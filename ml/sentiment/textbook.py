"""The textbook's recipe: an LSTM fitted to all 1,000 Amazon reviews, one review at a time."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from ml.chance import Chance
from ml.sentiment import data
from ml.sentiment.network import TextbookNetwork

State = dict[str, Any]


def clean(text: str) -> list[str]:
    """Lower-cased, punctuation removed, split at white space."""
    return text.lower().translate(str.maketrans("", "", string.punctuation)).split()


def recipe(
    folder: Path, out: Path, seed: int, device: str, checkpoint: Path, epochs: int = 10
) -> list[State]:
    """Train, go on from ``checkpoint`` if it is there, and save both plots into ``out``.

    Returns:
        Loss and accuracy of each epoch, on the data that is trained on.

    Raises:
        OSError: the reviews are not there.
    """
    examples = data.reviews(folder / data.UCI[0])
    words = [clean(example.text) for example in examples]
    numbers = {w: n for n, w in enumerate(dict.fromkeys(w for ws in words for w in ws))}
    print(f"{len(numbers)} words")
    torch.manual_seed(seed)
    network = TextbookNetwork(len(numbers)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    history: list[State] = []
    if checkpoint.exists():
        kept: State = torch.load(checkpoint, weights_only=True, map_location=device)
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        history = kept["history"]
    loss_of = nn.BCELoss()
    for epoch in range(len(history), epochs):
        total, right = 0.0, 0
        pairs = list(zip(words, examples, strict=True))
        Chance(seed * 1000 + epoch).shuffle(pairs)
        for sentence, example in tqdm(pairs, f"epoch {epoch + 1}/{epochs}"):
            target = torch.tensor([1 - example.unhappy], device=device)
            ids = torch.tensor([[numbers[w] for w in sentence]], device=device)
            probability = network(ids)
            loss = loss_of(probability, target)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total += loss.item()
            right += int((probability.item() >= 0.5) == bool(target.item()))
        row = {"epoch": epoch + 1, "loss": total / len(pairs), "accuracy": right / len(pairs)}
        history.append(row)
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "history": history}, checkpoint)
        print(f"epoch {epoch + 1}: loss {row['loss']:.4f}, training accuracy {row['accuracy']:.3f}")
    _plot(history, out)
    return history


def _plot(history: list[State], out: Path) -> None:
    from matplotlib.figure import Figure

    out.mkdir(parents=True, exist_ok=True)
    for name in ("loss", "accuracy"):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot([row["epoch"] for row in history], [row[name] for row in history])
        axes.set(xlabel="epoch", ylabel=name, title=f"training {name}")
        figure.savefig(out / f"{name}.png")
