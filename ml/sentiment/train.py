"""Trains, calibrates and exports the sentiment network."""

from __future__ import annotations

import random
import string
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from ml.artifact import sha256, write_card
from ml.sentiment import data
from ml.sentiment.evaluate import figures
from ml.sentiment.network import Hyperparameters, SentimentNetwork, TextbookNetwork
from ml.sentiment.serve import SentimentModel
from ml.sentiment.words import tokenize

State = dict[str, Any]


def vocabulary(examples: list[data.Example], min_count: int) -> list[str]:
    """Words seen at least ``min_count`` times, the most frequent first."""
    counts = Counter(word for example in examples for word in tokenize(example.text))
    return [word for word, count in counts.most_common() if count >= min_count]


def _batches(
    encoded: list[list[int]], size: int, rng: random.Random
) -> list[tuple[list[int], int]]:
    """Numbers of texts of one length, and that length."""
    by_length: dict[int, list[int]] = {}
    for number, ids in enumerate(encoded):
        if ids:
            by_length.setdefault(len(ids), []).append(number)
    batches = []
    for length, numbers in sorted(by_length.items()):
        rng.shuffle(numbers)
        batches += [(numbers[i : i + size], length) for i in range(0, len(numbers), size)]
    rng.shuffle(batches)
    return batches


def train(
    examples: list[data.Example],
    words: list[str],
    h: Hyperparameters,
    seed: int,
    device: str,
    checkpoint: Path | None = None,
) -> SentimentNetwork:
    """Fit the network; goes on from ``checkpoint`` if it is there, and keeps it up to date."""
    numbers = {word: number for number, word in enumerate(words, 2)}
    encoded = [[numbers.get(w, 1) for w in tokenize(e.text)] for e in examples]
    targets = torch.tensor([e.unhappy for e in examples])
    torch.manual_seed(seed)
    network = SentimentNetwork(len(words) + 2, h).to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=h.learning_rate, weight_decay=h.weight_decay
    )
    first = 0
    if checkpoint is not None and checkpoint.exists():
        kept: State = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["epoch"]
    loss_of = nn.BCEWithLogitsLoss()
    for epoch in range(first, h.epochs):
        # Seeded anew each epoch, so that a run that goes on equals one that never stopped.
        torch.manual_seed(seed * 1000 + epoch)
        network.train()
        total, batches = 0.0, _batches(encoded, h.batch, random.Random(seed * 1000 + epoch))  # noqa: S311
        for batch, _ in tqdm(batches, f"epoch {epoch + 1}/{h.epochs}"):
            ids = torch.tensor([encoded[i] for i in batch], device=device)
            ids = ids.masked_fill(torch.rand(ids.shape, device=device) < h.word_dropout, 1)
            loss = loss_of(network(ids), targets[batch].to(device))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(batches):.4f}", flush=True)
        if checkpoint is not None:
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**state, "epoch": epoch + 1}, checkpoint)
    return network.eval().cpu()


def export(network: SentimentNetwork, path: Path) -> None:
    """Write the network as ONNX: ``ids`` [batch, length] int64 -> ``logits`` [batch] float32."""
    torch.onnx.export(
        network,
        (torch.ones(2, 5, dtype=torch.int64),),
        path,
        input_names=["ids"],
        output_names=["logits"],
        dynamic_axes={"ids": {0: "batch", 1: "length"}, "logits": {0: "batch"}},
        dynamo=False,
    )


def _truth(examples: list[data.Example]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([e.unhappy for e in examples])


def fit_temperature(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """The temperature that makes probabilities fit best (Guo et al., 2017)."""
    candidates = torch.linspace(0.5, 5, 91)
    losses = [nn.functional.binary_cross_entropy_with_logits(logits / t, truth) for t in candidates]
    return float(candidates[int(torch.stack(losses).argmin())])


def default_recipe(folder: Path, out: Path, seed: int, device: str, checkpoint: Path) -> State:
    """Train on everything but validation and test, calibrate, export, measure; gives the card."""
    h = Hyperparameters()
    split = data.load(folder)
    words = vocabulary(split.train, h.min_count)
    network = train(split.train, words, h, seed, device, checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    export(network, out / "network.onnx")
    card: State = {
        "network": "sentiment",
        "about": "Probability that a message is a complaint or otherwise unhappy.",
        "command": f"python scripts/train_sentiment.py --recipe default --seed {seed}",
        "hyperparameters": asdict(h),
        "data": {
            path.name: sha256(path) for path in [*(folder / name for name in data.UCI), data.DESK]
        },
        "licences": "UCI Sentiment Labelled Sentences: CC BY 4.0; VADER ratings: MIT",
        "temperature": 1.0,
        "neutral": 0.5,
        "bands": {"urgent": 0.85, "high": 0.6, "normal": 0.3, "low": 0.0},
        "vocabulary": words,
    }
    write_card(out, card)
    raw = SentimentModel.load(out)
    validation = np.array([s.complaint for s in raw.score([e.text for e in split.validation])])
    logits = torch.logit(torch.tensor(validation), 1e-6)
    card["temperature"] = fit_temperature(logits, torch.tensor(_truth(split.validation)))
    write_card(out, card)
    model = SentimentModel.load(out)
    card["figures"] = {
        name: {
            "n": len(examples),
            **figures(
                _truth(examples),
                np.array([s.complaint for s in model.score([e.text for e in examples])]),
            ),
        }
        for name, examples in (("amazon test", split.test), ("desk test", split.desk_test))
    }
    write_card(out, card)
    return card


def textbook_words(texts: list[str]) -> list[list[str]]:
    """Lower-cased, punctuation removed, split at white space."""
    return [t.lower().translate(str.maketrans("", "", string.punctuation)).split() for t in texts]


def textbook_recipe(folder: Path, out: Path, seed: int, epochs: int = 10) -> list[State]:
    """The textbook's recipe on all 1,000 Amazon reviews; figures are on its training data."""
    examples = data.reviews(folder / data.UCI[0])
    words = textbook_words([e.text for e in examples])
    numbers = {w: n for n, w in enumerate(dict.fromkeys(w for ws in words for w in ws))}
    torch.manual_seed(seed)
    network = TextbookNetwork(len(numbers))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    loss_of = nn.BCELoss()
    history: list[State] = []
    for epoch in range(epochs):
        total, right = 0.0, 0
        pairs = list(zip(words, examples, strict=True))
        random.Random(seed * 1000 + epoch).shuffle(pairs)  # noqa: S311
        for sentence, example in tqdm(pairs, f"epoch {epoch + 1}/{epochs}"):
            target = torch.tensor([1 - example.unhappy])
            probability = network(torch.tensor([[numbers[w] for w in sentence]]))
            loss = loss_of(probability, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            right += int((probability.item() >= 0.5) == bool(target.item()))
        history.append(
            {"epoch": epoch + 1, "loss": total / len(pairs), "accuracy": right / len(pairs)}
        )
        row = history[-1]
        print(f"epoch {epoch + 1}: loss {row['loss']:.4f}, training accuracy {row['accuracy']:.3f}")
    print(f"{len(numbers)} words; accuracy on the data it was trained on")
    _plot(history, out)
    return history


def _plot(history: list[State], out: Path) -> None:
    from matplotlib.figure import Figure

    out.mkdir(parents=True, exist_ok=True)
    for name in ("loss", "accuracy"):
        figure = Figure(figsize=(6, 4))
        axes = figure.subplots()
        axes.plot([row["epoch"] for row in history], [row[name] for row in history])
        axes.set(xlabel="epoch", ylabel=name, title=f"training {name}")
        figure.savefig(out / f"{name}.png")
