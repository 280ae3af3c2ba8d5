"""The labeled rows a learner is trained on, checked once and in one way for every learner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError


@dataclass(frozen=True)
class TrainingRows:
    """Rows with a positive weight, and the classes that occur among them."""

    inputs: np.ndarray
    """n rows, as the learner sees them."""
    present: np.ndarray
    """Shape (k,), int64, ascending: codes of the classes that occur."""
    targets: np.ndarray
    """Shape (n,), int64: index into `present`."""
    weight: np.ndarray
    """Shape (n,), float64, above 0."""


def training_rows(
    inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None, n_classes: int
) -> TrainingRows:
    """Check labeled rows and drop those that weigh nothing, as if they were not there.

    Raises:
        DataError: there is no row, lengths differ, or a target or weight is out of range.
    """
    targets = np.asarray(targets)
    if len(inputs) != len(targets):
        raise DataError(f"{len(inputs)} training rows have {len(targets)} labels; give one label a row")
    if len(targets) and not np.issubdtype(targets.dtype, np.integer):
        raise DataError(f"labels must be class codes (whole numbers), not {targets.dtype}")
    weight = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != targets.shape:
        raise DataError(f"{len(targets)} training rows have weights of shape {weight.shape}; give one a row")
    wrong = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if len(wrong):
        raise DataError(f"the weight of training row {wrong[0]} is {weight[wrong[0]]}; it must be 0 or more")
    outside = np.flatnonzero((targets < 0) | (targets >= n_classes))
    if len(outside):
        raise DataError(
            f"the label of training row {outside[0]} is {targets[outside[0]]}; "
            f"class codes are 0 to {n_classes - 1}"
        )
    kept = np.flatnonzero(weight > 0)
    if len(kept) == 0:
        raise DataError(
            f"nothing to train on: {len(targets)} labeled rows, none with a weight above 0; label items first"
        )
    present, codes = np.unique(targets[kept].astype(np.int64), return_inverse=True)
    rows = inputs if len(kept) == len(targets) else inputs[kept]
    return TrainingRows(rows, present, codes.astype(np.int64), weight[kept])
