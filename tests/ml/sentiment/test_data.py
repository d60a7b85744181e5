from pathlib import Path

import pytest

from ml.sentiment import data, phrases
from ml.sentiment.augment import augment, vary
from ml.sentiment.data import Example


def test_no_training_text_repeats_a_held_out_text(folder: Path) -> None:
    whole = data.load(folder)
    file = folder / data.VADER[0]
    repeated = whole.test[0].text.upper() + "."
    file.write_text(file.read_text() + f"9\t3\t{repeated}\n")
    split = data.load(folder)
    held_out = {
        data.key(e.text)
        for e in (*split.test, *split.validation, *split.desk_test, *split.tweets_test)
    }
    assert split.dropped == whole.dropped + 1
    assert not held_out & {data.key(e.text) for e in split.train}


def test_no_theme_of_the_desk_is_both_learned_and_measured(folder: Path) -> None:
    theme_of = {message.example.text: message.theme for message in data.desk()}
    split = data.load(folder)
    learned = {theme_of[e.text] for e in split.train if e.source == data.DESK.name}
    measured = {theme_of[e.text] for e in split.desk_test}
    assert measured
    assert not learned & measured


def test_messages_written_later_share_no_theme_and_no_text_with_the_others() -> None:
    desk, later = data.desk(), data.desk(data.LATER)
    assert not {message.theme for message in desk} & {message.theme for message in later}
    known = {data.key(message.example.text) for message in desk}
    texts = [message.example.text for message in later]
    assert not [text for text in texts if len(text) > 20 and data.key(text) in known]


def test_the_amazon_test_lines_are_the_last_fifth_of_a_seeded_shuffle(folder: Path) -> None:
    split = data.load(folder)
    assert len(split.test) == 200
    assert split.test == data.load(folder).test


def test_bank_messages_are_labelled_by_the_names_of_their_intents(folder: Path) -> None:
    labelled = data.banking(folder / data.BANKING)
    assert [(e.text, e.unhappy) for e in labelled] == [("It was stolen", 1), ("Which age?", 0)]
    assert data.unlabelled(folder / data.BANKING) == ["Where is it?"]


@pytest.mark.parametrize(
    ("rating", "unhappy", "happy"), [("-4", 1, 0), ("-0.5", 0.5, 0), ("0.2", 0, 0.2), ("3", 0, 1)]
)
def test_ratings_become_graded_labels(
    tmp_path: Path, rating: str, unhappy: float, happy: float
) -> None:
    file = tmp_path / "rated.txt"
    file.write_text(f"1\t{rating}\ta sentence\n")
    [example] = data.rated(file)
    assert (example.unhappy, example.happy) == pytest.approx((unhappy, happy))


def test_every_desk_message_has_a_theme_a_text_and_a_label() -> None:
    for message in (*data.desk(), *data.desk(data.LATER)):
        assert message.theme
        assert message.example.text.strip()
        assert message.example.unhappy in (0, 1)


def test_shared_runs_of_words_are_found() -> None:
    train = [Example("my order has not come since last Monday morning", 1)]
    near = Example("well, my order has not come since June", 1)
    far = Example("how do I pay", 0)
    assert data.overlap(train, [near, far], 5) == 0.5
    assert data.overlap(train, [near, far], 8) == 0


def test_phrases_are_complete_varied_and_the_same_for_one_seed() -> None:
    made = phrases.generate(5, 0)
    assert made == phrases.generate(5, 0) != phrases.generate(5, 1)
    assert not [e.text for e in made if set(e.text) & set("[]{}|")]
    share = sum(e.unhappy for e in made) / len(made)
    assert 0.4 < share < 0.7


def test_augmented_texts_are_pieces_or_pairs_of_the_given() -> None:
    texts = ["one two three four five", "six seven eight nine"]
    made = augment(texts, 50, 0)
    assert made == augment(texts, 50, 0)
    pairs = {f"{a} {b}" for a in texts for b in texts}
    assert all(text in pairs or any(text in whole for whole in texts) for text in made)


def test_varied_texts_have_some_words_exchanged_for_words_used_alike() -> None:
    neighbours = {"parcel": ["package", "letter"], "late": ["early"]}
    made = vary(["My Parcel is late.", "nothing to exchange"], neighbours, 30, 0)
    assert made == vary(["My Parcel is late.", "nothing to exchange"], neighbours, 30, 0)
    possible = {
        f"My {a} is {b}." for a in ("Parcel", "package", "letter") for b in ("late", "early")
    }
    assert set(made) <= possible - {"My Parcel is late."}
    assert len(set(made)) > 2
