"""From a table of answers to coded votes: which answers stand, and which number each id gets.

Ids are coded by their sorted order and classes by their given order. Whatever is computed from codes is
then the same for any order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labelloop import tables
from labelloop.errors import DataError
from labelloop.fusion.base import Votes
from labelloop.hints import not_a_class

WITHDRAWN = ("deleted", "skipped")
"""Actions after which an answer no longer stands."""


def code_votes(table: pd.DataFrame, classes: Sequence[str]) -> Votes:
    """Code a table of answers; of several answers of one annotator to one item the latest counts.

    Args:
        table: columns item, annotator and value (or label); with a column answered_at the latest answer is
            the one with the greatest time (the later row among equals), without it the last row. Votes
            come out in the table's order, less `len(table) - len(votes.label)` repeats.
        classes: every class, in its order; a class that nobody chose keeps its code.

    Raises:
        DataError: an item or annotator is missing, a value is missing or not one of `classes`; names the
            row (0-based) and the value.
    """
    values = "value" if "value" in table.columns else "label"
    for column in ("item", "annotator", values):
        missing = table[column].isna().to_numpy()
        if missing.any():
            raise DataError(f"votes, row {missing.argmax()}: {column!r} is empty; every vote needs one")
    codes = np.asarray(pd.Categorical(table[values], categories=list(classes)).codes)
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise DataError(f"votes, row {row}: {not_a_class(table[values].iloc[row], classes)}")
    kept = latest_rows(table)
    item, items = pd.factorize(table["item"].to_numpy(dtype=object)[kept], sort=True)
    annotator, annotators = pd.factorize(table["annotator"].to_numpy(dtype=object)[kept], sort=True)
    return Votes(
        items=np.asarray(items, dtype=object),
        annotators=np.asarray(annotators, dtype=object),
        classes=tuple(classes),
        item=item.astype(np.int64),
        annotator=annotator.astype(np.int64),
        label=codes[kept].astype(np.int64),
    )


def standing_votes(votes: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of votes that count, in the table's order, renumbered from 0.

    A change to an answer is a further row, so first the latest row of each task and annotator decides what
    became of that answer; deleted and skipped ones fall away. Of what is left, the latest answer of each
    annotator about each item counts: who was asked twice may have changed their mind.

    Args:
        votes: columns item and annotator of `tables.VOTES` and, as far as they are there, key with action,
            and answered_at; without an action every row is an answer. A table that went through here before
            comes out as it is.
    """
    last = without_reasks(votes)
    if {"key", "action"} <= set(votes.columns):
        last = last.iloc[latest_rows(last, by=("key", "annotator"))]
        last = last[~last["action"].isin(WITHDRAWN)]
    return last.iloc[latest_rows(last)].reset_index(drop=True)


def without_reasks(votes: pd.DataFrame) -> pd.DataFrame:
    """The table without what people were asked again to see whether they agree with themselves."""
    if "action" not in votes.columns:
        return votes
    again = votes["action"] == tables.REASKED
    return votes[~again] if again.any() else votes


def latest_rows(table: pd.DataFrame, by: tuple[str, str] = ("item", "annotator")) -> np.ndarray:
    """Positions, ascending, of the latest row of each pair of `by`; see `code_votes` for what is latest."""
    first, second = (pd.factorize(table[name].to_numpy(dtype=object))[0].astype(np.int64) for name in by)
    pair = first * (second.max(initial=0) + 1) + second
    order: np.ndarray = np.arange(len(table))
    if "answered_at" in table.columns:
        order = np.argsort(table["answered_at"].to_numpy(dtype="datetime64[ns]"), kind="stable")
    # np.unique finds the first of each pair, so it looks at the rows from the latest to the earliest.
    _, position = np.unique(pair[order][::-1], return_index=True)
    return np.sort(order[::-1][position])
