"""Where pseudo-labels come from: what a fit took for labeled of the pool, and how sure it was of it.

They are counted, never kept: which item got which is forgotten with the fit, so none can get among people's
labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from labelloop.models.base import Learner


@dataclass(frozen=True)
class PseudoLabels:
    """Pseudo-labels that a fit was made with, counted."""

    by_class: tuple[int, ...]
    """Items by class code."""
    looked_at: int
    """Items of the pool that might have got one. Some of them may be labeled by people as well."""
    least_confidence: float | None
    """Lowest probability that an item's pseudo-label was given for; None without any."""
    mean_confidence: float | None

    @property
    def items(self) -> int:
        """Items with a pseudo-label."""
        return sum(self.by_class)

    def described(self) -> dict[str, Any]:
        """For pool.json."""
        return {
            "items": self.items,
            "looked_at": self.looked_at,
            "by_class": list(self.by_class),
            "least_confidence": self.least_confidence,
            "mean_confidence": self.mean_confidence,
        }

    @classmethod
    def read(cls, described: Mapping[str, Any]) -> Self:
        """What `described` wrote."""
        return cls(
            tuple(described["by_class"]),
            described["looked_at"],
            described["least_confidence"],
            described["mean_confidence"],
        )


@dataclass(frozen=True)
class Taught:
    """A fitted learner and the pseudo-labels that it was fitted with."""

    learner: Learner
    pseudo_labels: PseudoLabels


def counted(probabilities: np.ndarray, rows: np.ndarray) -> PseudoLabels:
    """Count the pseudo-labels of some rows: the likeliest class of each.

    Args:
        probabilities: shape (m, n_classes): of all items that might have got one.
        rows: shape (k,), int64: those that did.
    """
    said = probabilities[rows]
    numbers = np.bincount(said.argmax(axis=1), minlength=probabilities.shape[1])
    sure = said.max(axis=1).astype(np.float64)
    return PseudoLabels(
        tuple(numbers.tolist()),
        len(probabilities),
        float(sure.min()) if len(rows) else None,
        float(sure.mean()) if len(rows) else None,
    )
