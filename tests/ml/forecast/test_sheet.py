"""Sales files of any dialect are read back equal; wrong ones are refused with row and column."""

from __future__ import annotations

import csv
import datetime as dt
import io

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.forecast.sheet import MAX_BYTES, SheetError, read_sheet

MONDAY = dt.date(2024, 12, 30)
names = st.lists(
    st.text(st.sampled_from("ABcdé ,;'\"-12"), min_size=1, max_size=8).map(lambda t: f"P{t}x"),
    min_size=1,
    max_size=4,
    unique_by=str.casefold,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], np.ndarray]:
    products = draw(names)
    weeks = draw(st.integers(2, 5))
    cents = st.integers(0, 99_999).map(lambda n: n / 100)
    rows = st.lists(cents, min_size=weeks, max_size=weeks)
    counts = draw(st.lists(rows, min_size=len(products), max_size=len(products)))
    return products, np.array(counts)


def write(rows: list[list[str]], separator: str, encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


def days(n: int) -> list[dt.date]:
    return [MONDAY + dt.timedelta(weeks=i) for i in range(n)]


@settings(max_examples=60, deadline=None)
@given(
    tables(),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    st.sampled_from(".,"),
    st.sampled_from(["W", "iso", "dots", "slashes"]),
)
def test_a_wide_table_is_read_back_equal(made, separator, encoding, point, style):
    products, counts = made
    dates = days(counts.shape[1])
    header = {
        "W": [f"W{i}" for i in range(len(dates))],
        "iso": [day.isoformat() for day in dates],
        "dots": [f"{day:%d.%m.%Y}" for day in dates],
        "slashes": [f"{day:%d/%m/%Y}" for day in dates],
    }[style]
    rows = [["Product", *header]]
    for product, line in zip(products, counts, strict=True):
        rows.append([product, *(f"{value:.2f}".replace(".", point) for value in line)])
    sheet = read_sheet(write(rows, separator, encoding), "sales.csv")
    assert sheet.products == [product.strip() for product in products]
    assert sheet.weeks == (header if style == "W" else [str(day) for day in dates])
    np.testing.assert_allclose(sheet.quantities, counts, rtol=1e-6)
    assert not sheet.skipped


@settings(max_examples=60, deadline=None)
@given(
    tables(),
    st.permutations(["product", "date", "quantity"]),
    st.sampled_from([str.upper, str.title, str.lower]),
    st.randoms(use_true_random=False),
)
def test_a_long_table_of_days_adds_up_to_weeks(made, order, case, random):
    products, counts = made
    sales = []
    for product, line in zip(products, counts, strict=True):
        for monday, value in zip(days(len(line)), line, strict=True):
            half = round(value / 2, 2)
            for day, part in ((0, half), (6, value - half)):
                date = str(monday + dt.timedelta(days=day))
                sales.append({"product": product, "date": date, "quantity": f"{part:.2f}"})
    first, rest = sales[0], sales[1:]
    random.shuffle(rest)
    rows = [[case(column) for column in order]]
    rows += [[sale[column] for column in order] for sale in [first, *rest]]
    sheet = read_sheet(write(rows, ";", "utf-8"), "sales.csv")
    assert sheet.weeks == [str(day) for day in days(counts.shape[1])]
    found = {name: sheet.quantities[i] for i, name in enumerate(sheet.products)}
    for product, line in zip(products, counts, strict=True):
        np.testing.assert_allclose(found[product], line, rtol=1e-5, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(tables())
def test_an_excel_file_is_read_back_equal(made):
    products, counts = made
    rows: list[list[object]] = [["Product", *days(counts.shape[1])]]
    rows += [[p, *line.tolist()] for p, line in zip(products, counts, strict=True)]
    sheet = read_sheet(workbook(rows), "sales.xlsx")
    assert sheet.products == [product.strip() for product in products]
    np.testing.assert_allclose(sheet.quantities, counts, rtol=1e-6)


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_is_sent_is_read_or_refused_in_one_line(content):
    said = ""
    try:
        read_sheet(content, "any.csv")
    except SheetError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("P,W1\nA,-3", "row 2, column W1: '-3' is negative"),
        ("P,W1\nA,x", "row 2, column W1: 'x' is not a number"),
        ("P,W1\nA,nan", "row 2, column W1: 'nan' is not a number"),
        ("P;W1\nA;1,234", "row 2, column W1: '1,234' could be 1234 or a fraction"),
        ("P,W1\nA,1\na,2", "row 3, column P: a is in row 2 already"),
        ("P,W1,W1\nA,1,2", "row 1, column 3: W1 is in column 2 too"),
        ("P,W1\n=1+1,3", "row 2, column P: '=1+1' is no product name"),
        ("P,W1\n<b>x</b>,3", "row 2, column P: '<b>x</b>' is no product name"),
        ("P,W1\n,3", "row 2, column P: the product has no name"),
        ("P,W1\nA,1,2", "row 2: has 3 cells, row 1 names 2 columns"),
        (
            "product,date,quantity\nA,2025-01-06,1,234",
            "row 2: has 4 cells, row 1 names 3 columns",
        ),
        ("P,colour\nA,red", "row 1, column 2: 'colour' is no week or date"),
        ("product,date,quantity\nA,2025-02-30,1", "row 2, column date: '2025-02-30' is no date"),
        (
            "product,date,quantity\nA,2025-01-01,1\nA,2025-01-01,2",
            "row 3, column date: A on 2025-01-01 is in row 2 already",
        ),
        ("product,date,quantity\nA,1925-01-01,1\nA,2025-01-01,2", "weeks are the most"),
        ("", "it is no table"),
        ("hello", "it is no table"),
        ("\0\0\1\n\0", "it is no table"),
    ],
)
def test_what_is_wrong_is_said_with_row_and_column(text, said):
    with pytest.raises(SheetError) as caught:
        read_sheet(text.encode(), "sales.csv")
    assert said in str(caught.value)
    assert str(caught.value).startswith("sales.csv: ")
    assert "\n" not in str(caught.value)


