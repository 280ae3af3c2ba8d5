"""Whether what stands in a column of labels are classes: no free text, and none twice in another spelling."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from labelloop.errors import DataError

MOST_CLASSES_UNASKED = 1_000
"""Classes up to which labels are taken for classes, however few votes there are."""
MOST_PROBABILITIES = 2_000_000_000
"""Items times classes that are fused at once: 16 GB for one table of posteriors."""


def refuse_free_text(labels: pd.Series, path: str | Path, column: str) -> None:
    """Refuse labels of which more than half are words of their own, as in comments or transcripts.

    Raises:
        DataError: names the column and how many different labels it has.
    """
    different = int(labels.nunique())
    if different > MOST_CLASSES_UNASKED and 2 * different > len(labels):
        raise DataError(
            f"{path}, column {column!r} has {different} different labels in {len(labels)} votes, as free "
            "text has; labels must be classes. Name the column that has them with --label-column"
        )


def refuse_too_large(items: int, classes: int) -> None:
    """Refuse what no machine of a usual size can hold a probability of each class for each item of.

    Raises:
        DataError: says how much it would be.
    """
    if items * classes > MOST_PROBABILITIES:
        raise DataError(
            f"{items} items and {classes} classes need {8 * items * classes / 1e9:.0f} GB for the "
            "probability of each class for each item alone; fuse parts of the items, or fewer classes"
        )


def alike(classes: Iterable[str]) -> list[str]:
    """Classes that differ in capitals or blanks alone, in words: "'Cat' and 'cat'"."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(" ".join(name.casefold().split()), []).append(name)
    return [" and ".join(repr(name) for name in names) for names in groups.values() if len(names) > 1]
