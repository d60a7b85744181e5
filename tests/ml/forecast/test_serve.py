"""The shipped network answers for any product, and damaged weights are named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml.artifact import WEIGHTS, WeightsError, write_card
from ml.forecast import evaluate
from ml.forecast.data import SalesTable
from ml.forecast.evaluate import evaluate_file
from ml.forecast.plot import Shown, last_year, plot_forecast, plot_products
from ml.forecast.serve import MAX_WEEKS, ForecastModel, NoForecastError, movers

SHIPPED = WEIGHTS / "forecast"


@pytest.fixture(scope="module")
def model() -> ForecastModel:
    return ForecastModel.load()


def table(counts: np.ndarray) -> SalesTable:
    products = [f"P{i}" for i in range(len(counts))]
    weeks = [f"W{i}" for i in range(counts.shape[1])]
    return SalesTable(products, weeks, counts.astype(np.float32))


def test_the_sample_is_forecast_in_order_and_never_below_zero(model):
    made = model.forecast_all(model.sample, MAX_WEEKS)
    mean, low, median, high = np.moveaxis(made, -1, 0)
    assert made.shape == (len(model.sample.products), MAX_WEEKS, 4)
    assert (low >= 0).all()
    assert ((low <= mean) & (mean <= high)).all()
    assert (median == np.round(median)).all()


def test_one_product_is_forecast_as_among_all(model):
    name = model.sample.products[3]
    one = model.forecast(model.sample, name, 5)
    np.testing.assert_allclose(
        one.mean, model.forecast_all(model.sample, 5)[3, :, 0], rtol=1e-4, atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(8, 60)),
        elements=st.floats(0, 1e6, width=32),
    ),
    st.integers(1, MAX_WEEKS),
)
def test_any_history_of_eight_weeks_gets_a_finite_forecast(model, counts, weeks):
    made = model.forecast(table(counts), "p0", weeks)
    for part in (made.mean, made.low, made.high, made.median):
        assert part.shape == (weeks,)
        assert np.isfinite(part).all()
        assert (part >= 0).all()


def test_a_product_that_never_sold_is_expected_not_to(model):
    made = model.forecast(table(np.zeros((1, 20))), "P0", 4)
    assert (made.mean < 0.5).all()


def test_forecasts_grow_with_what_was_sold(model):
    random = np.random.default_rng(0)
    made = model.forecast_all(table(random.poisson([[2], [20], [200], [2000]], (4, 40))), 3)
    means = made[:, 0, 0]
    np.testing.assert_allclose(means, [2, 20, 200, 2000], rtol=0.35)


@pytest.mark.parametrize("weeks", [0, -1, 14, 1000])
def test_weeks_out_of_range_are_refused(model, weeks):
    with pytest.raises(NoForecastError, match="1 to 13 weeks"):
        model.forecast(model.sample, model.sample.products[0], weeks)


def test_a_short_history_is_refused_with_its_length(model):
    with pytest.raises(NoForecastError, match="P0 has 7 weeks of history; 8 are needed"):
        model.forecast(table(np.ones((1, 7))), "P0", 1)


def test_an_unknown_product_is_a_key_error(model):
    with pytest.raises(KeyError):
        model.forecast(model.sample, "no such product", 1)


@pytest.mark.parametrize("name", ["network.onnx", "sample.npz", "card.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_damaged_weights_are_named(tmp_path: Path, name, damage):
    folder = tmp_path / "weights"
    shutil.copytree(SHIPPED, folder)
    file = folder / name
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.write_bytes(b"\xff" + content[1:])
    with pytest.raises(WeightsError, match=name):
        ForecastModel.load(folder)


@pytest.mark.parametrize("name", ["network.onnx", "sample.npz"])
def test_nonsense_with_a_card_that_vouches_for_it_is_named_too(tmp_path: Path, name):
    folder = tmp_path / "weights"
    shutil.copytree(SHIPPED, folder)
    (folder / name).write_bytes(b"nonsense")
    write_card(folder, {"network": "forecast"})
    with pytest.raises(WeightsError, match=name):
        ForecastModel.load(folder)


def test_what_climbs_rises_and_what_falls_falls(model):
    random = np.random.default_rng(0)
    counts = random.poisson(20, (30, 40))
    counts[3, -8:-3] = 0
    counts[3, -3:] = 60
    counts[4, -8:-3] = 60
    counts[4, -3:] = 0
    found = movers(model, table(counts), 4, n=3)
    strengths = {mover.product: mover.strength for mover in found}
    assert len(found) == 6
    assert [m.strength for m in found[:3]] == sorted((m.strength for m in found[:3]), reverse=True)
    assert all(strength != 0 for strength in strengths.values())


def test_products_with_little_history_do_not_move(model):
    counts = np.full((3, 20), 10.0)
    counts[1, :15] = np.nan
    assert "P1" not in [mover.product for mover in movers(model, table(counts), 4)]


def test_a_picture_is_a_png_whatever_the_product_is_called(model):
    name = model.sample.products[0]
    made = model.forecast(model.sample, name, 13)
    for title in ("P1", "$a_b$ 5", "x" * 300):
        picture = plot_forecast(title, model.sample.history(name), made)
        assert picture.startswith(b"\x89PNG")
    both = plot_products([Shown(n, model.sample.history(n), made) for n in ("P1", "P2")])
    assert both.startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="no product"):
        plot_products([])


def test_last_year_is_what_was_sold_52_weeks_before():
    history = np.arange(60, dtype=np.float32)
    assert last_year(history, 3).tolist() == [8, 9, 10]
    np.testing.assert_array_equal(last_year(history[:51], 3), [np.nan, 0, 1])
    assert np.isnan(last_year(history[:10], 3)).all()


def write(path: Path, counts: np.ndarray) -> Path:
    lines = ["P," + ",".join(f"W{i}" for i in range(counts.shape[1]))]
    lines += [f"P{i}," + ",".join(map(str, row)) for i, row in enumerate(counts.tolist())]
    path.write_text("\n".join(lines))
    return path


def test_a_table_is_evaluated_next_to_baselines(model, tmp_path: Path):
    counts = np.random.default_rng(0).poisson(9, (12, 30))
    result = evaluate_file(model, write(tmp_path / "t.csv", counts))
    keys = {"mae", "rmse", "mase", "pinball", "coverage"}
    assert keys <= result.keys()
    assert {"naive", "mean of 26 weeks", "mean of all weeks"} <= result["baselines"].keys()
    assert all(keys <= row.keys() for row in result["baselines"].values())
    assert result["mae"] < result["baselines"]["naive"]["mae"]
    assert 0.6 < result["coverage"] <= 1


def test_gaps_in_a_table_do_not_spoil_its_figures(model, tmp_path: Path):
    counts = np.random.default_rng(0).poisson(9, (5, 30)).astype(object)
    counts[0, 20:26] = ""
    counts[1, 28] = ""
    counts[2, :10] = ""
    result = evaluate_file(model, write(tmp_path / "t.csv", counts))
    rows = [result, *result["baselines"].values()]
    assert all(np.isfinite(row[key]) for row in rows for key in ("mae", "rmse", "pinball"))


def test_mase_scales_each_product_by_its_own_past():
    past = np.array([[1.0, 3, 1, 3], [0, 100, 0, 100], [5, 5, 5, 5]])
    scale = evaluate.naive_error(past)
    assert scale.tolist() == [2, 100, 0]
    truth, forecast = np.full((3, 1), 4.0), np.full((3, 1, 4), 6.0)
    figures = evaluate.figures(evaluate.losses(truth, forecast), scale)
    assert figures["mase"] == pytest.approx((2 / 2 + 2 / 100) / 2)  # nothing is known of the third
    assert evaluate.figures(evaluate.losses(truth, forecast), np.zeros(3))["mase"] is None


def test_figures_of_a_week_without_any_sales_are_still_json(model, tmp_path: Path):
    counts = np.random.default_rng(0).poisson(9, (5, 30)).astype(object)
    counts[:, 28] = ""
    result = evaluate_file(model, write(tmp_path / "t.csv", counts))
    assert result["coverage_by_week"][2] is None
    json.dumps(result, allow_nan=False)


def test_a_table_too_short_to_evaluate_is_refused(model, tmp_path: Path):
    with pytest.raises(ValueError, match="has 5 weeks; at least 9 are needed"):
        evaluate_file(model, write(tmp_path / "t.csv", np.ones((2, 5), int)))


def test_a_file_that_is_not_there_is_refused(model, tmp_path: Path):
    with pytest.raises(ValueError, match=r"nothing\.csv: cannot be read"):
        evaluate_file(model, tmp_path / "nothing.csv")
