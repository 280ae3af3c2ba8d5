"""True labels beside votes: their classes, their codes, and how many fused labels agree with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from labelloop.errors import DataError
from labelloop.evaluation.intervals import wilson
from labelloop.fusion.base import Votes


def in_order(labels: Iterable[str]) -> list[str]:
    """Class names as people would list them: '2' before '10', everything else by name."""
    names = sorted(labels)
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def check_spelling(
    labels: Iterable[str],
    gold: Iterable[str],
    *,
    said_by: str = "votes",
    remedy: str = "write both alike, or name them with --classes",
) -> None:
    """Refuse one number written in two ways, as '1' and '1.0': a column of floats in one of the files.

    Args:
        said_by: what `labels` are of, for the message.
        remedy: what to do, for the message.

    Raises:
        DataError: names both.
    """
    seen: dict[str, tuple[str, str]] = {}
    for place, names in ((said_by, labels), ("gold", gold)):
        for name in names:
            plain = re.sub(r"^([+-]?\d+)\.0+$", r"\1", name)
            other, where = seen.setdefault(plain, (name, place))
            if other != name:
                raise DataError(
                    f"{where} have the label {other!r} and {place} the label {name!r}: one number written in "
                    f"two ways, as a column of floats does; {remedy}"
                )


def with_gold_classes(
    known: Sequence[str], gold: pd.DataFrame, votes: Votes, *, open_ended: bool
) -> list[str]:
    """The classes, and after them those that gold gives voted items; an error where none may be added."""
    clear, _ = without_contradictions(gold)
    told = set(clear["label"][clear["item"].isin(votes.items)])
    more = in_order(told - set(known))
    if more and not open_ended:
        raise DataError(f"gold has the label {more[0]!r}, which is not one of the {len(known)} classes: "
                        f"{', '.join(list(known)[:20])}; correct it, or add it to the classes")  # fmt: skip
    return [*known, *more]


def gold_codes(votes: Votes, gold: pd.DataFrame) -> np.ndarray:
    """Gold as a fusion method takes it."""
    clear, _ = without_contradictions(gold)
    truth = clear.set_index("item")["label"].reindex(votes.items)
    return np.asarray(pd.Categorical(truth, categories=list(votes.classes)).codes, dtype=np.int64)


def none_of_the_votes(path: object, gold: pd.DataFrame, voted: Sequence[str] | np.ndarray) -> str:
    """What is wrong with gold of which no item can be used.

    Args:
        voted: the items that have votes.
    """
    items = gold["item"].nunique()
    return (f"{path}: none of its {items} items has votes and one clear label; items of the votes look like "
            f"{str(voted[0])!r}")  # fmt: skip


def compare_with_gold(labels: pd.DataFrame, gold: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """How many labels agree with gold; see `fuse_file` for what is told."""
    clear, contradicting = without_contradictions(gold)
    compared = clear.merge(labels[["item", "label", "tie"]], on="item", suffixes=("_gold", ""))
    correct, n = int((compared["label"] == compared["label_gold"]).sum()), len(compared)
    low, high = wilson(correct, n) if n else (None, None)
    return {
        "items": int(gold["item"].nunique()),
        "compared": n,
        "correct": correct,
        "accuracy": correct / n if n else None,
        "accuracy_low": low,
        "accuracy_high": high,
        "ties": int(compared["tie"].sum()),
        "contradicting": len(contradicting),
        "without_votes": len(clear) - n,
        "unknown_classes": sorted(set(compared["label_gold"]) - set(classes)),
    }


def without_contradictions(gold: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Gold with one row an item, and the items that it gave several labels."""
    gold = gold.drop_duplicates()
    contradicting = np.asarray(gold["item"][gold["item"].duplicated()].unique())
    return gold[~gold["item"].isin(contradicting)], contradicting
