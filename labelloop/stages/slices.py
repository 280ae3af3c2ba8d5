"""Slices of the data by which agreement is reported: `quality.slice_by`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from labelloop.acquisition.conditions import is_missing, spelled
from labelloop.annotators.agreement_file import EMPTY, MOST_SLICES
from labelloop.datasets.base import Prepared
from labelloop.errors import SettingsError

SETTING = "quality.slice_by"


def check_slices(prepared: Prepared, columns: Sequence[str]) -> None:
    """Refuse columns that no round can be reported by; asked before one is opened.

    Raises:
        DataError: there is no such column.
        SettingsError: a column has too many values to be read side by side.
    """
    for column in columns:
        names = {_named(value) for value in prepared.pool.distinct(column, SETTING)}
        if len(names) > MOST_SLICES:
            raise SettingsError(f"{SETTING}: the column {column!r} has {len(names)} values, such as "
                                f"{min(names)!r}; at most {MOST_SLICES} can be read side by side. Name a "
                                "column with fewer, such as one of ranges")  # fmt: skip


def slices_of(prepared: Prepared, columns: Sequence[str], items: Sequence[str]) -> dict[str, dict[str, str]]:
    """The slice of each of the items, by column; nothing is read of the others."""
    rows = prepared.pool.rows_of(items) if columns else np.zeros(0, dtype=np.int64)
    found = {}
    for column in columns:
        code, each = pd.factorize(prepared.pool.values(column, SETTING, rows))
        # Code -1, of what is missing, takes the last.
        names = np.array([*map(_named, each), EMPTY], dtype=object)
        found[column] = dict(zip(items, names[code], strict=True))
    return found


def _named(value: Any) -> str:
    return EMPTY if is_missing(value) else spelled(value)
