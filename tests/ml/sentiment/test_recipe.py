"""What the default recipe learns from, and what it must not."""

import json
from pathlib import Path

import numpy as np

from ml.sentiment import data, vectors
from ml.sentiment.recipe import AMAZON, VARIED_EACH, Recipe

from .conftest import TINY


def test_nothing_made_of_a_held_out_review_is_learned(folder: Path, tmp_path: Path) -> None:
    names = [f"item{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(260)]
    lines = [f"{name} phone works\t{i % 2}" for i, name in enumerate(names)]
    (folder / AMAZON).write_text("\n".join(lines * 4) + "\n")
    words = {"phone": [1.0, 0.1], "works": [0.1, 1.0], "charger": [1.0, 0.2], "runs": [0.2, 1.0]}
    known = {word: [*pair, *[0.0] * (vectors.WIDTH - 2)] for word, pair in words.items()}
    (folder / vectors.FILE).write_text(json.dumps({"words": list(known), "vectors": known}))
    recipe = Recipe(folder, tmp_path, TINY, 0, "cpu")
    count = len(recipe.amazon) * (1 + VARIED_EACH)
    np.save(tmp_path / "opinions-amazon.npy", np.full((count, 2), 0.5, np.float32))

    everything = recipe.amazon_lessons(set())
    assert len({e.text for e in everything}) > 2 * len(names)
    held_out = {data.key(e.text) for e in recipe.amazon[:50]}
    learned = recipe.amazon_lessons(held_out)
    assert {e.text.split()[0] for e in learned} == set(names[50:])
