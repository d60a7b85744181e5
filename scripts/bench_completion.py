"""How fast sentences are finished, next to the textbook's loop; on one core.

    python scripts/bench_completion.py

The textbook's loop makes each character one-hot with numpy and calls torch once for it. Both go
on for 60 characters after a prompt of 40.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ml.chance import Chance
from ml.completion.network import TextbookNetwork, zeros
from ml.completion.serve import TEMPERATURES, CompletionModel

PROMPT = "So she was considering in her own mind, "
WRITTEN = 60
RUNS = 30
ALPHABET = 70


def milliseconds(work: Callable[[int], object], times: int) -> float:
    """Median of some runs, after one to warm up."""
    work(0)
    spent = []
    for number in range(times):
        began = time.perf_counter()
        work(number)
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


@torch.no_grad()
def textbook(network: TextbookNetwork) -> None:
    """One character at a time, one-hot by numpy, one call of torch each."""
    rng = np.random.default_rng(0)
    state = zeros(2, 1, 256)
    ids = [number % ALPHABET for number in range(len(PROMPT))]
    for at in range(len(PROMPT) + WRITTEN):
        one_hot = np.zeros((1, 1, ALPHABET), np.float32)
        one_hot[0, 0, ids[at]] = 1
        out, state = network.lstm(torch.from_numpy(one_hot), state)
        p = network.head(out[0, -1]).softmax(0).numpy()
        if at >= len(PROMPT) - 1:
            likeliest = np.argsort(p)[-10:]
            ids.append(int(rng.choice(likeliest, p=p[likeliest] / p[likeliest].sum())))


def drawn(model: CompletionModel) -> list[Any]:
    """All continuations that the suggestions of every run are chosen from."""
    clean, paths = model._clean(PROMPT), []
    for number in range(RUNS):
        rng = Chance(number)
        paths += model._draw(clean, 9, rng, TEMPERATURES[0])
    return paths


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    model = CompletionModel.load()
    network = TextbookNetwork(ALPHABET).eval()

    def three_after(prompt: str, runs: int) -> float:
        return milliseconds(lambda n: model.suggest(prompt, variant=n), runs)

    three = three_after(PROMPT, RUNS)
    written = sum(len(path.text) for path in drawn(model)) / RUNS
    plain = milliseconds(lambda _: textbook(network), 10)
    per_character = three / written, plain / WRITTEN
    print(f"three suggestions after {len(PROMPT)} characters: {three:.0f} ms (median)")
    print(f"  chosen from {written:.0f} characters written, {per_character[0]:.3f} ms each")
    print(f"the textbook's loop: {plain:.0f} ms for {WRITTEN}, {per_character[1]:.3f} ms each")
    print(f"ratio per character written: {per_character[1] / per_character[0]:.1f}")
    for length in (100, 500, 4_000):
        spent = three_after((PROMPT * 110)[:length], 10)
        print(f"three suggestions after {length:5} characters: {spent:.0f} ms")


if __name__ == "__main__":
    main()
