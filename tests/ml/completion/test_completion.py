import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.artifact import WeightsError
from ml.completion import train
from ml.completion.network import Stage, zeros
from ml.completion.serve import READ, UNKNOWN_BITS, CompletionModel, NothingToCompleteError
from tests.ml.completion.conftest import ALPHABET, IDS, STAGE, TEXT, H, fresh


def weights(network: torch.nn.Module) -> list[float]:
    return [float(p.detach().sum()) for p in network.parameters()]


@pytest.fixture(scope="module")
def tiny(artifact: Path) -> CompletionModel:
    return CompletionModel.load(artifact)


@pytest.fixture(scope="module")
def shipped() -> CompletionModel:
    return CompletionModel.load()


def test_training_twice_gives_the_same_network() -> None:
    first, second = fresh(), fresh()
    assert train.fit(first, IDS, H, STAGE) == train.fit(second, IDS, H, STAGE)
    assert weights(first) == weights(second)


def test_training_that_was_interrupted_goes_on_as_if_it_never_was(tmp_path: Path) -> None:
    whole, parted, resumed = fresh(), fresh(), fresh()
    losses = train.fit(whole, IDS, H, STAGE)
    saved = tmp_path / "state.pt"
    train.fit(parted, IDS, H, STAGE, checkpoint=saved, stop_after=len(losses) // 2)
    assert train.fit(resumed, IDS, H, STAGE, checkpoint=saved) == losses
    assert weights(resumed) == weights(whole)


def test_a_checkpoint_of_another_text_is_not_gone_on_from(tmp_path: Path) -> None:
    saved = tmp_path / "state.pt"
    train.fit(fresh(), IDS, H, STAGE, checkpoint=saved)
    other = train.fit(fresh(), IDS.flip(0), H, STAGE, checkpoint=saved)
    assert other == train.fit(fresh(), IDS.flip(0), H, STAGE)


def test_the_best_epoch_on_validation_is_kept() -> None:
    network = fresh()
    told = iter([2.0, 1.0, 3.0])
    seen: list[list[float]] = []

    def validate() -> float:
        seen.append(weights(network))
        return next(told)

    train.fit(network, IDS, H, Stage(3, 0.01, 4), validate=validate)
    assert weights(network) == seen[1]


def test_the_textbooks_recipe_learns_and_resumes(tmp_path: Path) -> None:
    text = TEXT * 4
    network, alphabet, losses = train.fit_textbook(text, epochs=2)
    assert losses[1] < losses[0]
    saved = tmp_path / "state.pt"
    train.fit_textbook(text, epochs=2, checkpoint=saved, stop_after=1)
    again, _, resumed = train.fit_textbook(text, epochs=2, checkpoint=saved)
    assert (resumed, weights(again)) == (losses, weights(network))
    said = train.sample_textbook(network, alphabet, "the ")
    assert said.startswith("the ")
    assert len(said) <= 104


def test_onnx_runtime_gives_what_torch_gives(tiny: CompletionModel, artifact: Path) -> None:
    network = fresh().eval()
    network.load_state_dict(torch.load(artifact.parent / "network.pt", weights_only=True))
    ids = IDS[:50][None]
    with torch.no_grad():
        logits, *_ = network(ids, *zeros(H.layers, 1, H.hidden))
    served, _ = tiny._run(ids.numpy(), tiny._zeros())
    expected = logits.softmax(-1).numpy()
    got = torch.from_numpy(served).softmax(-1).numpy()
    assert np.abs(expected - got).max() < 0.03  # the weights are rounded to 8 bits


def test_a_trained_network_predicts_better_than_a_fresh_one(tiny: CompletionModel) -> None:
    assert tiny.bits_per_character(TEXT[:500]) < 1.5 < np.log2(len(ALPHABET))


def test_characters_outside_the_alphabet_cost_as_stated(tiny: CompletionModel) -> None:
    extra = tiny.bits_per_character("\u4f60") - UNKNOWN_BITS
    assert extra > 0
    with pytest.raises(ValueError, match="empty"):
        tiny.bits_per_character("")


@pytest.mark.parametrize("name", ["network.onnx", "words.txt", "card.json"])
def test_damaged_weights_are_refused_by_name(artifact: Path, tmp_path: Path, name: str) -> None:
    for file in artifact.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=name):
        CompletionModel.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(WeightsError, match=name):
        CompletionModel.load(tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=80), st.integers(0, 2))
def test_whatever_is_asked_suggestions_are_known_words_and_no_markup(
    shipped: CompletionModel, text: str, variant: int
) -> None:
    try:
        suggestions = shipped.suggest(text, variant=variant)
    except NothingToCompleteError:
        return
    assert len(suggestions) <= 3
    for suggestion in suggestions:
        assert re.fullmatch(r"[A-Za-z ,;:'\"!?.-]+", suggestion)
        assert "  " not in suggestion
        for word in re.findall(r"(?<=[^A-Za-z'])[A-Za-z]+(?=[^A-Za-z'])", suggestion + " "):
            assert shipped._is_word(word)


def test_three_clearly_different_suggestions_that_more_replaces(shipped: CompletionModel) -> None:
    text = "So she was considering"
    first, more = shipped.suggest(text), shipped.suggest(text, variant=1)
    assert len({s.split()[0] + s.split()[-1] for s in first}) == len(first) == 3
    assert first == shipped.suggest(text)
    assert set(first).isdisjoint(more)


def test_a_word_that_was_begun_is_finished_first(shipped: CompletionModel) -> None:
    for begun in ("I am very dis", "She was wai", "The gard"):
        for suggestion in shipped.suggest(begun):
            word = (begun.split()[-1] + suggestion).split()[0].strip(".,;:!?\"'-")
            assert shipped._is_word(re.split("[^A-Za-z']", word)[0])


def test_only_the_end_of_a_long_text_counts(shipped: CompletionModel) -> None:
    end = "and so she went on to the garden. " * 20
    assert shipped.suggest("Once upon a time. " * 500 + end) == shipped.suggest(end)
    assert len(end) > READ


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "Привет", "你好", "\x00\x07", "!!!"])
def test_what_cannot_be_gone_on_from_is_said(shipped: CompletionModel, text: str) -> None:
    with pytest.raises(NothingToCompleteError, match="write a few words"):
        shipped.suggest(text)
