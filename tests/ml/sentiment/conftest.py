import random
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from ml.sentiment import data
from ml.sentiment.data import Example
from ml.sentiment.network import Hyperparameters, SentimentNetwork
from ml.sentiment.recipe import BANDS, FOREIGN, NEUTRAL, calibrate, ship
from ml.sentiment.train import fit, logits_of
from ml.sentiment.words import Vocabulary

torch.set_num_threads(1)  # as serving does; more only slow such small networks down

TINY = Hyperparameters(
    learned=8,
    hidden=8,
    dropout=0.0,
    batch=16,
    epochs=3,
    tuning_epochs=10,
    learning_rate=0.02,
    tuning_rate=0.02,
)
SAD = ["broken", "late", "rude", "wrong", "missing", "leaking", "slow", "charged"]
GLAD = ["great", "kind", "quick", "lovely", "fine", "perfect", "cheap", "warm"]
PLAIN = [
    "the",
    "my",
    "is",
    "was",
    "very",
    "order",
    "phone",
    "line",
    "room",
    "again",
    "today",
    "please",
    ",",
    "how",
    "do",
    "i",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small files of every data set."""
    for name in data.UCI:
        lines = [f"{name} sentence number {i * 7919}\t{i % 2}" for i in range(1000)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    (tmp_path / "vader_icwsm2014").mkdir()
    for name in data.VADER:
        rows = [f"{i}\t{i % 9 - 4}\t{name} rated {i * 7919}" for i in range(200)]
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    rows = ["Where is it?,card_arrival", "It was stolen,card_swallowed", "Which age?,age_limit"]
    (tmp_path / data.BANKING).write_text("\n".join(["text,category", *rows]) + "\n")
    return tmp_path


def messages(count: int, seed: int) -> list[Example]:
    """Messages of two plain words and one that decides the label, in random order."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        words = [*rng.sample(PLAIN, 3), rng.choice(SAD if number % 2 else GLAD)]
        rng.shuffle(words)
        made.append(Example(" ".join(words), float(number % 2), float(1 - number % 2)))
    return made


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    words = [*SAD, *GLAD, *PLAIN, "n't", "'s", "not", "it", "work", "refuse", "grumble"]
    return Vocabulary(words, len(words) - 2)


def untrained(vocabulary: Vocabulary) -> SentimentNetwork:
    torch.manual_seed(0)
    vectors = torch.randint(-127, 128, (len(vocabulary), 11), dtype=torch.int8)
    scales = torch.full((len(vocabulary),), 0.01)
    return SentimentNetwork(vectors, scales, vocabulary.learned + 2, TINY)


def fitted(
    vocabulary: Vocabulary,
    examples: list[Example],
    epochs: int,
    seed: int,
    checkpoint: Path | None = None,
) -> SentimentNetwork:
    network = untrained(vocabulary)
    fit(
        network,
        vocabulary,
        examples,
        [1.0] * len(examples),
        TINY,
        epochs=epochs,
        learning_rate=TINY.learning_rate,
        seed=seed,
        checkpoint=checkpoint,
    )
    return network


@pytest.fixture(scope="session")
def network(vocabulary: Vocabulary) -> SentimentNetwork:
    return fitted(vocabulary, messages(300, 0), TINY.epochs, 0)


@pytest.fixture(scope="session")
def _artifact(
    tmp_path_factory: pytest.TempPathFactory, network: SentimentNetwork, vocabulary: Vocabulary
) -> Path:
    out = tmp_path_factory.mktemp("weights") / "sentiment"
    card = {
        "hyperparameters": asdict(TINY),
        "temperature": 1.0,
        "neutral": NEUTRAL,
        "foreign": FOREIGN,
        "bands": BANDS,
    }
    asked = messages(100, 1)
    calibrate(network, card, asked, logits_of(network, vocabulary, [e.text for e in asked]))
    ship(network, vocabulary, card, out)
    return out


@pytest.fixture
def artifact(_artifact: Path, tmp_path: Path) -> Path:
    """The folder of a tiny trained network, to do with as a test likes."""
    return Path(shutil.copytree(_artifact, tmp_path / "sentiment"))
