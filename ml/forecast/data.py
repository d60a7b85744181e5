"""Tables of weekly sales: one product a row, one week a column.

The sample is the Sales Transactions Dataset Weekly of the UCI Machine Learning Repository
(data set 396, CC BY 4.0): 811 products, 52 weekly counts ``W0`` to ``W51``. A company's own table
has the same form, with any header.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UCI_FILE = "Sales_Transactions_Dataset_Weekly.csv"
UCI_NAME = "Sales Transactions Dataset Weekly, UCI Machine Learning Repository, CC BY 4.0"

Floats = NDArray[np.float32]


class TableError(ValueError):
    """A sales table cannot be read; the message names the file, the row and the column."""


@dataclass(frozen=True)
class SalesTable:
    """What was sold: ``counts`` is float32 [products, weeks], in pieces.

    NaN stands for weeks before a product was first sold.
    """

    products: list[str]
    weeks: list[str]
    counts: Floats

    def find(self, name: str) -> str | None:
        """The product of exactly this name, upper or lower case; None where there is none."""
        wanted = name.strip().casefold()
        return next((product for product in self.products if product.casefold() == wanted), None)

    def close(self, name: str, n: int = 5) -> list[str]:
        """Up to ``n`` products whose names look like this one, the closest first."""
        by_key = {product.casefold(): product for product in self.products}
        keys = difflib.get_close_matches(name.strip().casefold(), by_key, n, cutoff=0.5)
        return [by_key[key] for key in keys]

    def history(self, product: str) -> Floats:
        """Weekly counts of one product, float32 [weeks], in pieces.

        Raises:
            KeyError: the table does not have this product.
        """
        found = self.find(product)
        if found is None:
            raise KeyError(product)
        counts: Floats = self.counts[self.products.index(found)]
        return counts


def read_table(path: Path) -> SalesTable:
    """Read a CSV table: a header, then one row a product with its name in the first column.

    Commas, semicolons or tabs separate the cells. Where columns ``W0``, ``W1``, ... exist, only
    they are weeks (the UCI file has derived columns after them). Cells before a product's first
    count may be empty and become NaN.

    Raises:
        TableError: the file cannot be read, or a cell is no count; one line says where.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise TableError(f"{path.name}: cannot be read: {reason}.") from error
    lines = text.splitlines()
    if not lines:
        raise TableError(f"{path.name}: the file is empty.")
    separator = max(",;\t", key=lines[0].count)
    header, *body = (
        [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)
    )
    columns = [i for i, name in enumerate(header) if re.fullmatch(r"[Ww]\d+", name)]
    columns = columns or list(range(1, len(header)))
    products: dict[str, list[float]] = {}
    for number, row in enumerate(body, start=2):
        if not any(row):
            continue
        where = f"{path.name}: row {number}"
        if len(row) != len(header):
            raise TableError(f"{where}: has {len(row)} cells, the header has {len(header)}.")
        if not row[0]:
            raise TableError(f"{where}, column {header[0] or 1}: the product has no name.")
        if row[0] in products:
            raise TableError(f"{where}, column {header[0] or 1}: {row[0]} is there twice.")
        counts: list[float] = []
        for i in columns:
            counts.append(_count(row[i], f"{where}, column {header[i] or i + 1}", counts))
        products[row[0]] = counts
    if not products or not columns:
        raise TableError(f"{path.name}: needs a header, week columns and at least one product.")
    counts_array = np.array(list(products.values()), dtype=np.float32)
    return SalesTable(list(products), [header[i] for i in columns], counts_array)


def _count(cell: str, where: str, before: list[float]) -> float:
    if not cell:
        if any(not math.isnan(count) for count in before):
            raise TableError(f"{where}: is empty; write 0 for a week without sales.")
        return math.nan
    try:
        count = float(cell)
    except ValueError:
        raise TableError(f"{where}: {cell!r} is not a number.") from None
    if not (0 <= count < 1e9):
        raise TableError(f"{where}: {cell} is not a count of pieces sold (0 or more).")
    return count
