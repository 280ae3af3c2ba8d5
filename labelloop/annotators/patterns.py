"""Distinct count patterns: how often each class was chosen for an item, and how many items look like that.

Every coefficient of agreement is a function of how many items have which counts. A thousand items with the
same counts are then one row, and a bootstrap over items is one multinomial draw over the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from labelloop.fusion.base import Votes


@dataclass(frozen=True)
class Patterns:
    """Items with two votes or more, by their counts; rows in an order that no row order of votes changes."""

    counts: sparse.csr_array
    """Shape (n_patterns, n_classes): votes for each class."""
    votes: np.ndarray
    """Shape (n_patterns,): votes an item, 2 or more."""
    items: np.ndarray
    """Shape (n_patterns,): how many items have these counts."""


def patterns_of(votes: Votes) -> Patterns:
    """The distinct counts of items with two votes or more."""
    order = np.lexsort((votes.label, votes.item))
    item, label = votes.item[order], votes.label[order]
    start = np.flatnonzero(np.diff(item, prepend=-1))
    size = np.diff(start, append=len(item))
    row, column, many, per_item = [], [], [], []
    found = 0
    for votes_per_item in np.unique(size[size >= 2]):
        first = start[size == votes_per_item]
        answers = label[first[:, None] + np.arange(votes_per_item)]
        distinct, items = np.unique(answers, axis=0, return_counts=True)
        row.append(np.repeat(found + np.arange(len(distinct)), votes_per_item))
        column.append(distinct.ravel())
        many.append(items)
        per_item.append(np.full(len(distinct), votes_per_item))
        found += len(distinct)
    if not found:
        nothing = np.empty(0, dtype=np.int64)
        return Patterns(sparse.csr_array((0, len(votes.classes))), nothing, nothing)
    places = (np.concatenate(row), np.concatenate(column))
    counts = sparse.coo_array((np.ones(len(places[0])), places), shape=(found, len(votes.classes))).tocsr()
    counts.sum_duplicates()
    return Patterns(counts, np.concatenate(per_item), np.concatenate(many))


def subset(votes: Votes, kept: np.ndarray) -> Votes:
    """The votes where `kept`, shape (n_votes,), bool; codes stay."""
    return Votes(votes.items, votes.annotators, votes.classes, votes.item[kept], votes.annotator[kept],
                 votes.label[kept])  # fmt: skip
