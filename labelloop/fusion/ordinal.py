"""Classes with an order: the label that is off by the fewest steps to be expected."""

from __future__ import annotations

import dataclasses

import numpy as np

from labelloop.fusion.base import Fusion

HALF = 1e-9
"""How near to a half a sum of probabilities counts as a half: sums in another order differ that much."""


def by_median(fusion: Fusion) -> Fusion:
    """The same posterior (after calibration), with its median as each item's label.

    Where the loss is the number of steps between label and truth, the median of the posterior has the least
    expected loss; the likeliest class has the least chance to be wrong at all. Where two neighbours are
    medians alike the lower one is taken, and the item is a tie.

    Source: the decision that minimises expected absolute error; DeGroot (1970), Optimal statistical
    decisions, section 11.4.
    """
    below, label = fusion.posterior.cumsum(axis=1), medians(fusion.posterior)
    # Exactly half lies at or below the label, so the next class that has any probability is as good.
    tie = below[np.arange(len(label)), label] <= 0.5 + HALF if len(label) else np.zeros(0, dtype=bool)
    return dataclasses.replace(fusion, label=label, tie=tie, method=f"{fusion.method}+median/1")


def medians(posterior: np.ndarray) -> np.ndarray:
    """Each row's median class, the lower one of two: shape (n_items,), int64."""
    reached = posterior.cumsum(axis=1) >= 0.5 - HALF
    return reached.argmax(axis=1).astype(np.int64)


def expected_steps(fusion: Fusion) -> np.ndarray:
    """Shape (n_items,): how many steps each label is off, to be expected under its posterior."""
    n_classes = fusion.posterior.shape[1]
    steps = np.abs(np.arange(n_classes)[None, :] - fusion.label[:, None])
    return np.asarray((fusion.posterior * steps).sum(axis=1))
