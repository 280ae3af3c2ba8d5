"""Slices of the data by which agreement is reported: `quality.slice_by`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labelloop.acquisition.conditions import is_missing, spelled
from labelloop.annotators.agreement_file import EMPTY, MOST_SLICES
from labelloop.datasets.base import Prepared
from labelloop.errors import SettingsError

SETTING = "quality.slice_by"


def slices_of(prepared: Prepared, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """The slice of every item of the pool, by column: shape (n,), object array of str.

    Raises:
        DataError: there is no such column.
        SettingsError: a column has too many values to be read side by side.
    """
    found = {}
    for column in columns:
        values = prepared.pool.values(column, SETTING)
        code, each = pd.factorize(values)
        # Code -1, of what is missing, takes the last.
        names = [*(EMPTY if is_missing(value) else spelled(value) for value in each), EMPTY]
        distinct = {names[one] for one in np.unique(code)}
        if len(distinct) > MOST_SLICES:
            raise SettingsError(f"{SETTING}: the column {column!r} has {len(distinct)} values, such as "
                                f"{min(distinct)!r}; at most {MOST_SLICES} can be read side by side. Name a "
                                "column with fewer, such as one of ranges")  # fmt: skip
        found[column] = np.array(names, dtype=object)[code]
    return found
