"""Trains and exports the completion network."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ml.artifact import sha256, write_card
from ml.completion.network import CompletionNetwork, Hyperparameters, TextbookNetwork, zeros
from ml.completion.serve import CompletionModel

PROSE = ("prose/pickwick_papers.txt", "prose/dorian_gray.txt")


def load(folder: Path) -> tuple[str, str, str, str]:
    """Prose, and Alice's training, validation (5%) and test part (the last 5%).

    Raises:
        OSError: a file is not there.
    """
    alice = (folder / "alice.txt").read_text(encoding="latin-1")
    prose = "\n".join((folder / name).read_text(encoding="utf-8") for name in PROSE)
    first, second = int(len(alice) * 0.9), int(len(alice) * 0.95)
    return prose, alice[:first], alice[first:second], alice[second:]


def _rows(ids: Tensor, batch: int) -> Tensor:
    length = len(ids) // batch
    return ids[: length * batch].reshape(batch, length)


def fit(
    network: CompletionNetwork, ids: Tensor, h: Hyperparameters, minutes: float, rate: float
) -> None:
    """Go through a text again and again for some minutes, the learning rate falling to zero."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    rows = _rows(ids, h.batch)
    began, done = time.monotonic(), 0.0
    loss_of = nn.CrossEntropyLoss()
    network.train()
    with tqdm(total=100, unit="%") as bar:
        while done < 1:
            state = zeros(h, h.batch)
            offset = int(torch.randint(h.length, ()))
            for start in range(offset, rows.shape[1] - h.length - 1, h.length):
                done = (time.monotonic() - began) / 60 / minutes
                if done >= 1:
                    break
                optimizer.param_groups[0]["lr"] = rate * (
                    0.02 + 0.98 * math.cos(done * math.pi / 2)
                )
                x, y = rows[:, start : start + h.length], rows[:, start + 1 : start + h.length + 1]
                logits, *state = network(x, *(s.detach() for s in state))
                loss = loss_of(logits.flatten(0, 1), y.flatten())
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                bar.update(round(done * 100) - bar.n)
                bar.set_postfix(bits=f"{loss.item() / math.log(2):.2f}")
    network.eval()


def export(network: CompletionNetwork, path: Path, h: Hyperparameters) -> None:
    """ONNX: ids [batch, length] int64, h and c [layers, batch, hidden] -> logits and states."""
    names = ["logits", "h_out", "c_out"]
    axes = {"ids": {0: "batch", 1: "length"}, "logits": {0: "batch", 1: "length"}}
    axes |= {name: {1: "batch"} for name in ("h", "c", "h_out", "c_out")}
    arguments = (torch.zeros(2, 3, dtype=torch.int64), *zeros(h, 2))
    torch.onnx.export(
        network,
        arguments,
        path,
        input_names=["ids", "h", "c"],
        output_names=names,
        dynamic_axes=axes,
        dynamo=False,
    )


def default_recipe(folder: Path, out: Path, seed: int, minutes: float) -> dict[str, Any]:
    """Prose first, then Alice's training part; measured on the test part. Gives the card."""
    h = Hyperparameters()
    prose, alice, validation, test = load(folder)
    alphabet = sorted(set(prose + alice))
    numbers = {character: number for number, character in enumerate(alphabet, 1)}
    torch.manual_seed(seed)
    network = CompletionNetwork(len(alphabet) + 1, h)
    for text, share, rate in ((prose, 0.75, 1.0), (alice, 0.25, 0.3)):
        ids = torch.tensor([numbers[c] for c in text])
        fit(network, ids, h, minutes * share, h.learning_rate * rate)
    out.mkdir(parents=True, exist_ok=True)
    export(network, out / "network.onnx", h)
    counts = Counter(re.findall(r"[A-Za-z]+(?:'[a-z]+)?", prose + alice))
    words = sorted(word for word, count in counts.items() if count > 1)
    (out / "words.txt").write_text("\n".join(words), encoding="utf-8")
    card: dict[str, Any] = {
        "network": "completion",
        "about": "Probabilities of the next character of English prose.",
        "command": f"python scripts/train_completion.py --minutes {minutes:g} --seed {seed}",
        "hyperparameters": asdict(h),
        "data": {name: sha256(folder / name) for name in ("alice.txt", *PROSE)},
        "licences": "public domain",
        "alphabet": "".join(alphabet),
    }
    write_card(out, card)
    model = CompletionModel.load(out)
    card["figures"] = {
        "bits per character, validation": model.bits_per_character(validation),
        "bits per character, test": model.bits_per_character(test),
    }
    write_card(out, card)
    return card


def textbook_recipe(folder: Path, out: Path, seed: int, epochs: int = 20) -> list[float]:
    """The textbook's recipe on all of Alice; its loss is on the data it was trained on."""
    text = (folder / "alice.txt").read_text(encoding="latin-1")
    alphabet = sorted(set(text))
    ids = torch.tensor([alphabet.index(c) for c in text])
    torch.manual_seed(seed)
    network = TextbookNetwork(len(alphabet))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    rows = _rows(ids, 100)
    losses: list[float] = []
    for epoch in range(epochs):
        state = None
        total, steps = 0.0, range(0, rows.shape[1] - 50, 50)
        for start in tqdm(steps, f"epoch {epoch + 1}/{epochs}"):
            x, y = rows[:, start : start + 50], rows[:, start + 1 : start + 51]
            logits, (h, c) = network(x, state)
            state = (h.detach(), c.detach())
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item()
        losses.append(total / len(steps))
        print(f"epoch {epoch + 1}: loss {losses[-1]:.3f} (on the data it was trained on)")
    print(_sample(network, "So she was considering in her own mind ", alphabet))
    from matplotlib.figure import Figure

    out.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    axes.plot(range(1, epochs + 1), losses)
    axes.set(xlabel="epoch", ylabel="loss", title="training loss")
    figure.savefig(out / "loss.png")
    return losses


@torch.no_grad()
def _sample(network: TextbookNetwork, prompt: str, alphabet: list[str]) -> str:
    text, state = prompt, None
    ids = [alphabet.index(c) for c in prompt]
    while len(text) < len(prompt) + 100 and not text.endswith("."):
        logits, state = network(torch.tensor([ids]), state)
        top = logits[0, -1].topk(10)
        ids = [int(top.indices[torch.multinomial(top.values.softmax(0), 1)])]
        text += alphabet[ids[0]]
    return text
