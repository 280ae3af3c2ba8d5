"""What a model says about items, from a file: `labelloop fuse VOTES --probabilities FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from labelloop.errors import DataError
from labelloop.fusion.column_names import item_column_of
from labelloop.fusion.text_table import read_text_table

PREFIX = "probability."
TOLERANCE = 1e-3
"""By how much a row of probabilities may miss 1."""


POSTERIOR = "posterior."


def read_start(
    path: str | Path, items: np.ndarray, classes: Sequence[str], item_column: str = "item"
) -> np.ndarray:
    """Shape (n_items, n_classes): posteriors of a file that `labelloop fuse` has written, for a fit to start
    from; NaN for items that it does not have, and for its gold: what judges labels may not shape them.

    Raises:
        DataError: see `read_probabilities`; or it has none of the items but as gold.
    """
    rows = read_probabilities(path, items, classes, item_column, prefix=POSTERIOR, plain=False)
    table = read_text_table(Path(path))
    if "gold" in table.columns:
        gold = table[table["gold"].str.lower() == "true"]
        known = gold[item_column_of(table, Path(path), (item_column, "item"))]
        rows = np.where(pd.Index(items).isin(known)[:, None], np.nan, rows)
    if np.isnan(rows).all():
        raise DataError(f"{path} has none of the items; items of the votes look like {str(items[0])!r}")
    return rows


def start_of(rows: np.ndarray, n_classes: int) -> np.ndarray:
    """The rows for the first classes alone; NaN where the others have a part in them."""
    kept = rows[:, :n_classes].copy()
    kept[np.abs(kept.sum(axis=1) - 1) > TOLERANCE] = np.nan
    return kept


def read_probabilities(
    path: str | Path,
    items: np.ndarray,
    classes: Sequence[str],
    item_column: str = "item",
    *,
    prefix: str = PREFIX,
    plain: bool = True,
) -> np.ndarray:
    """Shape (n_items, n_classes): a model's probabilities, NaN for items that the file does not have.

    The file has a column of items, named `item_column`, item or as in `column_names.ALSO_CALLED`, and one
    column a class, named by the class or `probability.CLASS`; a class without a column has probability 0.
    Other columns are not read, except that one `probability.CLASS` of no class is an error.

    Args:
        prefix: what stands before a class's name instead of `probability.`.
        plain: whether a column may be named by the class alone.

    Raises:
        DataError: the items or all classes have no column, an item comes twice, a value is no probability, or
            a row does not sum to 1; names the row, counted from 1 without the header.
    """
    path = Path(path)
    table = read_text_table(path)
    item_column = item_column_of(table, path, (item_column, "item"))
    headed = [name.removeprefix(prefix) for name in table.columns if name.startswith(prefix)]
    strange = [name for name in headed if name not in classes]
    if strange:
        raise DataError(f"{path} has the column {prefix + strange[0]!r}, which is of none of the "
                        f"{len(classes)} classes: {', '.join(classes[:20])}")  # fmt: skip
    others = [name for name in table.columns if name != item_column]
    named = {
        name: next((one for one in (prefix + name, *([name] if plain else [])) if one in others), None)
        for name in classes
    }
    if not any(named.values()):
        raise DataError(f"{path} has no column of a class, such as {prefix + classes[0]!r}; it has "
                        f"{', '.join(table.columns[:20])}")  # fmt: skip
    repeated = table[item_column].duplicated().to_numpy()
    if repeated.any():
        row = int(repeated.argmax())
        raise DataError(f"{path}, row {row + 1}: item {table[item_column].iloc[row]!r} comes a second time")
    rows = np.zeros((len(table), len(classes)))
    for code, name in enumerate(classes):
        if named[name] is not None:
            rows[:, code] = pd.to_numeric(table[named[name]], errors="coerce")
    wrong = ~((rows >= 0) & (rows <= 1)).all(axis=1) | (np.abs(rows.sum(axis=1) - 1) > TOLERANCE)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}, row {row + 1}: {rows[row][:10].tolist()} are no probabilities that sum to "
                        "1; every item needs one a class, from 0 to 1")  # fmt: skip
    told = pd.DataFrame(rows, index=table[item_column]).reindex(items)
    return told.to_numpy()
