"""What the shipped network makes of messages as the desk gets them."""

import pytest

from ml.artifact import WEIGHTS
from ml.sentiment.serve import Band, SentimentModel

from .test_serve import FOREIGN_MESSAGES

MOST_BYTES = 15_000_000


@pytest.fixture(scope="module")
def shipped() -> SentimentModel:
    return SentimentModel.load()


COMPLAINTS = [
    "no dial tone since Monday",
    "I was charged twice",
    "great, another outage",
    "Sorry to bother you, but my parcel still hasn't arrived.",
    "One more week of this and I switch to another provider",
    "not what I call clean",
    "I have been waiting at the gate for two hours 😡",
]
OTHERS = [
    "How do I change my address?",
    "What time do you close on Sunday?",
    "Please cancel my appointment on Friday",
    "never had any problems",
    "nothing wrong with it",
    "Thanks, the refund arrived this morning 👍",
    "A-20418",
]


@pytest.mark.parametrize("text", [*COMPLAINTS, *OTHERS])
def test_complaints_are_above_the_middle_and_questions_requests_and_thanks_below(
    shipped: SentimentModel, text: str
) -> None:
    above = shipped.score([text])[0].band in (Band.URGENT, Band.HIGH)
    assert above == (text in COMPLAINTS)


def test_words_that_it_knows_do_not_make_it_take_other_languages_for_english(
    shipped: SentimentModel,
) -> None:
    scores = shipped.score(FOREIGN_MESSAGES)
    assert [text for text, s in zip(FOREIGN_MESSAGES, scores, strict=True) if not s.foreign] == []


def test_the_artifact_is_small() -> None:
    size = sum(file.stat().st_size for file in (WEIGHTS / "sentiment").iterdir())
    assert size <= MOST_BYTES
