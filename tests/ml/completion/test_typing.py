"""What suggestions save, counted key by key."""

import pytest

from ml.completion.ngram import WittenBell
from ml.completion.typing import next_words, saving

ALPHABET = " '\"abcdefghijklmnopqrstuvwxyz"
KNOWN = "the cat sat on the mat and the dog sat on the log " * 5


@pytest.fixture(scope="module")
def predictor() -> WittenBell:
    return WittenBell(KNOWN, ALPHABET)


@pytest.mark.parametrize("text", ["zyxw", "'zyxw", "'zyxw'", "\"zyxw\" 'vuts'"])
def test_words_that_are_never_suggested_save_nothing_in_whatever_quotes(
    predictor: WittenBell, text: str
) -> None:
    assert saving(predictor, text).keystrokes_saved == 0


def test_a_quoted_word_is_a_word(predictor: WittenBell) -> None:
    assert next_words(predictor, "the 'ca") == next_words(predictor, 'the "ca')
    assert saving(predictor, "the cat sat").top_3 > 0
