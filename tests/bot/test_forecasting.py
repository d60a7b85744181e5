import asyncio
import io
from typing import Any

import openpyxl

from tests.bot.talk import ask, labels
from tests.conftest import Town

WEEKS = 20
TEA = [20 + week % 3 for week in range(WEEKS)]
JAM = [40 - 2 * week for week in range(WEEKS)]


def wide(products: dict[str, list[int]], first: int = 1) -> bytes:
    """A CSV of numbered weeks."""
    count = max(map(len, products.values()))
    rows = [["product", *(f"W{first + n}" for n in range(count))]]
    rows += [[name, *map(str, sold)] for name, sold in products.items()]
    return "\n".join(",".join(row) for row in rows).encode()


async def send(town: Town, content: bytes, wanted: str, name: str = "sales.csv") -> dict[str, Any]:
    """The admin sends a file; the bot's answer that holds the wanted words."""
    sent = await town.ada.document(content, name=name)
    return await town.ada.wait_for(
        lambda m: wanted in m["text"], within=20, after=sent["message_id"]
    )


async def bring_in(town: Town, content: bytes, button: str = "✅ Import") -> dict[str, Any]:
    offered = await send(town, content, "units in total")
    await town.ada.press(offered, button)
    return await town.ada.wait_for(
        lambda m: "is imported" in m["text"] and m["message_id"] == offered["message_id"],
        within=20,
    )


async def test_a_forecast_is_a_picture_with_two_lines(town: Town) -> None:
    answer = await ask(town.carla, "/forecast p1", "P1: about")
    assert answer["photo"]
    assert "in 8 of 10 weeks between" in answer["caption"]
    assert "the last 8 weeks" in answer["caption"]
    assert "Weeks W52 to W55 of sample data" in answer["caption"]


async def test_several_products_are_compared_over_the_weeks_asked_for(town: Town) -> None:
    for asked in ("/forecast P1 P2 P3 2", "/forecast P1, P2, P3 2"):
        answer = await ask(town.carla, asked, "P1: about")
        assert "P2: about" in answer["caption"]
        assert "P3: about" in answer["caption"]
        assert "Weeks W52 to W53" in answer["caption"]
    await ask(town.carla, "/forecast P1 P2 P3 P4 P5", "up to four")


async def test_close_names_are_offered_as_buttons(town: Town) -> None:
    offered = await ask(town.carla, "/forecast P81x", "Did you mean one of these?")
    chosen = labels(offered)[0]
    await town.carla.press(offered, chosen)
    await town.carla.wait_for(lambda m: f"{chosen}: about" in (m.get("caption") or ""), within=20)


async def test_what_cannot_be_forecast_is_answered(town: Town) -> None:
    for asked, wanted in (
        ("/forecast", "Name a product"),
        ("/forecast P1 0", "1 to 13 weeks"),
        ("/forecast P1 1000", "1 to 13 weeks"),
        ("/forecast P1 -3", "1 to 13 weeks"),
        ("/forecast <b>x</b> & y", "I know no product <b>x</b> & y"),
        ("/forecast ,", "Name a product"),
        ("/movers 99", "1 to 13 weeks"),
    ):
        await ask(town.carla, asked, wanted)


async def test_movers_name_what_rises_and_what_falls_and_open_their_forecasts(town: Town) -> None:
    answer = await ask(town.ana, "/movers", "Make more of")
    assert "Make less of" in answer["text"]
    product = labels(answer)[0]
    await town.ana.press(answer, product)
    await town.ana.wait_for(lambda m: f"{product}: about" in (m.get("caption") or ""), within=20)


async def test_an_admin_brings_in_sales_and_the_team_asks_about_them(town: Town) -> None:
    offered = await send(town, wide({"Tea": TEA, "Jam": JAM}), "units in total")
    assert "2 products, 20 weeks (W1 to W20)" in offered["text"]
    assert "product | W1 | W2" in offered["text"]
    await ask(town.ana, "/forecast Tea", "I know no product Tea")  # not before the tap
    await town.ada.press(offered, "✅ Import")
    await town.ada.wait_for(lambda m: "is imported" in m["text"], within=20)
    answer = await ask(town.ana, "/forecast TEA 2", "Tea: about")
    assert "Weeks W21 to W22, from your own sales" in answer["caption"]
    movers = await ask(town.ana, "/movers", "from your own sales")
    assert "Tea: " in movers["text"]


async def test_customers_see_own_sales_only_when_an_admin_opens_them(town: Town) -> None:
    await bring_in(town, wide({"Tea": TEA, "Jam": JAM}))
    await ask(town.carla, "/forecast Tea", "I know no product Tea")
    await ask(town.carla, "/forecast P1", "of sample data")
    overview = await ask(town.ada, "/sales", "They answer agents and admins.")
    await town.ada.press(overview, "🔓 Open to customers")
    await town.ada.wait_for(lambda m: "They answer customers" in m["text"], within=15)
    await ask(town.carla, "/forecast Tea", "Tea: about")


