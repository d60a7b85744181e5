"""Reads a company's own sales: CSV or Excel, wide or long, by weeks or by days.

A wide table has one row a product and one column a week or a date. A long table has one row a
sale: product, date and quantity, in any order; its first row names them. What is a date is added
up to ISO weeks, which begin on Mondays. Nothing is guessed at the cost of a wrong figure: what is
not understood is an error that names row and column as a person counts them, from 1.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.forecast.data import MAX_WEEKS, SalesTable

MAX_BYTES = 20 * 1024 * 1024
MAX_CELLS = 1_000_000  # a small Excel file can unpack to a huge table
FIRST_ROWS = 5
MAX_NAME = 200  # characters

Cell = str | int | float | dt.date | None
Row = list[Cell]

PRODUCT = {"product", "product_code", "product code", "product name", "item", "sku", "article"}
DATE = {"date", "week", "day", "sold on", "week starting"}
QUANTITY = {"quantity", "qty", "units", "pieces", "sold", "sales", "amount", "count"}


class SheetError(ValueError):
    """A file cannot be imported; the message is one line and names file, row and column."""


@dataclass(frozen=True)
class Skipped:
    """What was left out and why, with row (from 1; 0 where it is no one row) and column."""

    row: int
    column: str
    why: str


@dataclass(frozen=True)
class Sheet:
    """What a file holds.

    Attributes:
        products: names, as written.
        weeks: ISO dates of Mondays, or the file's own week names where they are no dates.
        quantities: float32 [products, weeks], pieces; NaN where the file says nothing.
        first_rows: the first rows of the file as text, header first.
        skipped: what was left out, in the file's order; gaps come last.
    """

    products: list[str]
    weeks: list[str]
    quantities: NDArray[np.float32]
    first_rows: list[list[str]]
    skipped: list[Skipped]

    def table(self) -> SalesTable:
        """The same as a table to forecast from."""
        return SalesTable(self.products, self.weeks, self.quantities)


def read_sheet(content: bytes, filename: str) -> Sheet:
    """Read a sales file.

    Raises:
        SheetError: the file is too large, no table, or a cell in it is wrong.
    """
    name = filename.replace("\n", " ")[:MAX_NAME] or "file"
    try:
        if len(content) > MAX_BYTES:
            size = len(content) / 2**20
            raise SheetError(f"it has {size:.0f} MB; {MAX_BYTES >> 20} MB are the most.")
        skipped: list[Skipped] = []
        is_excel = content.startswith(b"PK") or name.lower().endswith((".xlsx", ".xlsm"))
        rows = _excel(content, skipped) if is_excel else _csv(content)
        if rows and not any(_text(cell) for cell in rows[0]):
            raise SheetError("row 1 is empty; it should name the columns.")
        if len(rows) < 2:
            raise SheetError("it is no table: it needs a row of column names and rows below it.")
        header = [_text(cell) for cell in rows[0]]
        while header and not header[-1]:
            header.pop()
        if len(header) < 2:
            raise SheetError("it is no table: it needs a column of products and columns of weeks.")
        columns = _long_columns(header)
        read = _long(rows, header, columns, skipped) if columns else _wide(rows, header, skipped)
    except SheetError as error:
        raise SheetError(f"{name}: {error}") from None
    first = [[_text(cell) for cell in row] for row in rows[: FIRST_ROWS + 1]]
    products, weeks, quantities = read
    return Sheet(products, weeks, quantities, first, skipped)


def _csv(content: bytes) -> list[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if "\0" in text:
        raise SheetError("it is no table of text; send a CSV or an Excel file (.xlsx).")
    first_line = text.lstrip().split("\n", 1)[0]
    separator = max(";\t,", key=first_line.count)
    try:
        rows: list[Row] = [
            [cell.strip() for cell in row]
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        raise SheetError(f"it is no table: {error}.") from None
    if sum(map(len, rows)) > MAX_CELLS:
        raise SheetError(f"it has more than {MAX_CELLS:,} cells.")
    return rows


def _excel(content: bytes, skipped: list[Skipped]) -> list[Row]:
    """The first sheet of a workbook; formulas count as what Excel last computed for them."""
    import openpyxl
    from openpyxl.utils import get_column_letter
    from openpyxl.utils.exceptions import InvalidFileException

    def load(data_only: bool) -> Iterable[tuple[Any, ...]]:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=data_only)
        sheet = book.worksheets[0]
        # Workbooks may claim any size; without this the cells themselves decide.
        sheet.reset_dimensions()
        return sheet.iter_rows(values_only=True)

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > 20 * MAX_BYTES:
                raise SheetError("it unpacks to more than can be read.")
        rows: list[Row] = []
        cells = 0
        for values, formulas in zip(load(True), load(False), strict=True):
            cells += len(values)
            if cells > MAX_CELLS:
                raise SheetError(f"it has more than {MAX_CELLS:,} cells.")
            for i, (value, formula) in enumerate(zip(values, formulas, strict=False)):
                if value is None and isinstance(formula, str) and formula.startswith("="):
                    where = get_column_letter(i + 1)
                    why = "a formula without a stored value; open and save the file in Excel"
                    skipped.append(Skipped(len(rows) + 1, where, why))
            rows.append([value.strip() if isinstance(value, str) else value for value in values])
    except SheetError:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, OSError) as error:
        raise SheetError("it is no Excel file that can be read (.xlsx).") from error
    except Exception as error:  # a damaged workbook raises whatever its XML breaks
        raise SheetError("it is a damaged Excel file.") from error
    while rows and not any(_text(cell) for cell in rows[-1]):
        rows.pop()
    return rows


def _long_columns(header: Sequence[str]) -> tuple[int, int, int] | None:
    """Which columns of a long table are product, date and quantity; None for a wide table."""
    found = []
    for names in (PRODUCT, DATE, QUANTITY):
        matches = [i for i, name in enumerate(header) if name.casefold() in names]
        if not matches:
            return None
        if len(matches) > 1:
            first, second = (header[i] for i in matches[:2])
            raise SheetError(f"row 1: columns {first} and {second} could both be meant; keep one.")
        found.append(matches[0])
    product, date, quantity = found
    return product, date, quantity


def _long(
    rows: list[Row], header: list[str], columns: tuple[int, int, int], skipped: list[Skipped]
) -> tuple[list[str], list[str], NDArray[np.float32]]:
    of_product, of_date, of_quantity = columns
    seen: dict[tuple[str, dt.date], int] = {}
    names: dict[str, str] = {}
    sold: dict[tuple[str, dt.date], float] = {}
    styles = _day_first([_cell(row, of_date) for row in rows[1:]])
    for number, row in enumerate(rows[1:], start=2):
        if not any(_text(cell) for cell in row):
            continue
        _refuse_unnamed(row, number, header)
        name = _product(_cell(row, of_product), number, header[of_product])
        key = name.casefold()
        if names.setdefault(key, name) != name:
            raise SheetError(
                f"row {number}, column {header[of_product]}: {name} is also written {names[key]}."
            )
        cell = _cell(row, of_date)
        day = _date(cell, styles)
        if day is None:
            raise SheetError(f"row {number}, column {header[of_date]}: {_show(cell)} is no date.")
        if (key, day) in seen:
            raise SheetError(
                f"row {number}, column {header[of_date]}: {name} on {day} is in row "
                f"{seen[key, day]} already."
            )
        seen[key, day] = number
        value = _quantity(_cell(row, of_quantity), number, header[of_quantity])
        if value is None:
            skipped.append(Skipped(number, header[of_quantity], "empty"))
            continue
        week = day - dt.timedelta(days=day.weekday())
        sold[key, week] = sold.get((key, week), 0.0) + value
    if not sold:
        raise SheetError("it holds no sales.")
    weeks = _calendar({week for _, week in sold})
    skipped.extend(_odd_weeks({day for _, day in seen}, row=0))
    with_sales = {key for key, _ in sold}
    keys = [key for key in names if key in with_sales]
    index = {week: i for i, week in enumerate(weeks)}
    quantities = np.full((len(keys), len(weeks)), np.nan, dtype=np.float32)
    place = {key: i for i, key in enumerate(keys)}
    for (key, week), value in sold.items():
        quantities[place[key], index[week]] = value
    products = [names[key] for key in keys]
    _report_gaps(products, [str(week) for week in weeks], quantities, skipped)
    return products, [str(week) for week in weeks], quantities


def _wide(
    rows: list[Row], header: list[str], skipped: list[Skipped]
) -> tuple[list[str], list[str], NDArray[np.float32]]:
    columns, weeks = _week_columns(rows[0], header, skipped)
    products: dict[str, str] = {}
    first_seen: dict[str, int] = {}
    lines: list[NDArray[np.float32]] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(_text(cell) for cell in row):
            continue
        _refuse_unnamed(row, number, header)
        name = _product(_cell(row, 0), number, header[0] or "1")
        key = name.casefold()
        if key in products:
            raise SheetError(
                f"row {number}, column {header[0] or 1}: {name} is in row {first_seen[key]} "
                "already."
            )
        products[key], first_seen[key] = name, number
        line = np.full(len(weeks), np.nan, dtype=np.float32)
        for i, place in columns:
            value = _quantity(_cell(row, i), number, header[i])
            if value is not None:
                line[place] = value if math.isnan(line[place]) else line[place] + value
        lines.append(line)
    if not lines:
        raise SheetError("it holds no products.")
    quantities = np.stack(lines)
    if np.isnan(quantities).all():
        raise SheetError("it holds no sales.")
    names = list(products.values())
    _report_gaps(names, weeks, quantities, skipped)
    return names, weeks, quantities


def _week_columns(
    cells: Row, header: list[str], skipped: list[Skipped]
) -> tuple[list[tuple[int, int]], list[str]]:
    """The columns that hold sales and the week each belongs to, and the weeks in order."""
    places = [i for i in range(1, len(header)) if header[i]]
    for i in range(1, len(header)):
        if not header[i]:
            raise SheetError(f"row 1, column {i + 1}: has no name.")
    numbered = [i for i in places if re.fullmatch(r"[Ww](eek)?[ _]?\d+", header[i])]
    if numbered:
        _refuse_duplicates(header, [header[i].casefold() for i in numbered], numbered)
        others = [header[i] for i in places if i not in set(numbered)]
        skipped.extend(Skipped(1, name, "no week") for name in others)
        numbers = [int(re.sub(r"\D", "", header[i])) for i in numbered]
        first, last = min(numbers), max(numbers)
        if len(set(numbers)) < len(numbers):
            raise SheetError("row 1: two columns are the same week.")
        if last - first >= MAX_WEEKS:
            raise SheetError(f"row 1: weeks {first} to {last} are more than {MAX_WEEKS}.")
        stem = "W"  # one name a week, however files spell it: sales are kept by it
        gaps = sorted(set(range(first, last + 1)) - set(numbers))
        skipped.extend(Skipped(1, f"{stem}{gap}", "this week is missing") for gap in gaps)
        weeks = [f"{stem}{number}" for number in range(first, last + 1)]
        return [(i, n - first) for i, n in zip(numbered, numbers, strict=True)], weeks
    styles = _day_first([cells[i] for i in places])
    days: list[tuple[int, dt.date]] = []
    for i in places:
        day = _date(cells[i], styles)
        if day is None:
            raise SheetError(f"row 1, column {i + 1}: {_show(cells[i])} is no week or date.")
        days.append((i, day))
    _refuse_duplicates(header, [day.isoformat() for _, day in days], places)
    mondays = [(i, day - dt.timedelta(days=day.weekday())) for i, day in days]
    calendar = _calendar({week for _, week in mondays})
    index = {week: place for place, week in enumerate(calendar)}
    skipped.extend(_odd_weeks({day for _, day in days}, row=1))
    return [(i, index[week]) for i, week in mondays], [str(week) for week in calendar]


def _refuse_unnamed(row: Row, number: int, header: Sequence[str]) -> None:
    if any(_text(cell) for cell in row[len(header) :]):
        raise SheetError(f"row {number}: has {len(row)} cells, row 1 names {len(header)} columns.")


def _refuse_duplicates(header: list[str], keys: list[str], places: list[int]) -> None:
    seen: dict[str, int] = {}
    for key, i in zip(keys, places, strict=True):
        if key in seen:
            raise SheetError(f"row 1, column {i + 1}: {header[i]} is in column {seen[key]} too.")
        seen[key] = i + 1


def _calendar(weeks: set[dt.date]) -> list[dt.date]:
    """All Mondays from the first to the last."""
    first, last = min(weeks), max(weeks)
    n = (last - first).days // 7 + 1
    if n > MAX_WEEKS:
        raise SheetError(f"its dates go from {first} to {last}; {MAX_WEEKS} weeks are the most.")
    return [first + dt.timedelta(weeks=i) for i in range(n)]


def _odd_weeks(days: set[dt.date], row: int) -> list[Skipped]:
    """Weeks without a date, and a first or last week with fewer days than others have."""
    n_days = Counter(day - dt.timedelta(days=day.weekday()) for day in days)
    weeks = _calendar(set(n_days))
    odd = [Skipped(row, str(week), "this week is missing") for week in weeks if not n_days[week]]
    usual = max(n_days.values())
    for week in dict.fromkeys((weeks[0], weeks[-1])):
        if n_days[week] < usual:
            why = f"kept, but only {n_days[week]} of {usual} days of this week are in the file"
            odd.append(Skipped(row, str(week), why))
    return odd


def _report_gaps(
    products: list[str], weeks: list[str], quantities: NDArray[np.float32], skipped: list[Skipped]
) -> None:
    """Weeks missing between a product's first and last become known to the reader."""
    silent = set(np.flatnonzero(np.isnan(quantities).all(axis=0)).tolist())
    for row, product in enumerate(products):
        known = np.flatnonzero(~np.isnan(quantities[row]))
        if not len(known):
            skipped.append(Skipped(0, product, "has no sales at all"))
            continue
        inside = np.arange(known[0], known[-1] + 1)
        gaps = [week for week in inside if np.isnan(quantities[row, week]) and week not in silent]
        if gaps:
            shown = ", ".join(weeks[i] for i in gaps[:3]) + (" …" if len(gaps) > 3 else "")
            why = f"{product} has no figure in {len(gaps)} weeks ({shown}); they count as unknown"
            skipped.append(Skipped(0, product, why))


