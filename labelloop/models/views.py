"""Two views of an item: groups of columns for co-training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelloop.errors import SettingsError

KINDS = TEXT, PICTURE = "text", "picture"
"""Kinds of columns that pools have of both: what a text says and what a picture shows."""

TwoViews = tuple[tuple[int, ...], tuple[int, ...]]


def resolve_views(
    wanted: Sequence[Sequence[int | str]], names: Sequence[str], width: int, seed: int
) -> TwoViews:
    """Column numbers of both views, each ascending.

    Args:
        wanted: two groups of columns, by name, number (from 0) or the name of a kind of columns; empty: the
            text and picture, where the data has both, else two random halves of the columns, which helps
            where many columns say the same (Nigam and Ghani, 2000).
        names: of the columns, where the data has names; `text 0`, `text 1` are of the kind `text`.
        width: number of columns.
        seed: of the random halves.

    Raises:
        SettingsError: a column does not exist, is in both groups, or a group is empty.
    """
    if width < 2:
        raise SettingsError(f"model.pool co_training needs two views, but the data has {width} column")
    kinds = _kinds(names)
    if not wanted and kinds:
        return _ascending(kinds[TEXT]), _ascending(kinds[PICTURE])
    if not wanted:
        drawn = np.random.default_rng(seed).permutation(width)
        return _ascending(drawn[: width // 2].tolist()), _ascending(drawn[width // 2 :].tolist())
    if len(wanted) != 2 or not all(wanted):
        raise SettingsError(f"model.views has {len(wanted)} groups; give two, with a column or more in each")
    first, second = (
        [number for column in group for number in kinds.get(str(column)) or [_number(column, names, width)]]
        for group in wanted
    )
    both = sorted(set(first) & set(second))
    if both:
        raise SettingsError(f"model.views has column {both[0]} in both groups; views must not share columns")
    return _ascending(first), _ascending(second)


def _kinds(names: Sequence[str]) -> dict[str, list[int]]:
    """Columns by kind, where the columns are those of texts with pictures, numbered; else empty."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for place, name in enumerate(names):
        kind, _, number = name.rpartition(" ")
        if kind not in KINDS or not number.isdecimal():
            return {}
        found[kind].append(place)
    return found if all(found.values()) else {}


def _number(column: int | str, names: Sequence[str], width: int) -> int:
    if isinstance(column, str) and column in names:
        return list(names).index(column)
    if isinstance(column, int) and 0 <= column < width:
        return column
    known = ", ".join(names) if names else f"numbers 0 to {width - 1}"
    raise SettingsError(
        f"model.views names {column!r}, which is no column that the model sees; it has {known}"
    )


def _ascending(columns: list[int]) -> tuple[int, ...]:
    return tuple(sorted(set(columns)))
