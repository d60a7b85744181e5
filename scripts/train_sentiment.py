"""Train the sentiment network: python scripts/train_sentiment.py --help."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from ml.artifact import WEIGHTS
from ml.sentiment import train


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(description="Train the sentiment network")
    parser.add_argument("--recipe", choices=["default", "textbook"], default="default")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.use_deterministic_algorithms(args.device == "cpu")
    run = Path("runs") / f"sentiment-{args.recipe}"
    run.mkdir(parents=True, exist_ok=True)
    try:
        if args.recipe == "textbook":
            train.textbook_recipe(args.data, args.out or run, args.seed)
        else:
            out = args.out or WEIGHTS / "sentiment"
            card = train.default_recipe(args.data, out, args.seed, args.device, run / "last.pt")
            print(json.dumps(card["figures"], indent=1))
    except FileNotFoundError as error:
        print(f"{error.filename} is missing: run scripts/download_data.py first", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
