"""Options that name something of the pool: a class, items, or a price for each row.

Strategies read them here, and so does whoever tries them before a round is opened: what a strategy would
refuse is then told while params.yaml can still be corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelloop.errors import DataError, SettingsError

Find = Callable[[Sequence[str]], np.ndarray]
"""`(k ids) -> rows`, shape (k,), int64; -1 for an id that is not in the pool."""


def check_named(
    strategy: str, options: Mapping[str, Any], *, classes: tuple[str, ...], rows: int, find: Find
) -> None:
    """Try what the options of a built-in strategy name on the pool that it will pick from.

    A `wrong` that is text is a file's name, which stages/known_errors.py reads.

    Args:
        classes: names of the classes, in the order of their codes.
        rows: of the pool.

    Raises:
        SettingsError: there is no such class, item or row.
        DataError: the costs are no number above 0 for each row.
    """
    if strategy in ("rare_class", "hard_negatives") and options.get("label") is not None:
        class_code(strategy, options["label"], classes, len(classes))
    if strategy == "error_based" and "wrong" in options and not isinstance(options["wrong"], str):
        rows_named(options["wrong"], rows, find)
    if strategy == "relabel" and options.get("costs") is not None:
        costs_of_rows(options["costs"], rows)


def class_code(strategy: str, label: object, classes: tuple[str, ...], n_classes: int) -> int:
    """Code of the class that the option `label` names, by its name or by its code.

    Args:
        classes: names of the classes; empty where they have none.

    Raises:
        SettingsError: there is no such class.
    """
    if str(label) in classes:  # a class named '2' may come from YAML as a number
        return classes.index(str(label))
    is_code = isinstance(label, int | np.integer) and not isinstance(label, bool)
    if is_code and 0 <= int(label) < n_classes:  # type: ignore[call-overload]
        return int(label)  # type: ignore[call-overload]
    known = ", ".join(classes) if classes else f"codes 0 to {n_classes - 1}"
    raise SettingsError(
        f"strategy '{strategy}': the option 'label' is {label!r}, which is no class; there are: {known}"
    )


def rows_named(wrong: object, rows: int, find: Find | None) -> np.ndarray:
    """Rows of the items that the option `wrong` of error_based names; shape (k,), int64, in its order.

    Args:
        wrong: ids, or row numbers; a number that is an id is an id.
        rows: of the pool.
        find: None where items have no ids.

    Raises:
        SettingsError: it is no list, or one of them is not in the pool.
    """
    if isinstance(wrong, str) or not isinstance(wrong, Sequence | np.ndarray):
        raise SettingsError(f"error_based's wrong is {wrong!r}; it must be a list of ids or row numbers")
    names = list(wrong)
    named: np.ndarray = np.full(len(names), -1, dtype=np.int64)
    if find is not None and names:
        named = find([str(name) for name in names])
    for place in np.flatnonzero(named < 0).tolist():
        name = names[place]
        is_row = isinstance(name, int | np.integer) and not isinstance(name, bool)
        if not (is_row and 0 <= name < rows):
            raise SettingsError(
                f"error_based's wrong names {name!r}, which is no id of the pool and no row from 0 to "
                f"{rows - 1}"
            )
        named[place] = name
    return named


def costs_of_rows(costs: npt.ArrayLike, rows: int) -> np.ndarray:
    """What a vote about each row costs by relabel's option `costs`: shape (rows,), float64, above 0.

    Raises:
        DataError: it is no number above 0 for each row.
    """
    each = np.asarray(costs)
    if each.shape != (rows,) or each.dtype.kind not in "iuf":
        raise DataError(f"costs have shape {each.shape} and type {each.dtype}; give a number for each of the "
                        f"{rows} rows")  # fmt: skip
    wrong = ~(np.isfinite(each) & (each > 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"the cost of row {row} is {each[row]}; costs must be numbers above 0")
    return each.astype(np.float64)
