"""Tables of weekly sales: one product a row, one week a column.

The sample is the Sales Transactions Dataset Weekly of the UCI Machine Learning Repository
(data set 396, CC BY 4.0): 811 products, 52 weekly counts ``W0`` to ``W51``. A company's own table
is read by :mod:`ml.forecast.sheet`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

MAX_WEEKS = 1040  # twenty years; more is a mistyped date
UCI_FILE = "Sales_Transactions_Dataset_Weekly.csv"
UCI_NAME = "Sales Transactions Dataset Weekly, UCI Machine Learning Repository, CC BY 4.0"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SalesTable:
    """What was sold: ``counts`` is float32 [products, weeks], in pieces.

    NaN stands for weeks of which nothing is known, above all those before a product was first sold.
    """

    products: list[str]
    weeks: list[str]
    counts: Floats

    @classmethod
    def of(cls, sales: Mapping[str, Mapping[str, float]]) -> SalesTable:
        """A table of units by product and week: products in order, no week left out.

        Raises:
            ValueError: some weeks are dates and others numbers, there are none, or they lie too far
                apart.
        """
        named = {week for known in sales.values() for week in known}
        numbers = {week: week_number(week) for week in named}
        if not named or len({_is_date(week) for week in named}) > 1:
            raise ValueError("some weeks are dates, others are numbered")
        first = min(named, key=numbers.__getitem__)
        start, end = numbers[first], max(numbers.values())
        if end - start >= MAX_WEEKS:
            last = max(named, key=numbers.__getitem__)
            raise ValueError(f"{first} to {last} are more than {MAX_WEEKS} weeks")
        products = sorted(sales, key=_natural)
        counts = np.full((len(products), end - start + 1), np.nan, np.float32)
        for row, product in enumerate(products):
            for week, units in sales[product].items():
                counts[row, numbers[week] - start] = units
        return cls(products, [first, *_following(first, end - start)], counts)

    def figures(self) -> Iterator[tuple[str, str, float]]:
        """Product, week and units of what is known: what ``of`` takes."""
        for product, counts in zip(self.products, self.counts, strict=True):
            for week, units in zip(self.weeks, counts.tolist(), strict=True):
                if not np.isnan(units):
                    yield product, week, units

    def following(self, n: int) -> list[str]:
        """The names of the ``n`` weeks after the last."""
        return _following(self.weeks[-1], n)

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


def _is_date(week: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", week) is not None


def week_number(week: str) -> int:
    """Where a week stands among others: a Monday counted from the year 1, or a week's own number.

    Raises:
        ValueError: it is neither.
    """
    if _is_date(week):
        return date.fromisoformat(week).toordinal() // 7
    number = re.search(r"\d+$", week)
    if number is None:
        raise ValueError(f"{week!r} is no week")
    return int(number[0])


def _following(week: str, n: int) -> list[str]:
    if _is_date(week):
        day = date.fromisoformat(week).toordinal()
        return [str(date.fromordinal(day + 7 * i)) for i in range(1, n + 1)]
    stem = week.rstrip("0123456789")
    return [f"{stem}{week_number(week) + i}" for i in range(1, n + 1)]


def _natural(name: str) -> list[tuple[int, str]]:
    """Puts P2 before P10."""
    return [(int(d or 0), t.casefold()) for d, t in re.findall(r"(\d{1,18})|(\D+)", name)]
