import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.artifact import CARD, WEIGHTS, WeightsError, write_card
from ml.sentiment.network import SentimentNetwork
from ml.sentiment.recipe import FOREIGN, NEUTRAL
from ml.sentiment.serve import VOCABULARY, Band, SentimentModel
from ml.sentiment.train import logits_of

from .conftest import messages


@pytest.fixture(scope="module")
def model(_artifact: Path) -> SentimentModel:
    return SentimentModel.load(_artifact)


def test_eight_bits_change_the_logits_little(
    model: SentimentModel, network: SentimentNetwork
) -> None:
    texts = [e.text for e in messages(60, 2)] + ["late", "not " * 200 + "great"]
    served = model.logits([model.vocabulary.encode(text) for text in texts])
    np.testing.assert_allclose(served, logits_of(network, model.vocabulary, texts), atol=0.1)


def test_complaints_score_higher_than_praise(model: SentimentModel) -> None:
    [bad, good] = model.score(["my order is late again", "my order is great"])
    assert bad.complaint > 0.8 > 0.2 > good.complaint
    assert (bad.band, good.band) == (Band.URGENT, Band.LOW)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.text(max_size=300))
def test_any_text_gets_a_probability(model: SentimentModel, text: str) -> None:
    [score] = model.score([text])
    assert 0 <= score.complaint <= 1
    assert all(math.isfinite(weight) and weight > 0 for _, weight in model.explain(text))


@settings(max_examples=25)
@given(st.lists(st.sampled_from([e.text for e in messages(40, 3)] + ["", "?!"]), max_size=30))
def test_a_text_scores_the_same_in_any_company(model: SentimentModel, texts: list[str]) -> None:
    shuffled = random.Random(0).sample(range(len(texts)), len(texts))
    together = model.score([texts[i] for i in shuffled])
    for i, score in zip(shuffled, together, strict=True):
        [alone] = model.score([texts[i]])
        assert alone == score


def test_scoring_twice_gives_the_same(model: SentimentModel) -> None:
    texts = [e.text for e in messages(30, 4)]
    assert model.score(texts) == model.score(texts)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "...", "?!?!", "$$$ %", "--- ' \" ---", "\ufffd\ufffd"]
)
def test_a_text_without_words_gets_the_neutral_score(model: SentimentModel, text: str) -> None:
    [score] = model.score([text])
    assert score.complaint == NEUTRAL
    assert not score.foreign
    assert model.explain(text) == []


def test_a_hundred_thousand_characters_are_scored_by_their_beginning_and_end(
    model: SentimentModel,
) -> None:
    [long] = model.score(["the phone is fine " * 5_600])
    assert 0 <= long.complaint <= 1
    filler = "the " * 24_000
    [bad, good] = model.score([f"{filler} broken wrong late", f"{filler} great kind lovely"])
    assert bad.complaint > good.complaint


FOREIGN_MESSAGES = [
    "Wo ist meine Bestellung? Ich warte seit zwei Wochen.",
    "Das Internet geht nicht",
    "¿Dónde está mi pedido?",
    "mi pedido no ha llegado",
    "Je n'ai pas reçu mon colis",
    "Bonjour, ma commande n'est pas arrivée",
    "Ho ordinato una pizza ma non arriva",
    "il mio telefono non funziona",
    "Meu pedido não chegou",
    "internet nie działa",
    "waar is mijn pakket",
    "не работает интернет",
    "注文した商品が届きません",
    "我的包裹还没到",
    "주문이 안 왔어요",
    "نظام الدفع لا يعمل",
]


def test_other_languages_are_recognised_and_get_the_score_for_them(model: SentimentModel) -> None:
    scores = model.score(FOREIGN_MESSAGES)
    assert [text for text, s in zip(FOREIGN_MESSAGES, scores, strict=True) if not s.foreign] == []
    assert {(s.complaint, s.band) for s in scores} == {(FOREIGN, Band.HIGH)}


@pytest.mark.parametrize(
    "text",
    ["my order is late", "how do i pay", "A-20418", "😡😡", "thx", "LR68 VYC", "ok"],
)
def test_english_numbers_and_emoji_are_not_taken_for_another_language(
    model: SentimentModel, text: str
) -> None:
    [score] = model.score([text])
    assert not score.foreign


def test_the_words_that_raised_the_score_are_named_strongest_first(model: SentimentModel) -> None:
    reasons = model.explain("my great phone is broken again today please")
    assert reasons[0][0] == "broken"
    assert "great" not in dict(reasons)
    weights = [weight for _, weight in reasons]
    assert weights == sorted(weights, reverse=True)


def test_at_most_five_different_words_are_named(model: SentimentModel) -> None:
    reasons = model.explain("late broken wrong rude slow missing leaking charged late late")
    assert len(reasons) <= 5
    assert len(dict(reasons)) == len(reasons)


@pytest.mark.parametrize("name", ["network.onnx", "network.bin", VOCABULARY])
def test_damaged_weights_are_refused_by_name(artifact: Path, name: str) -> None:
    file = artifact / name
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(WeightsError, match=name):
        SentimentModel.load(artifact)


@pytest.mark.parametrize("name", ["network.onnx", "network.bin", VOCABULARY, CARD])
def test_missing_weights_are_refused_by_name(artifact: Path, name: str) -> None:
    (artifact / name).unlink()
    with pytest.raises(WeightsError, match=name):
        SentimentModel.load(artifact)


def test_a_vocabulary_of_another_network_is_refused(artifact: Path) -> None:
    card = json.loads((artifact / CARD).read_text())
    (artifact / VOCABULARY).write_text("only\nthese\n")
    write_card(artifact, card)
    with pytest.raises(WeightsError, match=VOCABULARY):
        SentimentModel.load(artifact)


def test_another_kind_of_network_is_refused(artifact: Path) -> None:
    card = json.loads((artifact / CARD).read_text())
    write_card(artifact, {**card, "network": "forecast"})
    with pytest.raises(WeightsError, match="no sentiment network"):
        SentimentModel.load(artifact)


def test_the_graph_of_another_network_is_refused(artifact: Path) -> None:
    card = json.loads((artifact / CARD).read_text())
    graph = (WEIGHTS / "completion" / "network.onnx").read_bytes()
    (artifact / "network.onnx").write_bytes(graph)
    write_card(artifact, card)
    with pytest.raises(WeightsError, match="made by another version"):
        SentimentModel.load(artifact)
