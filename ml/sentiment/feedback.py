"""Learns what agents corrected, and keeps it only if it is better."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.artifact import write_card
from ml.sentiment import data
from ml.sentiment.data import Example
from ml.sentiment.evaluate import figures, log_loss
from ml.sentiment.recipe import TEACHER_SHARE, scores_of, ship, truth_of, weights_of
from ml.sentiment.restore import restore
from ml.sentiment.serve import SentimentModel
from ml.sentiment.train import logits_of, sample, tune

State = dict[str, Any]
CORRECTION = 3.0  # weight of an agent's correction
EPOCHS = 4
REHEARSED = 6_000  # texts of the base that are learned again
WORSE = 0.01  # nats by which the loss on the base may grow by chance


def _is_held_out(example: Example) -> bool:
    """Of each five different texts about one, whatever else is in the set."""
    return hashlib.sha256(data.key(example.text).encode()).digest()[0] % 5 == 0


def fine_tune(
    directory: Path,
    corrections: Sequence[Example],
    base: Sequence[Example],
    held_out: Sequence[Example],
    seed: int = 0,
    out: Path | None = None,
) -> State:
    """Teach an artifact the desk's corrections; it is replaced only by a better one.

    With ``out``, the better one is put there and the artifact stays as it is.

    A fifth of the corrections is kept for comparing. The new network must have a smaller loss on
    these, and on ``held_out`` base texts no larger one than chance explains.

    Returns:
        ``replaced``, and ``old`` and ``new`` losses (nats) and figures on both sets.

    Raises:
        ValueError: there are too few corrections to keep some for comparing.
        WeightsError: the artifact is missing or damaged.
    """
    asked = [e for e in corrections if _is_held_out(e)]
    learned = [e for e in corrections if not _is_held_out(e)]
    if not asked or not learned:
        raise ValueError(f"{len(corrections)} corrections are too few to learn from and to compare")
    network, vocabulary, known = restore(directory)
    h = replace(known, tuning_epochs=EPOCHS)
    old = SentimentModel.load(directory)
    chosen, weights = sample(base, weights_of(base), REHEARSED, seed)
    # Its own opinion keeps it from forgetting (Li and Hoiem, 2016).
    opinions = 1 / (1 + np.exp(-logits_of(network, vocabulary, [e.text for e in chosen])))
    rehearsed = [
        Example(e.text, TEACHER_SHARE * float(p) + (1 - TEACHER_SHARE) * e.unhappy, source=e.source)
        for e, p in zip(chosen, opinions, strict=True)
    ]
    corrected = (learned, [CORRECTION] * len(learned))
    tuned = tune(network, vocabulary, corrected, (rehearsed, weights), h, seed=seed)
    card = {name: value for name, value in old.card.items() if name not in ("files", "figures")}
    out = out or directory
    fresh = out.with_name(f"{out.name}.new")
    ship(tuned, vocabulary, card, fresh)
    new = SentimentModel.load(fresh)
    result: State = {"corrections": len(corrections)}
    sets = {"corrections": asked, "base": held_out}
    for name, model in (("old", old), ("new", new)):
        result[name] = {
            part: {
                "log_loss": log_loss(truth_of(examples), scores_of(model, examples)),
                **figures(truth_of(examples), scores_of(model, examples)),
            }
            for part, examples in sets.items()
        }
    was, now = result["old"], result["new"]
    result["replaced"] = (
        now["corrections"]["log_loss"] < was["corrections"]["log_loss"]
        and now["base"]["log_loss"] <= was["base"]["log_loss"] + WORSE
    )
    if result["replaced"]:
        write_card(fresh, {**card, "fine-tuned": json.loads(json.dumps(result))})
        former = out.with_name(f"{out.name}.old")
        shutil.rmtree(former, ignore_errors=True)
        if out.is_dir():
            out.rename(former)
        fresh.rename(out)
        shutil.rmtree(former, ignore_errors=True)
    else:
        shutil.rmtree(fresh)
    return result
