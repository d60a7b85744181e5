"""What the default recipe learns from, and what it must not."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.sentiment import data, vectors
from ml.sentiment.evaluate import Floats
from ml.sentiment.recipe import AMAZON, VARIED_EACH, Recipe

from .conftest import TINY, untrained

BRIEF = replace(TINY, batch=256, tuning_epochs=1)
NAMES = ["item" + "".join(letters) for letters in product("abcdefghij", repeat=3)]
WORDS = {"phone": [1.0, 0.1], "works": [0.1, 1.0], "charger": [1.0, 0.2], "runs": [0.2, 1.0]}


def _recipe(folder: Path, run: Path, lines: list[str]) -> Recipe:
    """The recipe of these reviews, with a teacher that is sure of nothing and no other lessons."""
    (folder / AMAZON).write_text("\n".join(lines) + "\n")
    known = {word: [*pair, *[0.0] * (vectors.WIDTH - 2)] for word, pair in WORDS.items()}
    (folder / vectors.FILE).write_text(json.dumps({"words": list(known), "vectors": known}))
    run.mkdir(exist_ok=True)
    recipe = Recipe(folder, run, BRIEF, 0, "cpu")
    count = len(recipe.amazon) * (1 + VARIED_EACH)
    np.save(run / "opinions-amazon.npy", np.full((count, 2), 0.5, np.float32))
    recipe.lessons = []
    return recipe


def test_nothing_made_of_a_held_out_review_is_learned(folder: Path, tmp_path: Path) -> None:
    lines = [f"{name} phone works\t{i % 2}" for i, name in enumerate(NAMES[:260])]
    recipe = _recipe(folder, tmp_path, lines * 4)
    everything = recipe.amazon_lessons(set())
    assert len({e.text for e in everything}) > 2 * 260
    held_out = {data.key(e.text) for e in recipe.amazon[:50]}
    learned = recipe.amazon_lessons(held_out)
    assert {e.text.split()[0] for e in learned} == set(NAMES[50:260])


def test_no_label_of_a_fold_or_of_the_test_decides_what_is_said_of_the_fold(
    folder: Path, tmp_path: Path
) -> None:
    labels = np.arange(1000) % 2

    def first_fold(run: str, labels: NDArray[np.int64]) -> tuple[Recipe, list[str], Floats]:
        lines = [f"{name} phone works\t{y}" for name, y in zip(NAMES, labels, strict=True)]
        recipe = _recipe(folder, tmp_path / run, lines)
        first = untrained(recipe.vocabulary)
        reviews = [e for e in recipe.split.train if e.source == AMAZON]
        inside, logits = next(recipe.folds(first, reviews, 4, "fold"))
        return recipe, [reviews[i].text for i in inside], logits

    recipe, texts, logits = first_fold("one", labels)
    assert len(texts) == 200
    unseen = {*texts, *(e.text for e in recipe.split.test)}
    held_out = np.array([f"{name} phone works" in unseen for name in NAMES])
    assert held_out.sum() == 400
    np.testing.assert_array_equal(first_fold("two", labels ^ held_out)[2], logits)
    assert not np.allclose(first_fold("three", labels | ~held_out)[2], logits)
