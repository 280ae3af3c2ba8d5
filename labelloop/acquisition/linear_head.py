"""A linear head that says what the model says, from embeddings: for strategies that perturb or extend it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.acquisition.embeddings import Embeddings
from labelloop.one_thread import one_thread

SAMPLE = 8192
"""Rows the head is fitted on; more hardly move it."""
_FLOOR = 1e-4


@dataclass(frozen=True)
class LinearHead:
    """Scores of the classes as a linear function of centred embeddings."""

    mean: np.ndarray
    """Shape (d,), float32."""
    weights: np.ndarray
    """Shape (d, n_classes), float32."""
    intercept: np.ndarray
    """Shape (n_classes,), float32."""

    def centred(self, embeddings: np.ndarray) -> np.ndarray:
        """Shape (n, d), float32: rows with the pool's middle at 0."""
        return np.subtract(embeddings, self.mean, dtype=np.float32)

    def logits(self, centred: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32."""
        return np.asarray(centred @ self.weights + self.intercept)


def fit_linear_head(
    embeddings: Embeddings, probabilities: np.ndarray, rows: np.ndarray, ridge: float = 1e-3
) -> LinearHead:
    """Ridge regression of the model's centred log-probabilities on its embeddings.

    Exact, up to the ridge and to probabilities below 1e-4, where the model is a softmax of a linear function
    of the embeddings.

    Args:
        embeddings: shape (n, d).
        probabilities: shape (n, n_classes).
        rows: shape (m,), int64, in a random order: the first `SAMPLE` are used.
        ridge: added to the covariance's diagonal, in units of its mean.
    """
    sample = rows[:SAMPLE]
    points = embeddings[sample].astype(np.float64)
    mean = points.mean(axis=0)
    points -= mean
    targets = np.log(np.maximum(probabilities[sample].astype(np.float64), _FLOOR))
    targets -= targets.mean(axis=1, keepdims=True)
    intercept = targets.mean(axis=0)
    # With several threads the last bits would depend on the machine.
    with one_thread():
        covariance = points.T @ points
        unit = np.trace(covariance) / len(covariance) or 1.0
        covariance[np.diag_indices_from(covariance)] += ridge * unit
        weights = np.linalg.solve(covariance, points.T @ (targets - intercept))
    return LinearHead(mean.astype(np.float32), weights.astype(np.float32), intercept.astype(np.float32))
