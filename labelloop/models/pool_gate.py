"""The gate: does using the unlabeled pool help, as far as the labels there are can tell?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

FOLDS = 3
FEWEST = 2 * FOLDS
"""Labels below which nothing can be told."""

Predict = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]
"""`(rows to fit on, rows held out) -> probabilities of the held-out rows by candidate`."""

PLAIN = "plain"
NAMES = {
    PLAIN: "the plain fit",
    "graph": "graph smoothing",
    "self_training": "self-training",
    "co_training": "co-training",
}
"""What the candidates are called in sentences."""
_LEAST = 1e-3
"""Probabilities below this lose no more: a single item must not outvote all others."""


@dataclass(frozen=True)
class Verdict:
    """Which fit was taken, and what spoke for it."""

    chosen: str
    accuracy: dict[str, float]
    """Cross-validated accuracy by candidate; empty where nothing could be told."""
    labels: int

    @property
    def reason(self) -> str:
        """A sentence for the round's report."""
        if not self.labels:
            return "Plain fit: the learner was not shown the pool."
        if not self.accuracy:
            return f"Plain fit: {self.labels} labels are too few to tell whether using the pool helps."
        # In an order of its own: a verdict that was read from a file says the same.
        said = ", ".join(
            f"{words} {self.accuracy[name]:.1%}" for name, words in NAMES.items() if name in self.accuracy
        )
        taken = NAMES[self.chosen]
        return (
            f"{taken[0].upper()}{taken[1:]} was taken: {FOLDS}-fold cross-validated accuracy on "
            f"{self.labels} labels is {said}."
        )


def folds_of(targets: np.ndarray, points: np.ndarray, seed: int) -> np.ndarray:
    """Fold of each row, shape (n,), int64, with every class spread evenly over the folds.

    Random, and a matter of what the row is: neither the order of rows nor a new row moves the draw.

    Args:
        points: shape (n, d), float32: where the rows are.
    """
    salt = seed.to_bytes(8, "little", signed=True)
    keys = [hashlib.blake2b(row.tobytes(), digest_size=8, salt=salt).digest() for row in points]
    order = np.array(sorted(range(len(targets)), key=lambda row: (targets[row], keys[row])), dtype=np.int64)
    folds = np.empty(len(targets), dtype=np.int64)
    folds[order] = np.arange(len(targets)) % FOLDS
    return folds


def judge(predict: Predict, targets: np.ndarray, points: np.ndarray, seed: int) -> Verdict:
    """Cross-validate the candidates on the labeled rows and take the most accurate one.

    Among fits that are right equally often the one with the lower log loss is taken, and of exactly equal
    ones the plain fit.

    Args:
        predict: fits every candidate without the held-out rows' labels; the plain fit is among them.
        targets: shape (n,), int64.
        points: shape (n, d), float32: where the rows are; decides the folds.
    """
    if len(targets) < FEWEST:
        return Verdict(PLAIN, {}, len(targets))
    folds = folds_of(targets, points, seed)
    right: dict[str, int] = {}
    loss: dict[str, float] = {}
    for fold in range(FOLDS):
        held = np.flatnonzero(folds == fold)
        for name, probabilities in predict(np.flatnonzero(folds != fold), held).items():
            hits = int((probabilities.argmax(axis=1) == targets[held]).sum())
            right[name] = right.get(name, 0) + hits
            given = probabilities[np.arange(len(held)), targets[held]].astype(np.float64)
            loss[name] = loss.get(name, 0.0) - float(np.log(np.maximum(given, _LEAST)).sum())
    # max() takes the first of equals, and the plain fit is the first of all.
    chosen = max([PLAIN, *right], key=lambda name: (right[name], -loss[name]))
    return Verdict(chosen, {name: count / len(targets) for name, count in right.items()}, len(targets))
