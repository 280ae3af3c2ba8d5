"""Candidate reduction: the few rows of a large pool that a strategy looks at at all.

Each shard keeps its highest rows, and the highest of those are the highest of the pool: how the pool was cut,
and in which order its parts come back, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labelloop.acquisition.margin import margin

Keys = Callable[[np.ndarray], np.ndarray]
"""Takes rows, shape (k,), int64; gives their keyed hashes, shape (k,), uint64. Decides among equal scores."""

PURPOSE = "candidates"
"""Tells the draw among equal scores from others; see `keys.id_keys`."""


@dataclass(frozen=True)
class Highest:
    """The highest of some rows."""

    rows: np.ndarray
    """Shape (k,), int64, ascending."""
    scores: np.ndarray
    """Shape (k,), of the rows."""
    cut: float | None
    """A score that rows inside and rows outside share, so that chance was what told them apart; else None."""


def highest(rows: np.ndarray, scores: np.ndarray, count: int, keys: Keys) -> Highest:
    """The `count` rows of the highest scores; of equal ones those with the lowest keys.

    Args:
        rows: shape (m,), int64, ascending.
        scores: shape (m,), numbers.

    Returns:
        All rows where there are no more than `count`.
    """
    if len(rows) <= count:
        return Highest(rows, scores, None)
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
    above, tied = np.flatnonzero(scores > threshold), np.flatnonzero(scores == threshold)
    wanted, cut = count - len(above), None
    if wanted < len(tied):
        tied = tied[np.lexsort((tied, keys(rows[tied])))[:wanted]]
        cut = threshold
    kept = np.sort(np.concatenate([above, tied]))
    return Highest(rows[kept], scores[kept], cut)


def most_doubtful(rows: np.ndarray, probabilities: np.ndarray | None, count: int, keys: Keys) -> Highest:
    """The `count` rows of the highest margin score; a random sample where there is no model to doubt.

    Args:
        rows: shape (m,), int64, ascending.
        probabilities: of the whole pool, shape (n, n_classes), may be memory-mapped.
    """
    if probabilities is None:
        # The lowest keys are a random sample, whatever the order of the pool.
        return highest(rows, ~keys(rows), count, keys)
    return highest(rows, margin(probabilities, rows), count, keys)


def merged(parts: Sequence[Highest], count: int, keys: Keys) -> Highest:
    """The highest of all parts, each being the `count` highest of rows of its own; in any order."""
    rows = np.concatenate([part.rows for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = np.argsort(rows)
    found = highest(rows[order], scores[order], count, keys)
    # A part may have left out what is level with the last that is kept.
    lowest = found.scores.min() if len(found.scores) else None
    if found.cut is None and any(part.cut is not None and part.cut == lowest for part in parts):
        return Highest(found.rows, found.scores, lowest)
    return found
