"""Conditions on columns: which rows a filter lets in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from labelloop.errors import SettingsError


def meets(column: str, values: np.ndarray, condition: Any) -> np.ndarray:
    """Which values meet the condition: shape (n,), bool. None, NaN and empty text meet none.

    Args:
        column: for messages.
        values: shape (n,), object: text, numbers or booleans.
        condition: a value, a list of values, or a mapping with min, max or both (inclusive). A number also
            matches the text that spells it, since CSV has no numbers. Bounds that are numbers are compared
            as numbers, other bounds as text, which is right for dates written year first.

    Raises:
        SettingsError: a bound is a number and a value is not; names row and value.
    """
    if isinstance(condition, Mapping):
        return _between(column, values, condition.get("min"), condition.get("max"))
    wanted = condition if isinstance(condition, list | tuple | set) else [condition]
    names = {spelled(value) for value in wanted}
    return np.array([not is_missing(value) and spelled(value) in names for value in values], dtype=bool)


def is_missing(value: Any) -> bool:
    """None, NaN, or text of nothing but blanks."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip()


def numbers(column: str, values: np.ndarray, setting: str) -> np.ndarray:
    """A column as numbers: shape (n,), float64; NaN where it is empty.

    Raises:
        SettingsError: a value is no number; names setting, row and value.
    """
    result = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if is_missing(value):
            continue
        try:
            result[row] = float(value)
        except (TypeError, ValueError):
            raise SettingsError(
                f"{setting}: column {column!r} has {value!r} in row {row} (from 0), which is no number"
            ) from None
    return result


def _between(column: str, values: np.ndarray, low: Any, high: Any) -> np.ndarray:
    bounds = [bound for bound in (low, high) if bound is not None]
    if all(isinstance(bound, int | float) for bound in bounds):
        given = numbers(column, values, "filter")
        inside = ~np.isnan(given)
        inside &= np.ones(len(given), dtype=bool) if low is None else given >= low
        return inside & (np.ones(len(given), dtype=bool) if high is None else given <= high)
    least, most = (None if bound is None else str(bound) for bound in (low, high))
    return np.array(
        [
            not is_missing(value)
            and (least is None or str(value) >= least)
            and (most is None or str(value) <= most)
            for value in values
        ],
        dtype=bool,
    )


def spelled(value: Any) -> str:
    """One spelling for a value however it is stored: 3, 3.0 and '3' are the same, so are True and 'true'."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    return text.lower() if text.lower() in ("true", "false") else text
