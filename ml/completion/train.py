"""Trains and exports the completion network."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ml.completion.network import (
    CompletionNetwork,
    Hyperparameters,
    Stage,
    State,
    TextbookNetwork,
    zeros,
)
from ml.lstm import quantize
from ml.precision import bfloat16

WARM_UP = 100  # steps
WORDS = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


def encode(text: str, alphabet: str) -> Tensor:
    """Character numbers, int64 [length]: 0 for one outside the alphabet, else its place from 1."""
    numbers = {character: number for number, character in enumerate(alphabet, 1)}
    return torch.tensor([numbers.get(character, 0) for character in text])


def rows_of(ids: Tensor, batch: int) -> Tensor:
    """A text cut into ``batch`` equally long rows, int64 [batch, length]; the rest is left out."""
    length = len(ids) // batch
    return ids[: length * batch].reshape(batch, length)


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Up in a line over the first steps, then down a cosine (Loshchilov and Hutter, 2017)."""
    rise = min(1.0, (step + 1) / min(WARM_UP, steps))
    return highest * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def fit(
    network: CompletionNetwork,
    ids: Tensor,
    h: Hyperparameters,
    stage: Stage,
    seed: int = 0,
    checkpoint: Path | None = None,
    device: str = "cpu",
    stop_after: int | None = None,
    label: str = "",
    validate: Callable[[], float] | None = None,
) -> list[float]:
    """Train on a text, the states carried along each row; give the loss of every step in bits.

    Args:
        network: what is trained, in place.
        ids: int64 [length], the text's character numbers.
        h: the settings of the network.
        stage: the settings of this pass.
        seed: of dropout and of where each epoch begins.
        checkpoint: where the state is kept, and gone on from if it is there for the same run.
        device: ``cpu`` or ``cuda``. Matrices are multiplied in bfloat16 where it is fast.
        stop_after: stop, as an interruption would, when so many steps are done.
        label: shown on the progress bar.
        validate: gives bits per character after an epoch. The best epoch's network is kept.
    """
    rows = rows_of(ids, stage.batch).to(device)
    per_epoch = (rows.shape[1] - 1) // h.length - 1
    steps = stage.epochs * per_epoch
    optimizer = torch.optim.AdamW(network.parameters(), lr=stage.learning_rate, weight_decay=1e-3)
    signature = _signature(ids, h, stage, seed)
    losses: list[float] = []
    state = zeros(h.layers, stage.batch, h.hidden, device)
    best: dict[str, Any] = {"bits": math.inf, "network": {}}
    if checkpoint and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if saved["signature"] == signature:
            network.load_state_dict(saved["network"])
            optimizer.load_state_dict(saved["optimizer"])
            losses, state, best = saved["losses"], saved["state"], saved["best"]
    with tqdm(total=steps, initial=len(losses), desc=label, unit="step") as bar:
        for step in range(len(losses), steps):
            if step == stop_after:
                return losses
            epoch, place = divmod(step, per_epoch)
            # Seeded anew each step, so that a run that goes on equals one that never stopped.
            torch.manual_seed(seed * 1_000_003 + step)
            offset = (seed * 31 + epoch * 37) % h.length
            start = offset + place * h.length
            if place == 0:
                state = zeros(h.layers, stage.batch, h.hidden, device)
            x, y = rows[:, start : start + h.length], rows[:, start + 1 : start + h.length + 1]
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, stage.learning_rate)
            network.train()
            with bfloat16(device):
                logits, *after = network(x, *state)
            state = (after[0].detach().float(), after[1].detach().float())
            loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), y.flatten())
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item() / math.log(2))
            bar.update()
            bar.set_postfix(bits=f"{losses[-1]:.3f}")
            if validate and place == per_epoch - 1:
                network.eval()
                bits = validate()
                bar.write(f"{label}, epoch {epoch + 1}: {bits:.4f} bits per character (validation)")
                if bits < best["bits"]:
                    weights = {k: v.clone() for k, v in network.state_dict().items()}
                    best = {"bits": bits, "network": weights}
            if checkpoint and (len(losses) % 200 == 0 or len(losses) == steps):
                kept = {
                    "signature": signature,
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "losses": losses,
                    "state": state,
                    "best": best,
                }
                _save(kept, checkpoint)
    if best["network"]:
        network.load_state_dict(best["network"])
    network.eval()
    return losses


def _signature(ids: Tensor, h: Hyperparameters, stage: Stage, seed: int) -> str:
    """A checkpoint is only gone on from with the same text, settings and seed."""
    told = json.dumps([asdict(h), asdict(stage), seed], sort_keys=True).encode()
    return hashlib.sha256(told + ids.numpy().tobytes()).hexdigest()