def test_a_numbered_week_has_one_name_however_it_is_written():
    names = [
        read_sheet(f"P,{week}\nA,1".encode(), "s.csv").weeks for week in ("W7", "Week 7", "w_7")
    ]
    assert names == [["W7"]] * 3


def test_a_file_of_50_megabytes_is_refused():
    with pytest.raises(SheetError, match="50 MB"):
        read_sheet(b"a" * (50 * 2**20), "big.csv")
    assert MAX_BYTES == 20 * 2**20


def test_a_broken_excel_file_is_refused():
    with pytest.raises(SheetError, match="no Excel file"):
        read_sheet(b"PK\x03\x04 nothing", "sales.xlsx")


def test_a_missing_week_becomes_unknown_and_is_reported():
    sheet = read_sheet(b"product,date,quantity\nA,2025-01-06,1\nA,2025-01-20,2", "s.csv")
    np.testing.assert_array_equal(sheet.quantities, [[1, np.nan, 2]])
    assert [(item.column, item.why) for item in sheet.skipped] == [
        ("2025-01-13", "this week is missing")
    ]


def test_a_week_that_has_only_begun_is_reported():
    days = "\n".join(f"A,2025-01-{day:02},1" for day in range(6, 16))
    sheet = read_sheet(f"product,date,quantity\n{days}".encode(), "s.csv")
    assert sheet.quantities.tolist() == [[7, 3]]
    assert "only 3 of 7 days" in sheet.skipped[0].why


def test_a_formula_without_a_value_is_skipped_and_reported():
    sheet = read_sheet(workbook([["P", "W1", "W2"], ["A", 1, "=1+1"]]), "s.xlsx")
    assert np.isnan(sheet.quantities[0, 1])
    assert (sheet.skipped[0].row, sheet.skipped[0].column) == (2, "C")


def test_thousands_and_decimals_are_told_apart_where_they_can_be():
    sheet = read_sheet(b"P;W1;W2;W3\nA;1.234,5;1,234,567;0,125\n", "s.csv")
    np.testing.assert_allclose(sheet.quantities[0], [1234.5, 1234567, 0.125])
