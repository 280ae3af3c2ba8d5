"""A file of votes with what more it may say: when, how fast, and to which slice an item belongs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from labelloop.errors import DataError
from labelloop.fusion.base import Votes
from labelloop.fusion.class_names import refuse_free_text
from labelloop.fusion.coding import WITHDRAWN, code_votes, latest_rows, without_reasks
from labelloop.fusion.gold_labels import in_order, none_of_the_votes
from labelloop.fusion.text_table import read_text_table
from labelloop.fusion.votes_file import read_gold, read_votes

SECONDS = "lead_seconds"


@dataclass(frozen=True)
class Answers:
    """Votes as they stand, and the table that they come from."""

    table: pd.DataFrame
    """Every answer in the file's order: item, annotator, label, and answered_at, lead_seconds, slice where
    the file has them."""
    standing: pd.DataFrame
    """The rows that count: of several answers of one annotator about one item the latest."""
    votes: Votes
    """The same rows, coded."""


def read_answers(
    path: str | Path,
    *,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
    slice_column: str | None = None,
    classes: Sequence[str] | None = None,
    numbers: bool = False,
) -> Answers:
    """Read votes as `labelloop fuse` does, with `answered_at` and `lead_seconds` where they are columns.

    The votes of a campaign (`rounds/*/votes.parquet`) are read too: the last word about each task counts, and
    nothing where that was to delete or to skip.

    Args:
        slice_column: a column to report agreement by.
        classes: the classes in their order. Default: the labels, numbers by value, others by name.
        numbers: whether labels are values, of which each may differ.

    Raises:
        DataError: see `fusion.votes_file.read_votes`; labels are free text; or no such slice
            column, or a time that is no number.
    """
    path = Path(path)
    text = read_text_table(path)
    if {"key", "action", "value"} <= set(text.columns) and label_column not in text.columns:
        text = _of_a_campaign(text)
        if text.empty:
            raise DataError(f"{path} holds no answer that stands: all were deleted or skipped")
        table = text[["item", "annotator", "label"]].copy()
        table["answered_at"] = pd.to_datetime(text["answered_at"], utc=True, format="ISO8601")
    else:
        table = read_votes(path, item_column, annotator_column, label_column, classes)
    if classes is None and not numbers:
        refuse_free_text(table["label"], path, label_column)
    if SECONDS in text.columns:
        table[SECONDS] = _seconds(text[SECONDS], path)
    if slice_column is not None:
        if slice_column not in text.columns:
            raise DataError(f"{path} has no column {slice_column!r} to slice by; it has "
                            f"{', '.join(text.columns[:20])}")  # fmt: skip
        table["slice"] = text[slice_column].to_numpy()
    return answers_of(table, in_order(set(table["label"])) if classes is None else classes)


def _of_a_campaign(text: pd.DataFrame) -> pd.DataFrame:
    """Answers out of a campaign's log of what people did."""
    text = without_reasks(text)
    times = pd.to_datetime(text["answered_at"], utc=True, format="ISO8601")
    stood = text.iloc[latest_rows(text.assign(answered_at=times), by=("key", "annotator"))]
    stood = stood[~stood["action"].isin(WITHDRAWN)]
    return stood.rename(columns={"value": "label"}).reset_index(drop=True)


def answers_of(table: pd.DataFrame, classes: Sequence[str]) -> Answers:
    """Answers from a table with columns item, annotator, label and, where known, the further ones.

    Raises:
        DataError: a value is missing or is not one of `classes`.
    """
    standing = table.iloc[latest_rows(table)].reset_index(drop=True)
    return Answers(table, standing, code_votes(standing, classes))


def gold_codes(votes: Votes, gold: pd.DataFrame) -> tuple[np.ndarray, dict[str, int]]:
    """Gold as codes, and what became of it.

    Returns:
        Shape (n_items,), int64: the true class; -1 where it is not known, -2 where it is a class that no vote
        names, so that every answer is wrong. And counts: items (with gold), used, without_votes,
        contradicting (several labels for an item; not used), unknown_classes (items of the -2).
    """
    distinct = gold[["item", "label"]].drop_duplicates()
    twice = distinct["item"].duplicated(keep=False)
    clear = distinct[~twice]
    truth = clear.set_index("item")["label"].reindex(votes.items)
    codes = np.asarray(pd.Categorical(truth, categories=list(votes.classes)).codes, dtype=np.int64).copy()
    strange = truth.notna().to_numpy() & (codes < 0)
    codes[strange] = -2
    return codes, {
        "items": int(gold["item"].nunique()),
        "used": int((codes != -1).sum()),
        "without_votes": int((~clear["item"].isin(votes.items)).sum()),
        "contradicting": int(distinct["item"][twice].nunique()),
        "unknown_classes": int(strange.sum()),
    }


def read_gold_codes(
    path: str | Path, votes: Votes, item_column: str = "item", label_column: str = "label"
) -> tuple[np.ndarray, dict[str, int]]:
    """Read a file of gold; see `gold_codes`.

    Raises:
        DataError: the file is not as it must be, or no item of it has votes.
    """
    gold = read_gold(path, item_column, label_column)
    codes, told = gold_codes(votes, gold)
    if not told["used"]:
        raise DataError(none_of_the_votes(path, gold, votes.items))
    return codes, told


def _seconds(text: pd.Series, path: Path) -> np.ndarray:
    values = pd.to_numeric(text.where(text != "", other=None), errors="coerce").to_numpy(dtype=float)
    wrong = (text != "").to_numpy() & ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}, row {row + 1}, column {SECONDS!r}: {text.iloc[row]!r} is not a number of "
                        "seconds of 0 or more; correct it or leave it empty")  # fmt: skip
    return values


def numbers_of(classes: Sequence[str]) -> np.ndarray:
    """The classes as numbers.

    Raises:
        DataError: one is none.
    """
    values = np.array([_number(name) for name in classes])
    if not np.isfinite(values).all():
        wrong = classes[int((~np.isfinite(values)).argmax())]
        raise DataError(f"label {wrong!r} is not a number; level interval needs numbers, and level ordinal "
                        "numbers or an order (--order low,middle,high)")  # fmt: skip
    return values


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return math.nan
