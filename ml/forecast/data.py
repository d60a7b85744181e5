"""Tables of weekly sales: one product a row, one week a column.

The sample is the Sales Transactions Dataset Weekly of the UCI Machine Learning Repository
(data set 396, CC BY 4.0): 811 products, 52 weekly counts ``W0`` to ``W51``. A company's own table
is read by :mod:`ml.forecast.sheet`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
