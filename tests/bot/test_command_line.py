import asyncio
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.world import GROUP_ID, SANDBOX_TOKEN
from tests.conftest import Town


def firstline(
    *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command as a user's shell would."""
    settings = {"TELEGRAM_BOT_TOKEN": "", "DATA_DIR": "/nonexistent", **(environment or {})}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        input=given,
        capture_output=True,
        env={**os.environ, **settings},
        timeout=60,
    )


def objects(done: subprocess.CompletedProcess[bytes]) -> list[Any]:
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def assert_refused(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """Exit 2, nothing on stdout, one line on stderr that says why."""
    assert (done.returncode, done.stdout) == (2, b"")
    [line] = done.stderr.decode().strip().splitlines()
    assert all(word in line for word in words), line


def test_scores_come_one_object_a_line_in_input_order() -> None:
    texts = ["I was charged twice", "Thank you, works great", "¿Dónde está mi pedido? 😀"]
    rows = objects(firstline("score", *texts))
    assert [row["text"] for row in rows] == texts
    assert all(0 <= row["complaint"] <= 1 for row in rows)
    assert all(row["band"] in ("urgent", "high", "normal", "low") for row in rows)
    assert [row.get("foreign", False) for row in rows] == [False, False, True]


def test_lines_of_standard_input_are_scored_also_odd_ones() -> None:
    given = b"late again\n\n\xff\xfe broken bytes\n" + b"word " * 20_000 + b"\n...\n"
    rows = objects(firstline("score", given=given))
    assert len(rows) == 5
    assert all(math.isfinite(row["complaint"]) for row in rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_column_of_a_table_is_scored(tmp_path: Path, delimiter: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f'id{delimiter}said\n1{delimiter}"late, again; really"\n', "utf-8-sig")
    [row] = objects(firstline("score", "--csv", str(table), "--column", "said"))
    assert row["text"] == "late, again; really"
    assert_refused(firstline("score", "--csv", str(table)), "column 'text'")


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    assert_refused(firstline("score", "--csv", "nowhere.csv"), "nowhere.csv")
    assert_refused(firstline("evaluate", "sentiment", "nowhere.csv"), "nowhere.csv")


def test_a_sentence_is_finished_the_same_way_each_time() -> None:
    command = ("complete", "So she was considering", "-n", "2", "--json")
    [first], [second] = objects(firstline(*command)), objects(firstline(*command))
    assert first == second
    assert first["prompt"] == "So she was considering"
    assert 1 <= len(first["suggestions"]) <= 2
    assert all(isinstance(text, str) and text for text in first["suggestions"])


@pytest.mark.parametrize("text", ["", "   ", "😀", "你好"])
def test_a_text_that_cannot_be_finished_is_refused(text: str) -> None:
    assert_refused(firstline("complete", text), "write a few words")


def test_a_forecast_names_each_week_with_its_interval() -> None:
    [made] = objects(firstline("forecast", "p1", "--weeks", "3", "--json"))
    assert (made["product"], made["interval"]) == ("P1", 0.8)
    assert [week["week"] for week in made["weeks"]] == ["W52", "W53", "W54"]
    assert all(week["low"] <= week["mean"] <= week["high"] for week in made["weeks"])


def test_an_unknown_product_is_refused_with_close_names() -> None:
    assert_refused(firstline("forecast", "P99999"), "P99999", "close")
    for weeks in ("0", "1000", "x"):
        assert_refused(firstline("forecast", "P1", "--weeks", weeks), "--weeks")


def test_the_networks_are_measured_on_a_users_own_file(tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.csv"
    labelled.write_text("text,label\nbroken and awful,1\nlovely and great,0\nlate again,1\n")
    [figures] = objects(firstline("evaluate", "sentiment", str(labelled), "--json"))
    for name in ("accuracy", "roc_auc", "average_precision", "ece"):
        assert 0 <= figures[name] <= 1
        assert all(name in baseline for baseline in figures["baselines"].values())

    prose = tmp_path / "prose.txt"
    prose.write_text("It was a bright cold day in April. " * 20)
    [figures] = objects(firstline("evaluate", "completion", str(prose), "--json"))
    assert 0 < figures["bits_per_character"] < 8

    sales = tmp_path / "sales.csv"
    weeks = ",".join(f"W{n}" for n in range(30))
    rows = "\n".join(f"P{n}," + ",".join(str((n * w) % 7) for w in range(30)) for n in range(1, 5))
    sales.write_text(f"Product,{weeks}\n{rows}\n")
    [figures] = objects(firstline("evaluate", "forecast", str(sales), "--json"))
    for name in ("mae", "rmse", "mase", "pinball", "coverage"):
        assert math.isfinite(figures[name])
    assert figures["baselines"]


@pytest.mark.parametrize(
    ("network", "content", "word"),
    [
        ("sentiment", b"a,b\n1,2\n", "label"),
        ("sentiment", b"text,label\nhello,maybe\n", "row 2"),
        ("sentiment", b"", "label"),
        ("completion", b"", "empty"),
        ("completion", b"\xff\xfe\x00", "UTF-8"),
        ("forecast", b"not a table", "no table"),
        ("forecast", b"", "no table"),
    ],
)
def test_a_file_that_cannot_be_measured_is_refused(
    tmp_path: Path, network: str, content: bytes, word: str
) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    assert_refused(firstline("evaluate", network, str(file)), word)


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    for name, value in (
        ("ADMIN_IDS", "ada"),
        ("TELEGRAM_API_URL", "telegram"),
        ("DATABASE_URL", "mysql://host/desk"),
        ("PATIENCE_HOURS", "-1"),
        ("LOG_LEVEL", "LOUD"),
    ):
        assert_refused(firstline("run", environment={name: value}), name)


def test_the_doctor_says_what_to_do_and_keeps_the_token_to_itself(tmp_path: Path) -> None:
    well = firstline("doctor", environment={"DATABASE_URL": f"sqlite:///{tmp_path}/desk.db"})
    assert well.returncode == 0
    assert b"TELEGRAM_BOT_TOKEN" in well.stdout
    ill = firstline(
        "doctor",
        environment={
            "TELEGRAM_BOT_TOKEN": SANDBOX_TOKEN,
            "TELEGRAM_API_URL": "http://127.0.0.1:9",
            "DATABASE_URL": "postgresql://desk:secret@127.0.0.1:9/desk",
        },
    )
    assert ill.returncode == 1
    told = (ill.stdout + ill.stderr).decode()
    assert "check TELEGRAM_BOT_TOKEN" in told
    assert "check DATABASE_URL" in told
    assert SANDBOX_TOKEN not in told
    assert "secret" not in told
    assert "Traceback" not in told


async def test_the_doctor_looks_at_telegram_too(closed_town: Town) -> None:
    settings = {
        "TELEGRAM_BOT_TOKEN": SANDBOX_TOKEN,
        "TELEGRAM_API_URL": closed_town.settings.telegram_api_url,
        "DATABASE_URL": closed_town.settings.database_url,
        "AGENT_CHAT_ID": str(GROUP_ID),
        "ADMIN_IDS": "3001",
    }
    well = await asyncio.to_thread(firstline, "doctor", environment=settings)
    told = well.stdout.decode()
    assert well.returncode == 0, told
    assert "connected as @firstline_sandbox_bot" in told
    assert "Support team" in told
    ill = await asyncio.to_thread(
        firstline, "doctor", environment={**settings, "AGENT_CHAT_ID": "-5", "ADMIN_IDS": ""}
    )
    told = ill.stdout.decode()
    assert ill.returncode == 1
    assert "set ADMIN_IDS" in told
    assert "correct AGENT_CHAT_ID" in told


def sales_file(folder: Path, text: str, name: str = "sales.csv") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_own_sales_are_imported_added_to_and_forecast(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path / "data")}
    weeks = ";".join(f"W{n}" for n in range(1, 13))
    file = sales_file(tmp_path, f"product;{weeks}\nTea;{';'.join('3' * 12)}\nJam{';9,5' * 12}\n")
    checked = firstline("import-sales", "--check", file, environment=place)
    assert checked.stdout == b"understood: 2 products, 12 weeks (W1 to W12), 150 units\n"
    assert not (tmp_path / "data").exists()
    done = firstline("import-sales", file, environment=place)
    assert done.stdout == b"imported; all sales: 2 products, 12 weeks (W1 to W12), 150 units\n"
    more = sales_file(tmp_path, "product,W13\ntea,4\n", "more.csv")
    done = firstline("import-sales", more, environment=place)
    assert b"2 products, 13 weeks (W1 to W13), 154 units" in done.stdout
    [answer] = objects(firstline("forecast", "TEA", "--weeks", "2", "--json", environment=place))
    assert answer["product"] == "Tea"
    assert [row["week"] for row in answer["weeks"]] == ["W14", "W15"]
    assert_refused(firstline("forecast", "P1", environment=place), "unknown product 'P1'")


def test_a_database_that_cannot_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    good = sales_file(tmp_path, "product,W1,W2\nTea,3,4\n")
    for place in (
        {"DATABASE_URL": "postgresql://desk:secret@127.0.0.1:9/desk"},
        {"DATABASE_URL": "", "DATA_DIR": good},
    ):
        refused = firstline("import-sales", good, environment=place)
        assert_refused(refused, "the sales cannot be kept")
        assert b"secret" not in refused.stderr


def test_a_message_of_any_length_is_scored_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text(
        "text,label\n" + "The line is dead and nobody calls back. " * 4_000 + ",1\nThanks a lot,0\n"
    )
    [long, short] = objects(firstline("score", "--csv", str(file), "--column", "text"))
    assert long["complaint"] > 0.5 > short["complaint"]
    assert firstline("evaluate", "sentiment", str(file), "--json").returncode == 0


def test_sales_that_cannot_be_imported_change_nothing(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path / "data")}
    good = sales_file(tmp_path, "product,W1,W2\nTea,3,4\n")
    firstline("import-sales", good, environment=place)
    bad = sales_file(tmp_path, "product,W1,W2\nTea,3,many\n", "bad.csv")
    assert_refused(firstline("import-sales", bad, environment=place), "row 2, column W2", "'many'")
    dated = sales_file(tmp_path, "product,2026-01-05\nTea,3\n", "dated.csv")
    refused = firstline("import-sales", dated, environment=place)
    assert_refused(refused, "some weeks are dates, others are numbered", "--replace")
    far = sales_file(tmp_path, "product,W9999\nTea,3\n", "far.csv")
    assert_refused(firstline("import-sales", far, environment=place), "more than 1040 weeks")
    short = firstline("forecast", "Tea", environment=place)
    assert_refused(short, "Tea has 2 weeks of history; 8 are needed")
    replaced = firstline("import-sales", "--replace", dated, environment=place)
    assert b"1 products, 1 weeks (2026-01-05 to 2026-01-05), 3 units" in replaced.stdout