def _product(cell: Cell, row: int, column: str) -> str:
    """A product's name; what a spreadsheet or a web page could execute is refused."""
    name = _text(cell)
    where = f"row {row}, column {column}"
    if not name:
        raise SheetError(f"{where}: the product has no name.")
    if len(name) > MAX_NAME:
        raise SheetError(f"{where}: the product's name is longer than {MAX_NAME} characters.")
    if name[0] in "=+@" or any(sign in name for sign in "<>"):
        raise SheetError(
            f"{where}: {_show(name)} is no product name; = + @ at its beginning and < > are not "
            "allowed."
        )
    if not name.isprintable():
        raise SheetError(f"{where}: {_show(name)} has signs that cannot be shown.")
    return name


def _quantity(cell: Cell, row: int, column: str) -> float | None:
    """Pieces sold; None for an empty cell."""
    where = f"row {row}, column {column}"
    if isinstance(cell, bool | dt.date | dt.time):
        raise SheetError(f"{where}: {_show(cell)} is not a number.")
    if isinstance(cell, int | float):
        value = float(cell)
    else:
        text = _text(cell).replace("\u00a0", "").replace(" ", "")
        if not text:
            return None
        if re.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", text):
            either = re.sub("[.,]", "", text)
            raise SheetError(
                f"{where}: {_show(cell)} could be {either} or a fraction; write it without signs "
                "between the digits."
            )
        text = _plain(text)
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
            raise SheetError(f"{where}: {_show(cell)} is not a number.")
        value = float(text)
    if value < 0:
        raise SheetError(f"{where}: {_show(cell)} is negative; sales are 0 or more.")
    if not value < 1e9:
        raise SheetError(f"{where}: {_show(cell)} is too large a number.")
    return value


