"""Train the sentiment network: python scripts/train_sentiment.py --help."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from ml.artifact import WEIGHTS, WeightsError
from ml.sentiment import data, recipe, textbook
from ml.sentiment.data import Example
from ml.sentiment.evaluate import read_labelled


def corrections(path: Path) -> list[Example]:
    """What agents corrected: a TSV or CSV with the columns ``text`` and ``label``.

    Raises:
        ValueError: the table is not of that form.
    """
    texts, labels = read_labelled(path)
    return [Example(text, label) for text, label in zip(texts, labels.tolist(), strict=True)]


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(description="Train the sentiment network")
    parser.add_argument("--recipe", choices=["default", "textbook"], default="default")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, help="folder of the weights, or of the plots")
    parser.add_argument("--run", type=Path, help="folder that a run goes on from (default: runs/…)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-folds", action="store_true", help="leave out the cross-validation")
    parser.add_argument(
        "--feedback", type=Path, metavar="FILE", help="teach the weights these corrections"
    )
    args = parser.parse_args()
    torch.use_deterministic_algorithms(args.device == "cpu")
    run = args.run or Path("runs") / f"sentiment-{args.recipe}-{args.seed}"
    run.mkdir(parents=True, exist_ok=True)
    out = args.out or WEIGHTS / "sentiment"
    try:
        if args.feedback:
            split = data.load(args.data)
            given = corrections(args.feedback)
            result = recipe.fine_tune(out, given, split.train, split.validation, args.seed)
            print(json.dumps(result, indent=1))
            sys.exit(0 if result["replaced"] else 1)
        elif args.recipe == "textbook":
            textbook.recipe(args.data, args.out or run, args.seed, args.device, run / "last.pt")
        else:
            command = f"python scripts/train_sentiment.py --seed {args.seed}"
            card = recipe.default_recipe(
                args.data, out, run, command, args.seed, args.device, folds=not args.no_folds
            )
            print(json.dumps(card["figures"], indent=1))
    except FileNotFoundError as error:
        print(f"{error.filename} is missing: run scripts/download_data.py first", file=sys.stderr)
        sys.exit(2)
    except (ValueError, WeightsError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
