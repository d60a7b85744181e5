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
from ml.sentiment.feedback import fine_tune
from ml.sentiment.serve import OWN
from storage import tickets
from storage.database import look_up


def feedback(url: str, folder: Path, out: Path, seed: int) -> None:
    """Weights that know the desk's corrections, if they are better; /reload takes them up.

    Raises:
        ValueError: there is no desk, or it has too few corrections.
        OSError: a file of the base data is not there.
    """
    given = [Example(text, float(label)) for text, label in look_up(url, tickets.corrections)]
    split = data.load(folder)
    source = out if out.is_dir() else WEIGHTS / "sentiment"
    result = fine_tune(source, given, split.train, split.validation, seed, out)
    print(json.dumps(result, indent=1))
    verdict = f"installed in {out}" if result["replaced"] else "not better: nothing was installed"
    print(verdict, file=sys.stderr)


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
        "--feedback", metavar="DATABASE_URL", help="learn on from what agents corrected"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)  # of networks this small; a second one makes them wait for each other
    torch.use_deterministic_algorithms(args.device == "cpu")
    run = args.run or Path("runs") / f"sentiment-{args.recipe}-{args.seed}"
    run.mkdir(parents=True, exist_ok=True)
    out = args.out or WEIGHTS / "sentiment"
    try:
        if args.feedback:
            feedback(args.feedback, args.data, args.out or Path("data") / OWN, args.seed)
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