async def test_the_next_weeks_are_added_and_can_be_taken_back(town: Town) -> None:
    await bring_in(town, wide({"Tea": TEA, "Jam": JAM}))
    more = wide({"tea": [25, 26], "Honey": [1, 2]}, first=20)
    offered = await send(town, more, "Added to what is there")
    assert "1 weeks after W21, 1 new products, 1 figures changed" in offered["text"]
    await town.ada.press(offered, "➕ Add to what is there")
    done = await town.ada.wait_for(lambda m: "3 products, 21 weeks" in m["text"], within=20)
    await ask(town.ada, "/forecast Honey", "Honey has 2 weeks of history")
    await town.ada.press(done, "↩️ Take it back")
    await town.ada.wait_for(lambda m: "is taken back" in m["text"], within=15)
    await ask(town.ada, "/sales", "2 products, 20 weeks")


async def test_taking_back_from_the_overview_asks_first(town: Town) -> None:
    await bring_in(town, wide({"Tea": TEA}))
    overview = await ask(town.ada, "/sales", "1 products")
    await town.ada.press(overview, "↩️ Take back sales.csv")
    question = await town.ada.wait_for(lambda m: "Take the last file back?" in m["text"], 15)
    await town.ada.press(question, "Keep it")
    overview = await town.ada.wait_for(lambda m: "They answer" in m["text"], 15)
    await town.ada.press(overview, "↩️ Take back sales.csv")
    question = await town.ada.wait_for(lambda m: "Take the last file back?" in m["text"], 15)
    await town.ada.press(question, "↩️ Take it back")
    await town.ada.wait_for(lambda m: "is taken back" in m["text"], within=15)
    await ask(town.ada, "/sales", "No sales of your own yet")


async def test_an_excel_file_with_dates_is_understood_row_by_row(town: Town) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["product", "date", "quantity"])
    for day in range(1, 29):
        sheet.append(["Tea & Co", f"2026-02-{day:02}", day % 5])
    sheet.append(["Tea & Co", "2026-03-01", None])
    file = io.BytesIO()
    book.save(file)
    offered = await send(town, file.getvalue(), "units in total", name="sales.xlsx")
    assert "1 products, 5 weeks (2026-01-26 to 2026-02-23)" in offered["text"]
    assert "row 30, quantity: empty" in offered["text"]


async def test_bad_files_are_refused_with_row_and_column_and_import_nothing(town: Town) -> None:
    for content, name, wanted in (
        (b"product,W1,W2\nTea,3,many\n", "a.csv", "row 2, column W2: 'many' is not a number"),
        (b"product,W1\nTea,-3\n", "a.csv", "row 2, column W1: '-3' is negative"),
        (b"product,W1\nTea,3\ntea,4\n", "a.csv", "row 3, column product: tea is in row 2"),
        (b"product,W1\n=1+1,3\n", "a.csv", "row 2, column product: '=1+1' is no product name"),
        (b"product,W1\n<b>x</b>,3\n", "a.csv", "'<b>x</b>' is no product name"),
        (b"\x89PNG\r\n\0\0\0", "a.png", "no table"),
        (b"PK\x03\x04 but no workbook", "a.xlsx", "no Excel file"),
        (b"hello", "a.txt", "no table"),
    ):
        await send(town, content, wanted, name=name)
    await ask(town.ada, "/sales", "No sales of your own yet")


async def test_a_file_that_telegram_does_not_hand_over_is_answered(town: Town) -> None:
    await send(town, b"product,W1\n" + b"Tea,3\n" * 4_000_000, "This file is too large")


async def test_a_file_is_imported_once_and_not_after_it_was_cancelled(town: Town) -> None:
    offered = await send(town, wide({"Tea": TEA}), "units in total")
    await asyncio.gather(*(town.ada.press(offered, "✅ Import") for _ in range(2)))
    await town.ada.wait_for(lambda m: "is imported" in m["text"], within=15)
    again = await send(town, wide({"Jam": JAM}), "units in total")
    await town.ada.press(again, "✖️ Cancel")
    await town.ada.wait_for(lambda m: "Nothing was imported" in m["text"], within=15)
    await ask(town.ada, "/sales", "1 products")


async def test_nobody_but_an_admin_touches_the_sales(town: Town) -> None:
    await ask(town.ana, "/sales", "I don't know that command")
    sent = await town.ana.document(wide({"Tea": TEA}), name="sales.csv")
    await town.ana.wait_for(
        lambda m: "To answer a customer" in m["text"], within=15, after=sent["message_id"]
    )
