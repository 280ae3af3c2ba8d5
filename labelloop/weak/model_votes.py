"""A model as one annotator: it votes where it is sure enough, and abstains elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from labelloop.datasets.paths import stem_of
from labelloop.errors import DataError, SettingsError
from labelloop.fusion.column_names import item_column_of
from labelloop.fusion.probabilities_file import PREFIX as HEADED
from labelloop.fusion.probabilities_file import read_probabilities
from labelloop.fusion.text_table import read_text_table

PREFIX = "model:"
"""Of the annotator's name: nobody should take a model's vote for a person's."""
ABSTAIN_BELOW = 0.8
ROUNDING = 1e-6
"""What a probability in single precision may miss its threshold by."""


@dataclass(frozen=True)
class ModelTable:
    """What a model says of items."""

    name: str
    """The annotator's is `model:` and this."""
    classes: tuple[str, ...]
    probabilities: np.ndarray
    """Shape (n_items, n_classes); rows of NaN where it says nothing."""
    abstain_below: float = ABSTAIN_BELOW


def votes_of_model(model: ModelTable, items: Sequence[str]) -> pd.DataFrame:
    """The model's votes: its likeliest class, where that has at least `abstain_below` and no other as much.

    Args:
        items: the items of the rows of `model.probabilities`.

    Returns:
        Columns item, annotator and label; abstentions have no row.
    """
    told = np.nan_to_num(model.probabilities, nan=0.0)
    greatest = told.max(axis=1, initial=0.0)
    alone = (told == greatest[:, None]).sum(axis=1) == 1
    voting = np.flatnonzero(alone & (greatest > 0) & (greatest > model.abstain_below - ROUNDING))
    names = np.asarray(model.classes, dtype=object)
    return pd.DataFrame(
        {
            "item": np.asarray(items, dtype=object)[voting],
            "annotator": PREFIX + model.name,
            "label": names[told.argmax(axis=1)[voting]],
        }
    )


def check_names(models: Sequence[ModelTable]) -> None:
    """Refuse two models of one name: their votes could not be told apart."""
    names = [one.name for one in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"two models are called {twice[0]!r}, by their files' names; rename one file")


def read_model(
    path: Path,
    items: Sequence[str],
    *,
    abstain_below: float = ABSTAIN_BELOW,
    classes: Sequence[str] | None = None,
    item_column: str = "item",
) -> ModelTable:
    """Read a model's probabilities; the file's name without its format's ending is the model's.

    A table has the column of items, in any order, and one column a class, named `probability.CLASS` or, if
    none is, by the class; see `fusion.probabilities_file.read_probabilities`. An array (.npy) has a row for
    each of `items`, in their order, and a column for each of `classes`.

    Args:
        classes: the array's columns. Of a table: those of its columns that are classes; None: all.

    Raises:
        DataError: see `fusion.probabilities_file.read_probabilities`; the array has another shape; or the
            file is about none of the items, or there are none.
        SettingsError: the threshold is none, or an array comes without classes.
    """
    if not 0 < abstain_below <= 1:
        raise SettingsError(
            f"{path}: a model abstains below {abstain_below:g}; it must be above 0 and at most 1"
        )
    if not len(items):
        raise DataError(f"there is no item that {path} could vote about")
    name = stem_of(path)
    if path.suffix == ".npy":
        if not classes:
            raise SettingsError(f"{path} has no names of classes; give them in the order of its columns "
                                "(--classes 'cat,dog')")  # fmt: skip
        rows = _read_array(path, (len(items), len(classes)))
        return ModelTable(name, tuple(classes), rows, abstain_below)
    named = tuple(classes or _classes_in(path, item_column))
    rows = read_probabilities(path, np.asarray(items, dtype=object), named, item_column)
    if np.isnan(rows).all():
        raise DataError(f"{path} is about none of the {len(items)} items; these look like {items[0]!r}")
    return ModelTable(name, named, rows, abstain_below)


def _classes_in(path: Path, item_column: str) -> list[str]:
    table = read_text_table(path)
    item_column = item_column_of(table, path, (item_column, "item"))
    columns = [name for name in table.columns if name != item_column]
    return [name.removeprefix(HEADED) for name in columns if name.startswith(HEADED)] or columns


def _read_array(path: Path, shape: tuple[int, int]) -> np.ndarray:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as an array: {error}") from None
    if rows.shape != shape or rows.dtype.kind not in "fiu":
        raise DataError(f"{path} has shape {rows.shape} and type {rows.dtype}; the items and classes ask for "
                        f"numbers of shape {shape}")  # fmt: skip
    rows = rows.astype(np.float64)
    silent = np.isnan(rows).all(axis=1)
    wrong = ~silent & (~((rows >= 0) & (rows <= 1)).all(axis=1) | ~(np.abs(rows.sum(axis=1) - 1) <= 1e-3))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}, row {row + 1}: {rows[row][:10].tolist()} are no probabilities that sum to "
                        "1; an item of which nothing is known has NaN in all columns")  # fmt: skip
    return rows
