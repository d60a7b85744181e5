from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.sentiment import evaluate
from ml.sentiment.serve import SentimentModel

RNG = np.random.default_rng(0)
TRUTH = (RNG.random(200) < 0.4).astype(float)
SCORES = np.clip(TRUTH * 0.3 + RNG.random(200) * 0.7, 0, 1).round(2)


def test_areas_agree_with_scikit_learn_on_scores_with_ties() -> None:
    assert evaluate.roc_auc(TRUTH, SCORES) == pytest.approx(roc_auc_score(TRUTH, SCORES))
    assert evaluate.average_precision(TRUTH, SCORES) == pytest.approx(
        average_precision_score(TRUTH, SCORES)
    )


def test_scores_that_mean_what_they_say_have_no_calibration_error() -> None:
    truth = np.array([1.0] * 8 + [0.0] * 2)
    assert evaluate.ece(truth, np.full(10, 0.8)) == pytest.approx(0)
    assert evaluate.ece(truth, np.full(10, 0.1)) == pytest.approx(0.7)


def test_few_texts_show_a_calibration_error_even_of_exact_scores() -> None:
    few, many = (evaluate.if_exact(np.linspace(0.05, 0.95, count))["ece"] for count in (100, 4000))
    assert few[0] > 2 * many[0]
    assert many[1] <= many[0] <= many[2] < few[1]


def test_an_interval_holds_its_value_and_shrinks_with_more_texts() -> None:
    few = evaluate.with_intervals(TRUTH[:50], SCORES[:50])["accuracy"]
    many = evaluate.with_intervals(TRUTH, SCORES)["accuracy"]
    assert few[1] <= few[0] <= few[2]
    assert many[2] - many[1] < few[2] - few[1]


def test_every_text_is_in_one_cell_of_the_confusion_table() -> None:
    cells = evaluate.confusion(TRUTH, SCORES)
    assert sum(cells.values()) == len(TRUTH)
    assert cells["complaints found"] + cells["complaints missed"] == TRUTH.sum()


def test_vader_ranks_an_angry_text_over_a_plain_one_and_that_over_a_happy_one() -> None:
    angry, plain, happy = evaluate.vader(["I hate this, awful", "the table", "I love it"])
    assert angry > plain == 0.5 > happy


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_labelled_file_is_measured_and_plotted_beside_it(
    artifact: Path, tmp_path: Path, suffix: str
) -> None:
    between = "," if suffix == "csv" else "\t"
    rows = [("my order is late", 1), ("the room is great", 0), ('it is "fine', 0), ("", 1)]
    file = tmp_path / f"mine.{suffix}"
    text = "".join(
        f"{text}{between}{label}\n" for text, label in rows if suffix == "tsv" or '"' not in text
    )
    file.write_text(f"text{between}label\n{text}", encoding="utf-8")
    result = evaluate.evaluate_file(SentimentModel.load(artifact), file)
    assert result["n"] == (4 if suffix == "tsv" else 3)
    assert set(result["baselines"]) == {"VADER", "majority"}
    assert (tmp_path / "mine-reliability.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "columns text and label"),
        ("text,mark\na,1\n", "columns text and label"),
        ("text,label\na,1\nb,maybe\n", "row 3: label must be 0 or 1, not 'maybe'"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_reason(
    tmp_path: Path, content: str, complaint: str
) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(content)
    with pytest.raises(ValueError, match=complaint):
        evaluate.read_labelled(file)


def test_a_file_of_one_label_cannot_be_measured(artifact: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("text,label\nlate,1\n")
    with pytest.raises(ValueError, match="label 0 and with label 1"):
        evaluate.evaluate_file(SentimentModel.load(artifact), file)
