"""Train the completion network: python scripts/train_completion.py --help."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ml.artifact import WEIGHTS
from ml.completion import train


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(description="Train the completion network")
    parser.add_argument("--recipe", choices=["default", "textbook"], default="default")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30)
    args = parser.parse_args()
    try:
        if args.recipe == "textbook":
            train.textbook_recipe(
                args.data, args.out or Path("runs/completion-textbook"), args.seed
            )
        else:
            out = args.out or WEIGHTS / "completion"
            card = train.default_recipe(args.data, out, args.seed, args.minutes)
            print(json.dumps(card["figures"], indent=1))
    except FileNotFoundError as error:
        print(f"{error.filename} is missing: run scripts/download_data.py first", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