def _plain(number: str) -> str:
    """A number with a decimal point only, from one with decimal comma or grouped thousands."""
    for group, point in ((",", "."), (".", ",")):
        whole = rf"[+-]?\d{{1,3}}([{group}]\d{{3}})+"
        if re.fullmatch(rf"{whole}([{point}]\d+)?", number) and number[0] != "0":
            return number.replace(group, "").replace(point, ".")
    return number.replace(",", ".") if re.fullmatch(r"[+-]?\d*,\d+", number) else number


def _day_first(cells: Sequence[Cell]) -> bool:
    """Whether 03/04/2025 is 3 April: yes, unless some date of the file has its month first."""
    found = (re.match(r"\d{1,2}/(\d{1,2})/\d{4}", _text(cell)) for cell in cells)
    return not any(int(match[1]) > 12 for match in found if match)


def _date(cell: Cell, day_first: bool) -> dt.date | None:
    """A date or ISO week (2025-W07, its Monday); None for anything else."""
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    text = _text(cell)
    try:
        if m := re.fullmatch(r"(\d{4})-?[Ww](\d{1,2})", text):
            return dt.date.fromisocalendar(int(m[1]), int(m[2]), 1)
        if m := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})([ T][\d:.]+)?", text):
            return dt.date(int(m[1]), int(m[2]), int(m[3]))
        if m := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
            return dt.date(int(m[3]), int(m[2]), int(m[1]))
        if m := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
            day, month = (int(m[1]), int(m[2])) if day_first else (int(m[2]), int(m[1]))
            return dt.date(int(m[3]), month, day)
    except ValueError:
        return None
    return None


def _cell(row: Row, i: int) -> Cell:
    return row[i] if i < len(row) else None


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _show(cell: Cell) -> str:
    text = " ".join(_text(cell).split())
    return repr(text if len(text) <= 40 else text[:40] + "…")
