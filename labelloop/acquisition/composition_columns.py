"""A composition from settings and columns: the same for a campaign's data and for a table beside arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labelloop.acquisition.base import Need, Strategy
from labelloop.acquisition.composition import Composition
from labelloop.acquisition.conditions import is_missing, meets, numbers, spelled
from labelloop.acquisition.registry import make_strategy
from labelloop.errors import SettingsError
from labelloop.settings.composition import Composition as Asked

ReadColumn = Callable[[str, str], np.ndarray]
"""`(column, setting) -> its values, shape (n,), object`; `setting` is for messages."""


def composition_from(
    asked: Asked,
    read: ReadColumn,
    *,
    counted: np.ndarray | None = None,
    money: float | None = None,
    prices: float = 1.0,
    mixed: bool = True,
) -> Composition:
    """Read the columns that the settings name and check what they hold.

    Args:
        counted: rows that count for the caps beside the labeled ones; shape (k,), int64.
        money: what the batch may cost.
        prices: money that an item of cost 1 costs.
        mixed: whether the mix picks; not where there is no model yet.

    Raises:
        DataError: a column does not exist (from `read`).
        SettingsError: a cost or a value under a range is no number, or a strategy of the mix does not exist.
    """
    return Composition(
        subsample=asked.subsample,
        allowed=allowed_by(asked, read),
        strata=None if asked.stratify_by is None else _strata(read(asked.stratify_by, "stratify_by")),
        equal=asked.shares == "equal",
        groups=None if asked.group_column is None else _groups(read(asked.group_column, "group_column")),
        cap=asked.cap_per_group,
        counted=counted,
        costs=None if asked.cost_column is None else prices * costs_of(asked.cost_column, read),
        money=money,
        mix=mixture(asked) if mixed else (),
    )


def allowed_by(asked: Asked, read: ReadColumn) -> np.ndarray | None:
    """Which rows meet every condition of the filter: shape (n,), bool; None without a filter."""
    allowed: np.ndarray | None = None
    for column, condition in asked.filter.items():
        met = meets(column, read(column, "filter"), condition)
        allowed = met if allowed is None else allowed & met
    return allowed


def mixture(asked: Asked) -> tuple[tuple[Strategy, float], ...]:
    """The strategies of the mix and their shares, in the order of the settings.

    Raises:
        SettingsError: a strategy or an option does not exist.
    """
    return tuple(
        (make_strategy(name, asked.mix_options.get(name, {})), share) for name, share in asked.mix.items()
    )


def needs_of(asked: Asked, strategy: Strategy, *, mixed: bool = True) -> frozenset[Need]:
    """What the batch reads: the strategy's needs, or those of all in the mix."""
    if not mixed or not asked.mix:
        return strategy.needs
    return frozenset(need for part, _ in mixture(asked) for need in part.needs)


def costs_of(column: str, read: ReadColumn) -> np.ndarray:
    """Shape (n,), float64, above 0.

    Raises:
        SettingsError: a cell is empty, no number, or not above 0; names the row.
    """
    costs = numbers(column, read(column, "cost_column"), "cost_column")
    wrong = ~(np.isfinite(costs) & (costs > 0))
    if wrong.any():
        row = int(wrong.argmax())
        said = "is empty" if np.isnan(costs[row]) else f"is {costs[row]:g}"
        raise SettingsError(
            f"cost_column: column {column!r} {said} in row {row} (from 0), {int(wrong.sum())} rows are so; "
            "every item needs a cost above 0"
        )
    return costs


def _strata(values: np.ndarray) -> np.ndarray:
    names = np.array(["" if is_missing(value) else spelled(value) for value in values], dtype=object)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _groups(values: np.ndarray) -> np.ndarray:
    missing = np.array([is_missing(value) for value in values], dtype=bool)
    codes = np.full(len(values), -1, dtype=np.int64)
    names = np.array([spelled(value) for value in values[~missing]], dtype=object)
    codes[~missing] = np.unique(names, return_inverse=True)[1]
    return codes
