"""Multinomial logistic regression: the convex classifier under `logistic` and `tfidf_logistic`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from labelloop.one_thread import one_thread

CLASS_WEIGHTS = (None, "none", "balanced")


def fit_multinomial(
    features: Any,
    targets: np.ndarray,
    weight: np.ndarray,
    n_targets: int,
    *,
    c: float,
    max_iter: int,
    class_weight: str | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise c * (weighted log loss) + half the squared weights, by L-BFGS.

    Args:
        features: shape (n, d), float64, dense or scipy sparse.
        targets: shape (n,), int64, 0 .. n_targets - 1, each of them present.
        weight: shape (n,), float64, above 0.
        class_weight: 'balanced' gives all classes the same total weight.

    Returns:
        Weights of shape (d, n_targets) and intercepts of shape (n_targets,), float64. A single class gets
        zeros: nothing tells it apart.
    """
    if n_targets == 1:
        return np.zeros((features.shape[1], 1)), np.zeros(1)
    from sklearn.linear_model import LogisticRegression

    if class_weight == "balanced":
        totals = np.bincount(targets, weights=weight, minlength=n_targets)
        weight = weight * (weight.sum() / (n_targets * totals))[targets]
    model = LogisticRegression(C=c, max_iter=max_iter, tol=1e-5)
    # One thread: the order in which sums are split, and so the last bit, would depend on their number.
    with one_thread(), warnings.catch_warnings():
        # Many classes and few labels is how a campaign starts, not a regression in disguise.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
        model.fit(features, targets, sample_weight=weight)
    if n_targets == 2:
        # Two classes are fitted as one logit; half to each side is the same model, and has the least norm.
        return np.hstack([-model.coef_.T, model.coef_.T]) / 2, np.append(
            -model.intercept_, model.intercept_
        ) / 2
    return model.coef_.T, model.intercept_
