"""Learning from the company's own sales."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from ml.artifact import WEIGHTS, load_card, write_card
from ml.forecast.data import SalesTable
from ml.forecast.network import Hyper
from ml.forecast.serve import ForecastModel
from storage import sales
from storage.database import Database
from tests.scripts.loading import load_script

script = load_script("train_forecast")
QUICK = replace(Hyper(), hidden=4, members=1, steps=40, batch=16)


def table(weeks: int = 30) -> SalesTable:
    random = np.random.default_rng(1)
    counts = random.poisson(random.gamma(2, 3, (8, 1)), (8, weeks)).astype(np.float32)
    counts[0, : weeks - 3] = np.nan  # too new to be measured
    counts[1, -5:] = np.nan  # no longer sold
    return SalesTable([f"P{i}" for i in range(8)], [f"W{i}" for i in range(weeks)], counts)


def desk_with(folder: Path, known: SalesTable) -> str:
    """The URL of a desk with these sales."""
    url = f"sqlite:///{folder}/desk.db"

    async def fill() -> None:
        database = Database(url)
        await database.migrate()
        async with database.write() as session:
            proposed = await sales.propose(session, "sales.csv", None, known.figures())
            await sales.keep(session, proposed.id, replaces=True)
        await database.close()

    asyncio.run(fill())
    return url


def test_new_weights_are_installed_only_if_they_beat_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = table()
    out, run = tmp_path / "forecast", tmp_path / "run"
    run.mkdir()
    data = {"own sales": "30 weeks"}
    monkeypatch.setattr(script, "old_score", lambda *_: 1e9)
    script.default(known, data, out, run, 0, "cpu", QUICK)
    model = ForecastModel.load(out)
    assert model.card["data"] == data
    assert set(model.card["figures"]) == {
        "week 22, 4 ahead", "week 26, 4 ahead", "week 29, 1 ahead",
        "made-up products that rise and fall for good",
    }  # fmt: skip
    assert {plot.name for plot in run.glob("*.png")} == {
        "coverage.png", "losses.png", "predicted.png", "products.png",
    }  # fmt: skip
    before = (out / "network.onnx").read_bytes()
    monkeypatch.setattr(script, "old_score", lambda *_: 0.0)
    script.default(known, data, out, run, 1, "cpu", QUICK)
    assert "kept the old weights" in capsys.readouterr().out
    assert (out / "network.onnx").read_bytes() == before


def test_the_shipped_weights_are_measured_on_the_same_held_out_weeks() -> None:
    score = script.old_score(script.WEIGHTS / "forecast", table(), {"own sales": "30 weeks"})
    assert 0 < score < 10


def test_weights_that_have_seen_most_of_the_weeks_are_no_measure(tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(WEIGHTS / "forecast", own)
    write_card(own, {**load_card(own), "data": {"own sales": "29 weeks"}, "score": 0.001})
    same, more = {"own sales": "29 weeks"}, {"own sales": "30 weeks"}
    assert script.old_score(own, table(), same) == 0.001
    shipped = script.old_score(WEIGHTS / "forecast", table(), more)
    assert script.old_score(own, table(), more) == shipped != 0.001
    assert script.old_score(tmp_path / "none yet", table(), more) == shipped


def test_too_few_weeks_are_named(tmp_path: Path) -> None:
    url = desk_with(tmp_path, table(weeks=10))
    with pytest.raises(ValueError, match="there are 10 weeks of sales; 24 are needed"):
        script.own(url, tmp_path / "out", tmp_path, 0, "cpu")
    assert not (tmp_path / "out").exists()
