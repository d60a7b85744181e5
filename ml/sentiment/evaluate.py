"""How good probabilities of complaint are."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.sentiment.words import ends

if TYPE_CHECKING:
    from ml.sentiment.serve import SentimentModel

Floats = NDArray[np.float64]
BINS = 10
RESAMPLES = 1_000


def accuracy(truth: Floats, scores: Floats) -> float:
    """Share of scores on the right side of 0.5."""
    return float(((scores >= 0.5) == (truth > 0.5)).mean())


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


def log_loss(truth: Floats, scores: Floats) -> float:
    """Mean cross-entropy in nats."""
    p = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(-np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p)))


def reliability(truth: Floats, scores: Floats) -> list[tuple[float, float, int]]:
    """Mean score, share of complaints and number of texts of each equal-width bin in use."""
    bin_of = np.minimum((scores * BINS).astype(int), BINS - 1)
    inside = [bin_of == b for b in np.unique(bin_of)]
    return [(float(scores[i].mean()), float((truth[i] > 0.5).mean()), int(i.sum())) for i in inside]


def ece(truth: Floats, scores: Floats) -> float:
    """Expected calibration error over equal-width bins (Guo et al., 2017)."""
    gaps = [abs(mean - share) * n for mean, share, n in reliability(truth, scores)]
    return float(sum(gaps) / len(truth))


MEASURES: dict[str, Callable[[Floats, Floats], float]] = {
    "accuracy": accuracy,
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "ece": ece,
}


def figures(truth: Floats, scores: Floats) -> dict[str, float]:
    """Accuracy at 0.5, ROC-AUC, average precision and ECE; NaN where a class is missing."""
    return {name: measure(truth, scores) for name, measure in MEASURES.items()}


def with_intervals(truth: Floats, scores: Floats, seed: int = 0) -> dict[str, Any]:
    """``figures``, each as ``[value, low, high]`` with its 95% percentile bootstrap interval."""
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(RESAMPLES):
        chosen = rng.integers(len(truth), size=len(truth))
        for name, value in figures(truth[chosen], scores[chosen]).items():
            draws[name].append(value)
    return {
        name: [round(value, 4), *np.nanquantile(draws[name], [0.025, 0.975]).round(4).tolist()]
        for name, value in figures(truth, scores).items()
    }


def if_exact(scores: Floats, seed: int = 0) -> dict[str, Any]:
    """The figures to expect of ``scores`` [texts] if they were exactly the shares of complaints.

    Each as ``[mean, low, high]`` with 95% of the draws of labels. Few texts show an ECE even then.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        list(figures((rng.random(len(scores)) < scores).astype(float), scores).values())
        for _ in range(RESAMPLES)
    ]
    ends = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    rows = np.stack([np.nanmean(drawn, axis=0), *ends], axis=1).round(4).tolist()
    return dict(zip(MEASURES, rows, strict=True))


def confusion(truth: Floats, scores: Floats) -> dict[str, int]:
    """How many complaints and other texts are scored at least 0.5, and how many below."""
    found, unhappy = scores >= 0.5, truth > 0.5
    return {
        "complaints found": int((found & unhappy).sum()),
        "complaints missed": int((~found & unhappy).sum()),
        "others taken for complaints": int((found & ~unhappy).sum()),
        "others recognised": int((~found & ~unhappy).sum()),
    }


def vader(texts: Sequence[str]) -> Floats:
    """VADER's compound score (Hutto and Gilbert, 2014) turned into 0 (content) to 1 (unhappy).

    It reads as much of a text as the network does, whose length it takes the square of in time.
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    compound = np.array([analyzer.polarity_scores(ends(text))["compound"] for text in texts])
    return np.asarray((1 - compound) / 2)


def read_labelled(path: Path) -> tuple[list[str], Floats]:
    """A CSV or TSV with the columns ``text`` and ``label`` (1 = unhappy).

    Raises:
        ValueError: there are no rows, or a column or a label is not there.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        tab = path.suffix.lower() == ".tsv"
        # Tables with tabs have no quoting: a quotation mark is a part of the text.
        reader = (
            csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if tab
            else csv.DictReader(file)
        )
        rows = list(reader)
    if not rows or "text" not in rows[0] or "label" not in rows[0]:
        raise ValueError(f"{path}: a table with the columns text and label is needed")
    for number, row in enumerate(rows, 2):
        if row["label"] not in ("0", "1"):
            raise ValueError(f"{path}, row {number}: label must be 0 or 1, not {row['label']!r}")
    return [row["text"] or "" for row in rows], np.array([float(row["label"]) for row in rows])


def plot_reliability(truth: Floats, scores: Floats, path: Path) -> None:
    """Save a reliability plot: share of complaints over mean score, a point a bin."""
    from matplotlib.figure import Figure

    means, shares, counts = zip(*reliability(truth, scores), strict=True)
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfect")
    axes.plot(means, shares, marker="o", label="scores")
    for mean, share, count in zip(means, shares, counts, strict=True):
        axes.annotate(str(count), (mean, share), xytext=(4, -10), textcoords="offset points")
    axes.set(
        xlabel="score",
        ylabel="share of complaints",
        title=f"{len(truth)} texts, ECE {ece(truth, scores):.3f}",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend()
    figure.savefig(path)


def evaluate_file(model: SentimentModel, path: Path, plot: Path | None = None) -> dict[str, Any]:
    """Figures of a model, of VADER and of always naming the more frequent class, on a file.

    Saves a reliability plot to ``plot``, if not given beside the file.

    Raises:
        ValueError: the file is not of that form, or one of the labels does not occur.
    """
    texts, truth = read_labelled(path)
    if truth.min() == truth.max():
        raise ValueError(f"{path}: texts with label 0 and with label 1 are needed to compare")
    scores = np.array([score.complaint for score in model.score(texts)])
    plot = plot or path.with_name(f"{path.stem}-reliability.png")
    plot_reliability(truth, scores, plot)
    known = vader(texts)
    return {
        "n": len(truth),
        **figures(truth, scores),
        "confusion": confusion(truth, scores),
        "baselines": {
            "VADER": {**figures(truth, known), "confusion": confusion(truth, known)},
            "majority": figures(truth, np.full(len(truth), float(truth.mean() >= 0.5))),
        },
        "plot": str(plot),
    }
