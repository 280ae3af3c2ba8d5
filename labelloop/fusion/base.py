"""What a fusion method takes and gives.

One algorithm a file, a plain function. Annotators and items are coded by their sorted ids and classes by
their given order, so that no result depends on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Votes:
    """Votes of single choice, coded; at most one vote a pair of item and annotator."""

    items: np.ndarray
    """Shape (n_items,), sorted ids."""
    annotators: np.ndarray
    """Shape (n_annotators,), sorted ids."""
    classes: tuple[str, ...]
    item: np.ndarray
    """Shape (n_votes,), int64: index into `items`."""
    annotator: np.ndarray
    """Shape (n_votes,), int64: index into `annotators`."""
    label: np.ndarray
    """Shape (n_votes,), int64: index into `classes`."""


@dataclass(frozen=True)
class Fusion:
    """What a method makes of votes; rows correspond to `Votes.items`."""

    posterior: np.ndarray
    """Shape (n_items, n_classes), float64, rows sum to 1."""
    label: np.ndarray
    """Shape (n_items,), int64: the chosen class; among equals the first in class order."""
    tie: np.ndarray
    """Shape (n_items,), bool: another class was exactly as likely as the chosen one."""
    method: str
    """Name and version of what was used, such as `majority/1`, or `auto/1+majority/1` where it was chosen."""
    raw: np.ndarray | None = None
    """Like `posterior`, before calibration on gold or caution without it; None where there was neither."""
    temperature: float | None = None
    """What calibration divided log posteriors by; above 1 the method was overconfident."""
    gold: np.ndarray | None = None
    """Shape (n_items,), bool: the label was given as gold; None where there was none."""
    reason: str = ""
    """Why this method, in words, where it was chosen."""


class Fuser(Protocol):
    """A fusion method: `fuser(votes, gold=..., **options)`."""

    def __call__(self, votes: Votes, *, gold: np.ndarray | None = None) -> Fusion:
        """Fuse.

        Args:
            votes: what people said.
            gold: shape (n_items,), int64, the true class where it is known and -1 elsewhere.
        """
        ...
