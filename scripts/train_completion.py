"""Train the completion network: python scripts/train_completion.py --help."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from ml.artifact import WEIGHTS, WeightsError, sha256, write_card
from ml.completion import train
from ml.completion.data import Corpus, load, read_alice
from ml.completion.evaluate import known_words, ppmd_bits, typing_figures, xz_bits
from ml.completion.network import CompletionNetwork, Hyperparameters
from ml.completion.ngram import WittenBell
from ml.completion.replies import Reply, learn
from ml.completion.serve import TEAM, UNKNOWN_BITS, CompletionModel
from storage import tickets
from storage.database import look_up

PROMPT = "So she was considering in her own mind "


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(description="Train the completion network")
    parser.add_argument("--recipe", choices=["default", "textbook"], default="default")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--replies", metavar="DATABASE_URL", help="learn on from the desk's resolved replies"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.use_deterministic_algorithms(args.device == "cpu")
    run = Path("runs") / f"completion-{args.recipe}"
    try:
        if args.replies:
            team(args.replies, args.out or Path("data") / TEAM, args.seed)
        elif args.recipe == "textbook":
            textbook(args.data, run, args.seed, args.device)
        else:
            default(args.data, args.out or WEIGHTS / "completion", run, args.seed, args.device)
    except FileNotFoundError as error:
        print(f"{error.filename} is missing: run scripts/download_data.py first", file=sys.stderr)
        sys.exit(2)
    except (ValueError, WeightsError) as error:  # too few replies, no desk, broken weights
        print(error, file=sys.stderr)
        sys.exit(2)


def team(url: str, out: Path, seed: int) -> None:
    """The team's own voice; the bot takes it up when it starts the next time."""
    replies = [Reply(text, name) for text, name in look_up(url, tickets.replies)]
    outcome = learn(WEIGHTS / "completion", out, replies, seed)
    print(
        f"bits per character of {outcome.held_out} replies never seen: "
        f"{outcome.before:.3f} before, {outcome.after:.3f} after"
    )
    print(f"installed in {out}" if outcome.installed else "not better, so nothing was installed")


def default(folder: Path, out: Path, run: Path, seed: int, device: str) -> None:
    """Prose first, then Alice's training part; measured on what neither has seen."""
    h = Hyperparameters()
    corpus = load(folder)
    alphabet = corpus.alphabet
    torch.manual_seed(seed)
    network = CompletionNetwork(len(alphabet) + 1, h).to(device)
    validation = train.encode(corpus.validation, alphabet)

    def validate() -> float:
        return train.bits_per_character(network, validation, h)

    curves = {}
    for name, text, stage in (
        ("prose", corpus.learned, h.prose),
        ("Alice", corpus.train, h.alice),
    ):
        ids = train.encode(text, alphabet)
        checkpoint = run / f"{name}.pt"
        curves[name] = train.fit(
            network, ids, h, stage, seed, checkpoint, device, label=name, validate=validate
        )
    out.mkdir(parents=True, exist_ok=True)
    train.export(network, out / "network.onnx", h)
    (out / "words.txt").write_text("\n".join(train.words_of(corpus.learned)), encoding="utf-8")
    card: dict[str, Any] = {
        "network": "completion",
        "about": "Probabilities of the next character of English prose.",
        "command": f"python scripts/train_completion.py --seed {seed}",
        "hyperparameters": asdict(h),
        "data": {name: sha256(folder / name) for name in corpus.files},
        "licences": "public domain",
        "alphabet": alphabet,
    }
    write_card(out, card)
    card["figures"] = figures(CompletionModel.load(out), corpus)
    write_card(out, card)
    print(json.dumps(card["figures"], indent=1))
    plot(run / "loss.png", curves, "bits per character")


def figures(model: CompletionModel, corpus: Corpus) -> dict[str, Any]:
    """On texts that training never saw, next to compressors, an n-gram, and the textbook."""
    print("measuring…", file=sys.stderr)
    before = corpus.train + corpus.validation
    ngram = WittenBell(corpus.learned, corpus.alphabet)
    textbook, alphabet, _ = train.fit_textbook(before)
    return {
        "bits per character": {
            "Alice, validation": model.bits_per_character(corpus.validation),
            "Alice, test": model.bits_per_character(corpus.test),
            "unseen prose": model.bits_per_character(corpus.unseen_prose),
        },
        "baselines on Alice, test": {
            "PPMd of order 6, after the rest of Alice": ppmd_bits(before, corpus.test),
            "PPMd of order 6, after all prose and Alice": ppmd_bits(
                corpus.prose + before, corpus.test
            ),
            "xz": xz_bits(corpus.test),
            "Witten-Bell 6-gram of all prose and Alice": ngram.bits_per_character(
                corpus.test, UNKNOWN_BITS
            ),
            "the textbook's recipe, after the rest of Alice": train.textbook_bits(
                textbook, alphabet, corpus.test
            ),
        },
        "typing Alice, test": {
            "network": typing_figures(model, corpus.test),
            "Witten-Bell 6-gram": typing_figures(ngram, corpus.test),
        },
        "known words in suggestions": known_words(
            model, corpus.test, set(train.words_of(corpus.learned))
        ),
    }


def textbook(folder: Path, run: Path, seed: int, device: str) -> None:
    """The textbook's recipe on the whole of Alice; its loss is on the text that it learns."""
    network, alphabet, losses = train.fit_textbook(
        read_alice(folder), seed, device=device, checkpoint=run / "last.pt"
    )
    print(train.sample_textbook(network, alphabet, PROMPT))
    plot(run / "loss.png", {"Alice": losses}, "loss")


def plot(path: Path, curves: dict[str, list[float]], unit: str) -> None:
    """Draw the losses of a run, one panel for each text."""
    figure = Figure(figsize=(6 * len(curves), 4), layout="constrained")
    for axes, (name, losses) in zip(
        figure.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True
    ):
        axes.plot(losses)
        axes.set(title=f"{name}: training loss", ylabel=unit)
    figure.savefig(path)


if __name__ == "__main__":
    main()
