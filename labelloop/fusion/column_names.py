"""Which column of somebody's file is the item, the annotator or the label, by the names that tools use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from labelloop.errors import DataError
from labelloop.hints import nearest

ALSO_CALLED = {
    "item": ("task", "item_id", "task_id", "question"),
    "annotator": ("worker", "annotator_id", "worker_id", "user", "rater", "performer", "labeler", "labeller"),
    "label": ("answer", "value", "response", "vote", "class", "annotation", "choice", "rating", "score"),
}
"""What other people's files call our columns: taken where ours is missing and one of these is there."""
NEARLY = {"item": ("id", "example"), "annotator": (), "label": ()}
"""What may be meant as well, or number the rows of the file: shown in the error, never taken."""
TRUTH = ("truth", "gold")
"""What a column of true labels may be called besides; never a column of votes."""


def find_column(table: pd.DataFrame, role: str, names: Sequence[str]) -> str | None:
    """The first of the names that the table has; else, where our own name is among them, the one column of
    another name for it (`ALSO_CALLED`). None where there is none or several."""
    for name in names:
        if name in table.columns:
            return name
    others = [name for name in ALSO_CALLED[role] if name in table.columns] if role in names else []
    return others[0] if len(others) == 1 else None


def nearest_column(table: pd.DataFrame, role: str, name: str) -> str | None:
    """The column that is probably meant, for an error."""
    columns = [str(column) for column in table.columns]
    lower = {column.lower(): column for column in reversed(columns)}
    meant = (name.lower(), *ALSO_CALLED[role], *NEARLY[role], *TRUTH)
    return next((lower[word] for word in meant if word in lower), None) or nearest(name, columns)


def item_column_of(table: pd.DataFrame, path: Path, names: Sequence[str], flag: str = "") -> str:
    """The column of the item's id; see `find_column`.

    Args:
        flag: the option that names the column; without one the file's column must be renamed.

    Raises:
        DataError: there is none; names what is probably meant.
    """
    found = find_column(table, "item", names)
    if found is not None:
        return found
    near = nearest_column(table, "item", names[0])
    if near:
        hint = f"did you mean {near!r}? " + (f"Say {flag} {near!r}" if flag else f"Rename it {names[0]!r}")
    else:
        hint = f"name another with {flag}" if flag else "rename the one that names the item"
    raise DataError(f"{path} has no column {names[0]!r}; it has {', '.join(table.columns[:20])}; {hint}")
