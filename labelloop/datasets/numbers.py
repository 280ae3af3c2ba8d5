"""Columns of a table as features."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelloop.datasets.source import Strings
from labelloop.datasets.table_files import is_number
from labelloop.errors import DataError

MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
"""Marks of a missing number, in lower case. Such a column is still numeric; the gap is told, not guessed."""


def is_numeric(values: Strings) -> bool:
    """Whether a column holds numbers, gaps aside."""
    if is_number(values.type) or pa.types.is_boolean(values.type):
        return True
    present = _present(values)
    if present.null_count == len(present):
        return False
    try:
        present.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def as_numbers(values: Strings, column: str, name: str) -> np.ndarray:
    """A column as float64, shape (n,); a gap is NaN.

    Raises:
        DataError: a value is no number; names file, row and column.
    """
    if not pa.types.is_string(values.type):
        return np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
    present = _present(values)
    try:
        return np.asarray(present.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        row, value = next((row, value) for row, value in enumerate(present.to_pylist()) if not _parses(value))
        raise DataError(
            f"{name}, row {row} (counted from 0), column {column!r}: {value!r} is not a number; correct it, "
            "or leave the column out of dataset.numeric_columns"
        ) from None


def _present(values: Strings) -> Strings:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(pc.utf8_lower(trimmed), pa.array(MISSING)), None, trimmed)


def _parses(value: str | None) -> bool:
    try:
        pa.array([value], pa.string()).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True
