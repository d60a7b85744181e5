"""How fast the sentiment network is, next to VADER and torch: python scripts/bench_sentiment.py.

Everything runs on one core, one after the other, in this one run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from ml.artifact import WEIGHTS

ONE = "The parcel was due on Friday and it has still not arrived."
ROUNDS = 300
SHORTEST_RUN = 2.0  # seconds that batches are measured for
COLD = {
    "network": "from ml.sentiment.serve import SentimentModel; SentimentModel.load().score([{}])",
    "VADER": "from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer as A; "
    "A().polarity_scores({})",
    "torch": "from pathlib import Path; from ml.artifact import WEIGHTS; "
    "from ml.sentiment.restore import restore; from ml.sentiment.train import logits_of; "
    "n, v, _ = restore(WEIGHTS / 'sentiment'); logits_of(n, v, [{}])",
}

Scorer = Callable[[Sequence[str]], object]


def one_message(score: Scorer) -> float:
    """Median milliseconds from one text to its probability."""
    for _ in range(20):
        score([ONE])
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        score([ONE])
        seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds)


def per_second(score: Scorer, texts: Sequence[str]) -> float:
    """Messages a second when all of ``texts`` are scored at once."""
    score(texts)
    start, scored = time.perf_counter(), 0
    while time.perf_counter() - start < SHORTEST_RUN:
        score(texts)
        scored += len(texts)
    return scored / (time.perf_counter() - start)


def cold_start(code: str) -> float:
    """Median seconds of a new Python from its start to the first score."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code.format(repr(ONE))], check=True)  # noqa: S603 - own code
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description="Speed of the sentiment network, on one core")
    parser.add_argument("--messages", type=int, default=2000, help="in a batch")
    count = parser.parse_args().messages
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["OMP_NUM_THREADS"] = "1"
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))

    import torch
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    from ml.sentiment import data
    from ml.sentiment.restore import restore
    from ml.sentiment.serve import SentimentModel
    from ml.sentiment.train import logits_of

    torch.set_num_threads(1)
    model, analyzer = SentimentModel.load(), SentimentIntensityAnalyzer()
    network, vocabulary, _ = restore(WEIGHTS / "sentiment")
    texts = [message.example.text for message in data.desk()]
    texts = (texts * (count // len(texts) + 1))[:count]
    scorers: dict[str, Scorer] = {
        "network": model.score,
        "VADER": lambda given: [analyzer.polarity_scores(text) for text in given],
        "torch": lambda given: logits_of(network, vocabulary, given),
    }
    result = {
        name: {
            "one_message_ms": round(one_message(score), 3),
            "messages_per_second": round(per_second(score, texts)),
            "cold_start_s": round(cold_start(COLD[name]), 2),
        }
        for name, score in scorers.items()
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
