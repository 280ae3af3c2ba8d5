"""Pairs of votes about one item, each beside what all the others say about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.fusion.base import Votes

MOST_PAIRS = 20_000_000
"""Pairs of votes that are looked at in all, about 20 s; where there are more, a fixed draw of items is."""
MOST_ROWS = 2_000_000
"""Pairs of votes on one item that are looked at in one go."""


@dataclass(frozen=True)
class PairRows:
    """Pairs of votes on one item on which the others favour one class."""

    one: np.ndarray
    """Annotators' codes."""
    other: np.ndarray
    said_one: np.ndarray
    """Classes' codes."""
    said_other: np.ndarray
    favoured: np.ndarray
    """The class that most of the others chose."""
    sure: np.ndarray
    """Its probability, if all have the crowd's usual accuracy and wrong answers are even."""


def pair_rows(votes: Votes, rows: np.ndarray) -> PairRows:
    """All pairs among `rows` (positions of votes, sorted by item), each beside what the others say."""
    item, who, label = votes.item[rows], votes.annotator[rows], votes.label[rows]
    left, right = _pairs_within(item)
    local, counts, names = _local_counts(item, label)
    place = (np.cumsum(np.diff(item, prepend=-1) > 0) - 1)[left]
    others = counts[place]
    number = np.arange(len(left))
    others[number, local[left]] -= 1
    others[number, local[right]] -= 1
    n_classes = len(votes.classes)
    usual = _usual_accuracy(votes)
    weight = np.log(usual * (n_classes - 1) / (1 - usual))
    first = others.argmax(axis=1)
    most = others[number, first]
    voted = (counts > 0).sum(axis=1)[place]
    # Classes that nobody chose share what is left; columns beyond an item's own classes count for nothing.
    raised = np.exp(weight * (others - most[:, None])) * (np.arange(others.shape[1]) < voted[:, None])
    sure = 1 / (raised.sum(axis=1) + (n_classes - voted) * np.exp(-weight * most))
    kept = (others == most[:, None]).sum(axis=1) == 1
    left, right = left[kept], right[kept]
    return PairRows(who[left], who[right], label[left], label[right], names[place[kept], first[kept]],
                     sure[kept])  # fmt: skip


def pieces_of(votes: Votes) -> list[np.ndarray]:
    """Positions of votes, sorted by item and annotator, in pieces of whole items with so many pairs."""
    order = np.lexsort((votes.annotator, votes.item))
    item = votes.item[order]
    size = np.bincount(item)[item]
    keep = (size >= 3) & _within_budget(votes)[item]
    order, item, size = order[keep], item[keep], size[keep]
    piece = np.cumsum(size - 1) // MOST_ROWS
    start = np.flatnonzero(np.diff(item, prepend=-1))
    number = np.repeat(piece[start], np.diff(start, append=len(item)))
    return [order[number == one] for one in np.unique(number)]


def _within_budget(votes: Votes) -> np.ndarray:
    """Shape (n_items,), bool: which items are looked at; all of them up to `MOST_PAIRS`."""
    size = np.bincount(votes.item, minlength=len(votes.items))
    pairs = size * (size - 1) // 2
    if pairs.sum() <= MOST_PAIRS:
        return np.ones(len(size), dtype=bool)
    drawn = np.random.default_rng(0).permutation(len(size))
    kept = np.zeros(len(size), dtype=bool)
    kept[drawn] = np.cumsum(pairs[drawn]) <= MOST_PAIRS
    return kept


def _pairs_within(item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all pairs of rows of the same item; `item` is sorted."""
    end = np.searchsorted(item, item, side="right")
    following = end - np.arange(len(item)) - 1
    left = np.repeat(np.arange(len(item)), following)
    begin = np.cumsum(following) - following
    return left, left + 1 + np.arange(len(left)) - np.repeat(begin, following)


def _local_counts(item: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each row's class among those of its item (0, 1, ...), each item's votes for them, and their codes."""
    order = np.lexsort((label, item))
    new_item = np.diff(item[order], prepend=-1) > 0
    new_cell = new_item | (np.diff(label[order], prepend=-1) != 0)
    place = np.cumsum(new_item) - 1
    cell = np.cumsum(new_cell) - 1
    first_cell = cell[new_item]
    local = np.empty(len(item), dtype=np.int64)
    local[order] = cell - first_cell[place]
    counts = np.zeros((len(first_cell), int(local.max(initial=0)) + 1))
    np.add.at(counts, (place, local[order]), 1)
    names = np.full(counts.shape, -1)
    names[place, local[order]] = label[order]
    return local, counts, names


def _usual_accuracy(votes: Votes) -> float:
    """The accuracy at which votes would agree as often as they do, with even errors; within (1/K, .95]."""
    n_classes = len(votes.classes)
    per_item = np.bincount(votes.item)
    _, cells = np.unique(votes.item * n_classes + votes.label, return_counts=True)
    total = (per_item * (per_item - 1)).sum()
    agree = (cells * (cells - 1)).sum() / total if total else 1.0
    root = (max(n_classes * agree - 1, 0.0) * (n_classes - 1)) ** 0.5
    return float(np.clip((1 + root) / n_classes, 1.05 / n_classes, 0.95))
