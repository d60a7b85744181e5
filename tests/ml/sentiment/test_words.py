import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.sentiment.words import MAX_WORDS, UNKNOWN, Vocabulary, split, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It doesn't work!", ["it", "does", "n't", "work", "!"]),
        ("IT DOESN’T", ["it", "does", "n't"]),
        ("the shop's shut", ["the", "shop", "'s", "shut"]),
        ("room 7, order 88213", ["room", "0", "order", "0000"]),
        ("wait...", ["wait", "..."]),
        ("soooooo slow", ["sooo", "slow"]),
        ("👍🏽", ["thumbs", "up", "sign"]),
        ("ok :(", ["ok", "frowning", "face"]),
        ("paid £40", ["paid", "£", "00"]),
        ("?!...", []),
    ],
)
def test_words_are_what_a_reader_would_call_words(text: str, words: list[str]) -> None:
    assert tokenize(text) == words


@given(st.text(max_size=3000))
def test_never_more_words_than_the_network_reads(text: str) -> None:
    assert len(tokenize(text)) <= MAX_WORDS


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("it is broken " * 50, "it is broken it is broken"),
        ("Well. " + "It is broken! " * 3 + "Help!", "well it is broken ! it is broken ! help !"),
        ("LAG LAG LAG LAG", "lag lag"),
        ("no bus, no bus, no bus and now rain", "no bus no bus and now rain"),
        ("hello???", "hello ? ? ?"),
        ("very very good, very very good", "very very good very very good"),
    ],
)
def test_what_is_said_again_and_again_is_read_twice(text: str, read: str) -> None:
    assert " ".join(split(text)) == read


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    words = split("first " + " ".join(map(str, range(1000))) + " last", 10)
    assert len(words) == 10
    assert (words[0], words[-1]) == ("first", "last")


@pytest.mark.parametrize("slip", ["brokne", "brken", "brooken", "brokan"])
def test_a_misspelt_word_is_read_as_the_frequent_word_it_is_near_to(slip: str) -> None:
    vocabulary = Vocabulary(["late", "broken", "brokers"], 2)
    assert vocabulary.number(slip) == vocabulary.number("broken") != UNKNOWN


def test_a_rare_or_unrelated_word_is_not_guessed() -> None:
    vocabulary = Vocabulary(["late", "broken", "brokers"], 2)
    assert vocabulary.number("brokerz") == UNKNOWN
    assert vocabulary.number("xylophone") == UNKNOWN
    assert vocabulary.knows("late")
    assert not vocabulary.knows("brokers")
