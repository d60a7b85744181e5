"""How good probabilities of complaint are."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ml.sentiment.serve import SentimentModel

Floats = NDArray[np.float64]


def roc_auc(truth: Floats, scores: Floats) -> float:
    """Area under the ROC curve: the share of pairs in the right order (ties count half)."""
    positive, negative = scores[truth > 0.5], scores[truth <= 0.5]
    if not len(positive) or not len(negative):
        return float("nan")
    negative = np.sort(negative)
    below = np.searchsorted(negative, positive, "left")
    upto = np.searchsorted(negative, positive, "right")
    return float((below + upto).sum() / 2 / len(positive) / len(negative))


def average_precision(truth: Floats, scores: Floats) -> float:
    """Area under the precision-recall steps, ties taken together."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order] > 0.5)
    last = np.append(np.diff(scores[order]) != 0, True)
    precision = (hits / np.arange(1, len(hits) + 1))[last]
    recall = (hits / max(hits[-1], 1))[last]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def ece(truth: Floats, scores: Floats, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins (Guo et al., 2017)."""
    bin_of = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = [
        abs(scores[bin_of == b].mean() - (truth[bin_of == b] > 0.5).mean()) * (bin_of == b).mean()
        for b in np.unique(bin_of)
    ]
    return float(sum(gaps))


def figures(truth: Floats, scores: Floats) -> dict[str, float]:
    """Accuracy at 0.5, ROC-AUC, average precision and ECE."""
    return {
        "accuracy": float(((scores >= 0.5) == (truth > 0.5)).mean()),
        "roc_auc": roc_auc(truth, scores),
        "average_precision": average_precision(truth, scores),
        "ece": ece(truth, scores),
    }


def read_labelled(path: Path) -> tuple[list[str], Floats]:
    """A CSV or TSV with the columns ``text`` and ``label`` (1 = unhappy).

    Raises:
        ValueError: a column or a label is not there.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        rows = list(csv.DictReader(file, delimiter=delimiter))
    if not rows or "text" not in rows[0] or "label" not in rows[0]:
        raise ValueError(f"{path}: a table with the columns text and label is needed")
    for number, row in enumerate(rows, 2):
        if row["label"] not in ("0", "1"):
            raise ValueError(f"{path}, row {number}: label must be 0 or 1, not {row['label']!r}")
    return [row["text"] or "" for row in rows], np.array([float(row["label"]) for row in rows])


def evaluate_file(model: SentimentModel, path: Path) -> dict[str, Any]:
    """Figures of a model and of always naming the more frequent class, on a labelled file.

    Raises:
        ValueError: the file is not of that form.
    """
    texts, truth = read_labelled(path)
    scores = np.array([score.complaint for score in model.score(texts)])
    majority = np.full(len(truth), float(truth.mean()))
    return {
        "n": len(truth),
        **figures(truth, scores),
        "baselines": {"majority": figures(truth, majority)},
    }
