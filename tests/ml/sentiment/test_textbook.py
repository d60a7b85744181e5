from pathlib import Path

import pytest
import torch

from ml.sentiment import data, textbook


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        f"{word}, I {verb} it!\t{label}"
        for word, verb, label in [("Great", "love", 1), ("Broken", "hate", 0)] * 6
    ]
    (tmp_path / data.UCI[0]).write_text("\n".join(lines) + "\n")
    return tmp_path


def _recipe(folder: Path, checkpoint: str, epochs: int) -> list[textbook.State]:
    return textbook.recipe(folder, folder / "plots", 0, "cpu", folder / checkpoint, epochs)


def test_words_are_lower_cased_without_punctuation() -> None:
    assert textbook.clean("So there's NO way, (for me)!") == [
        "so",
        "theres",
        "no",
        "way",
        "for",
        "me",
    ]


def test_it_prints_loss_and_accuracy_of_each_epoch_and_saves_both_plots(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = _recipe(folder, "last.pt", 2)
    assert [row["epoch"] for row in history] == [1, 2]
    printed = capsys.readouterr().out
    assert "6 words" in printed
    for row in history:
        accuracy = row["accuracy"]
        assert f"loss {row['loss']:.4f}, training accuracy {accuracy:.3f}" in printed
    assert {path.name for path in (folder / "plots").iterdir()} == {"loss.png", "accuracy.png"}


def test_a_run_that_was_stopped_ends_like_one_that_was_not(folder: Path) -> None:
    _recipe(folder, "stopped.pt", 1)
    resumed = _recipe(folder, "stopped.pt", 3)
    assert resumed == _recipe(folder, "whole.pt", 3)
    ends = [torch.load(folder / f"{name}.pt", weights_only=True) for name in ("stopped", "whole")]
    for name, weight in ends[0]["network"].items():
        assert torch.equal(weight, ends[1]["network"][name])
