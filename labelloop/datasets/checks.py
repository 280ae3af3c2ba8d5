"""What must hold for the items of every kind of dataset; each message says what to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from labelloop.campaign import Dataset, Labels
from labelloop.datasets import content
from labelloop.datasets.source import Part
from labelloop.datasets.table_files import is_blank
from labelloop.errors import DataError
from labelloop.hints import MOST_CLASSES, did_you_mean

_SHOWN_PAIRS = 3


def check_ids(part: Part) -> None:
    """Ids must be there, and each stand for one item.

    Raises:
        DataError: names row and id; says so when one id comes with several labels.
    """
    blank = np.asarray(is_blank(part.ids))
    if blank.any():
        raise DataError(
            f"{part.name}, row {part.rows[blank.argmax()]} (counted from 0): the id is empty; fill it in, or "
            "remove dataset.id_column to have ids made of file name and row"
        )
    if pc.count_distinct(part.ids).as_py() == len(part):
        return
    ids = part.ids.to_pandas()
    repeated = ids.duplicated(keep=False)
    labels = part.labels.to_pandas()
    several = labels[repeated].groupby(ids[repeated]).nunique()
    in_conflict = several[several > 1]
    name = in_conflict.index[0] if len(in_conflict) else ids[ids.duplicated()].iloc[0]
    rows = np.flatnonzero((ids == name).to_numpy())
    where = f"{part.name}, rows {', '.join(str(part.rows[row]) for row in rows[:5])} (counted from 0)"
    if len(in_conflict):
        given = ", ".join(repr(label) for label in labels.iloc[rows].dropna().unique())
        raise DataError(
            f"{where}: id {name!r} comes with different labels: {given} ({len(in_conflict)} such ids); keep "
            "the row with the right label. Answers of several people would be votes, not labels"
        )
    raise DataError(
        f"{where}: id {name!r} appears more than once ({int(ids.duplicated().sum())} repeated rows); keep "
        "one row an id, or remove dataset.id_column to have ids made of file name and row"
    )


def check_ids_apart(pool: Part, test: Part) -> None:
    """No id may be in both the pool and the test set.

    Raises:
        DataError: names the first such id and its rows.
    """
    places = pc.index_in(test.ids, value_set=_whole(pool.ids))
    shared = np.asarray(pc.is_valid(places))
    if shared.any():
        row = int(shared.argmax())
        raise DataError(
            f"id {test.ids[row].as_py()!r} is in the test set ({test.name}, row {test.rows[row]}) and in the "
            f"pool ({pool.name}, row {pool.rows[places[row].as_py()]}); an id stands for one item "
            f"({int(shared.sum())} such ids)"
        )


def class_list(labels: Labels, pool: Part, test: Part | None) -> tuple[str, ...]:
    """The classes the user names, or those found: in the pool, and in the test set if the pool has none.

    Raises:
        DataError: fewer than two classes.
    """
    if labels.classes:
        return tuple(labels.classes)
    found = _distinct(pool) or (_distinct(test) if test is not None else [])
    if not found:
        raise DataError(
            f"{pool.name} has no known labels, so the classes cannot be told from the data; name them in "
            "labels.classes"
        )
    if len(found) < 2:
        raise DataError(
            f"{pool.name} has only one class, {found[0]!r}; a choice needs at least two: name them in "
            "labels.classes"
        )
    return tuple(sorted(found, key=_class_order(found)))


def check_labels(part: Part, classes: tuple[str, ...], named: bool, is_test: bool) -> None:
    """Every known label must be one of the classes.

    Raises:
        DataError: names row, label and the nearest class.
    """
    wrong = [label for label in _distinct(part) if label not in classes]
    if not wrong:
        return
    matching = np.asarray(pc.fill_null(pc.is_in(part.labels, pa.array(wrong)), False))
    row = int(matching.argmax())
    label = part.labels[row].as_py()
    hint = did_you_mean(label, classes, otherwise=f"classes: {', '.join(classes[:MOST_CLASSES])}")
    origin = "labels.classes" if named else f"the classes found in the {'pool' if is_test else 'data'}"
    raise DataError(
        f"{part.name}, row {part.rows[row]} (counted from 0): label {label!r} is not in {origin}; {hint} "
        f"Correct the label or name all classes in labels.classes ({int(matching.sum())} such rows, "
        f"{len(wrong)} such labels)"
    )


def check_test_labels(test: Part) -> None:
    """A given test set judges the model, so every item of it needs a label.

    Raises:
        DataError: says whether all or which rows lack one.
    """
    unknown = np.asarray(pc.is_null(test.labels))
    if unknown.all():
        raise DataError(
            f"the test set {test.name} has no labels; name them (dataset.label_column, test_labels_path or "
            "test_labels_key), or remove the test set to have a random sample of the pool labeled instead"
        )
    if unknown.any():
        raise DataError(
            f"the test set {test.name}, row {test.rows[unknown.argmax()]} (counted from 0) has no label "
            f"({int(unknown.sum())} such rows); fill in the labels or remove the rows"
        )


def without_overlap(pool: Part, test: Part, dataset: Dataset) -> tuple[Part, int]:
    """The pool without items whose content is in the test set, and how many there were.

    Raises:
        DataError: there are some and `dataset.overlap` is refuse, or nothing would be left.
    """
    places = content.matches(pool.content, test.content)
    shared = np.flatnonzero(places >= 0)
    if not len(shared):
        return pool, 0
    if dataset.overlap == "refuse":
        pairs = _pairs(pool, shared, test, places[shared])
        raise DataError(
            f"{len(shared)} items of the pool ({pool.name}) have the content of a test item ({test.name}): "
            f"{pairs}. A model must not be trained on what judges "
            "it: remove them, or set dataset.overlap to drop to leave them out of the pool"
        )
    if len(shared) == len(pool):
        raise DataError(f"every item of the pool ({pool.name}) is also in the test set ({test.name})")
    return pool.keep(places < 0), len(shared)


def folded(pool: Part, dataset: Dataset) -> tuple[Part, int, int]:
    """The pool with one item a content, how many copies went, and how many of those had another label.

    Raises:
        DataError: there are copies and `dataset.duplicates` is refuse.
    """
    if dataset.duplicates == "keep":
        return pool, 0, 0
    first = content.first_copies(pool.content)
    copies = np.flatnonzero(first != np.arange(len(pool)))
    if not len(copies):
        return pool, 0, 0
    if dataset.duplicates == "refuse":
        pairs = _pairs(pool, copies, pool, first[copies])
        raise DataError(
            f"{len(copies)} items of {pool.name} are copies of earlier ones: {pairs}. Remove them, or set "
            "dataset.duplicates to fold (asked once) or keep (asked each)"
        )
    differ = pc.not_equal(pool.labels.take(pa.array(copies)), pool.labels.take(pa.array(first[copies])))
    mask = np.ones(len(pool), dtype=bool)
    mask[copies] = False
    return pool.keep(mask), len(copies), int(pc.sum(differ).as_py() or 0)


def _pairs(part: Part, rows: np.ndarray, other: Part, its_rows: np.ndarray) -> str:
    """The first items of one part and those of the other that they are copies of."""
    shown = [
        f"{part.ids[row].as_py()!r} is {other.ids[its_row].as_py()!r}"
        for row, its_row in zip(rows[:_SHOWN_PAIRS], its_rows, strict=False)
    ]
    return "; ".join([*shown, "..."] if len(rows) > _SHOWN_PAIRS else shown)


def _distinct(part: Part) -> list[str]:
    return sorted(label for label in pc.unique(part.labels).to_pylist() if label is not None)


def _class_order(found: list[str]) -> Callable[[str], tuple[float, str]] | None:
    numbers = pd.to_numeric(pd.Series(found), errors="coerce")
    if numbers.isna().any():
        return None
    return lambda name: (float(name), name)


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
