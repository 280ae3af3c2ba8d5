"""Labeling functions over a table: their votes, and what each is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labelloop.errors import DataError
from labelloop.evaluation.intervals import wilson
from labelloop.weak.functions import LabelingFunction

PREFIX = "function:"
"""Of the annotators' names: nobody should take a rule's vote for a person's."""


def votes_of(
    functions: Sequence[LabelingFunction],
    table: pd.DataFrame,
    item_column: str = "item",
    told: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Let every function say what it knows of every row.

    Args:
        table: one row an item, values as text.
        told: hears how many functions of how many are done.

    Returns:
        Columns item, annotator and label; abstentions have no row.

    Raises:
        DataError: a function failed; says which, on which item. Or there are no items, or not each once.
    """
    if item_column not in table.columns:
        raise DataError(f"the items have no column {item_column!r}; they have {', '.join(table.columns)}")
    items = table[item_column]
    if items.empty:
        raise DataError("the table of items has a header but no items")
    if items.duplicated().any():
        raise DataError(f"item {items[items.duplicated()].iloc[0]!r} has more than one row")
    rows: list[dict[Any, Any]] = table.to_dict(orient="records")
    votes = []
    for number, function in enumerate(functions, start=1):
        for item, row in zip(items, rows, strict=True):
            try:
                label = function(dict(row))
            except DataError as error:
                raise DataError(f"item {item!r}: {error}") from None
            except Exception as error:
                raise DataError(f"labeling function {function.name!r} failed on item {item!r}: "
                                f"{type(error).__name__}: {error}") from error  # fmt: skip
            if label is not None:
                votes.append((item, PREFIX + function.name, label))
        told(number, len(functions))
    return pd.DataFrame(votes, columns=["item", "annotator", "label"])


def worth(
    votes: pd.DataFrame, annotators: Sequence[str], n_items: int, gold: pd.DataFrame | None = None
) -> list[dict[str, Any]]:
    """What each annotator that may abstain is worth, one row each in their order.

    Args:
        votes: columns item, annotator and label; one row a pair of item and annotator.
        n_items: items that could have been voted about.
        gold: columns item and label.

    Returns:
        annotator, labels (classes it gives), votes, coverage (share of the items), overlap (share of its
        votes about items that somebody else voted about too), conflict (share of its votes that somebody
        else contradicts); with gold also known, accuracy, low and high (95% Wilson), None where nothing of
        it is known. The three shares as in Ratner et al. (2017), Snorkel.
    """
    per_item = votes.groupby("item")["label"].agg(["size", "nunique"])
    # Without one's own vote, somebody else is there when the item has more than one vote, and contradicts
    # when it has more than one label.
    others = votes["item"].map(per_item["size"]) > 1
    contradicted = votes["item"].map(per_item["nunique"]) > 1
    truth = (
        None if gold is None else votes["item"].map(gold.drop_duplicates("item").set_index("item")["label"])
    )
    rows: list[dict[str, Any]] = []
    for annotator in annotators:
        own = votes["annotator"] == annotator
        n = int(own.sum())
        row: dict[str, Any] = {
            "annotator": annotator,
            "labels": sorted(votes.loc[own, "label"].unique()),
            "votes": n,
            "coverage": n / n_items if n_items else 0.0,
            "overlap": float(others[own].mean()) if n else 0.0,
            "conflict": float(contradicted[own].mean()) if n else 0.0,
        }
        if truth is not None:
            row |= _accuracy(votes.loc[own, "label"].to_numpy(), truth[own].to_numpy())
        rows.append(row)
    return rows


def _accuracy(label: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    known = ~pd.isna(truth)
    right, total = int((label[known] == truth[known]).sum()), int(known.sum())
    if not total:
        return {"known": 0, "accuracy": None, "low": None, "high": None}
    low, high = wilson(right, total)
    return {"known": total, "accuracy": right / total, "low": low, "high": high}