def _save(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


@torch.no_grad()
def bits_per_character(network: CompletionNetwork, ids: Tensor, h: Hyperparameters) -> float:
    """Of a text, read in one go from its second character on."""
    device = next(network.parameters()).device
    state = zeros(h.layers, 1, h.hidden, str(device))
    nats = 0.0
    for start in range(0, len(ids) - 1, 1000):
        end = min(start + 1000, len(ids) - 1)
        x, y = ids[None, start:end].to(device), ids[start + 1 : end + 1].to(device)
        logits, *after = network(x, *state)
        state = (after[0], after[1])
        nats += float(nn.functional.cross_entropy(logits[0], y, reduction="sum"))
    return nats / (len(ids) - 1) / math.log(2)


def export(network: CompletionNetwork, path: Path, h: Hyperparameters) -> None:
    """ONNX: ids [batch, length] int64, h and c [layers, batch, hidden] -> logits and states."""
    full = path.with_name("full.onnx")
    axes = {"ids": {0: "batch", 1: "length"}, "logits": {0: "batch", 1: "length"}}
    axes |= {name: {1: "batch"} for name in ("h", "c", "h_out", "c_out")}
    torch.onnx.export(
        network.cpu().eval(),
        (torch.zeros(2, 3, dtype=torch.int64), *zeros(h.layers, 2, h.hidden)),
        full,
        input_names=["ids", "h", "c"],
        output_names=["logits", "h_out", "c_out"],
        dynamic_axes=axes,
        dynamo=False,
    )
    quantize(full, path)
    full.unlink()


def words_of(text: str) -> list[str]:
    """The words that occur more than once, in lower case, sorted."""
    counts = Counter(WORDS.findall(text.lower()))
    return sorted(word for word, count in counts.items() if count > 1)


def fit_textbook(
    text: str,
    seed: int = 0,
    epochs: int = 20,
    device: str = "cpu",
    checkpoint: Path | None = None,
    stop_after: int | None = None,
) -> tuple[TextbookNetwork, str, list[float]]:
    """The textbook's recipe: 100 rows, steps of 50 characters, the states carried in an epoch.

    Gives the network, its alphabet, and each epoch's mean loss in nats, on the text it learns.
    """
    alphabet = "".join(sorted(set(text)))
    rows = rows_of(encode(text, alphabet) - 1, 100).to(device)
    torch.manual_seed(seed)
    network = TextbookNetwork(len(alphabet)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    losses: list[float] = []
    signature = hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
    if checkpoint and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if saved["signature"] == signature:
            network.load_state_dict(saved["network"])
            optimizer.load_state_dict(saved["optimizer"])
            losses = saved["losses"]
    for epoch in range(len(losses) + 1, epochs + 1):
        if epoch - 1 == stop_after:
            break
        state = zeros(2, 100, 256, device)
        steps = range(0, rows.shape[1] - 50, 50)
        total = 0.0
        for start in tqdm(steps, f"epoch {epoch} of {epochs}", leave=False):
            x, y = rows[:, start : start + 50], rows[:, start + 1 : start + 51]
            logits, *after = network(x, *state)
            state = (after[0].detach(), after[1].detach())
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total += loss.item()
        losses.append(total / len(steps))
        print(f"epoch {epoch}: loss {losses[-1]:.3f} (on the text it learns)", flush=True)
        if checkpoint:
            kept = {
                "signature": signature,
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "losses": losses,
            }
            _save(kept, checkpoint)
    return network, alphabet, losses


@torch.no_grad()
def textbook_bits(network: TextbookNetwork, alphabet: str, text: str) -> float:
    """Bits per character of a text; one outside the alphabet costs log2 of its size, and 16."""
    ids = encode(text, alphabet)
    known = torch.where(ids > 0, ids - 1, 0)
    logits, *_ = network(known[None, :-1], *zeros(2, 1, 256))
    bits = nn.functional.cross_entropy(logits[0], known[1:], reduction="none") / math.log(2)
    bits[ids[1:] == 0] = math.log2(len(alphabet)) + 16
    return float(bits.mean())


@torch.no_grad()
def sample_textbook(network: TextbookNetwork, alphabet: str, prompt: str) -> str:
    """Go on from a prompt, sampling among the ten likeliest, to a full stop or 100 characters."""
    device = str(next(network.parameters()).device)
    state: State = zeros(2, 1, 256, device)
    ids, text = encode(prompt, alphabet) - 1, ""
    while len(text) < 100 and not text.endswith("."):
        logits, *after = network(ids[None].to(device), *state)
        state = (after[0], after[1])
        top = logits[0, -1].topk(10)
        ids = top.indices[torch.multinomial(top.values.softmax(0), 1)]
        text += alphabet[int(ids)]
    return prompt + text
