"""The convex classifier."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.models.multinomial import fit_multinomial


@pytest.mark.parametrize("k", [3, 5])
def test_no_nearby_weights_have_a_lower_loss(k: int) -> None:
    random = np.random.default_rng(0)
    X, y, w = random.normal(size=(60, 4)), random.integers(0, k, 60), random.uniform(0.5, 2, 60)
    weights, intercept = fit_multinomial(X, y, w, k, c=0.7, max_iter=1000, class_weight=None)

    def loss(weights: np.ndarray, intercept: np.ndarray) -> float:
        scores = X @ weights + intercept
        losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]
        return float(0.7 * (w * losses).sum() + 0.5 * (weights**2).sum())

    best = loss(weights, intercept)
    for _ in range(20):
        moved = weights + random.normal(size=weights.shape) * 1e-2
        assert loss(moved, intercept + random.normal(size=k) * 1e-2) > best


def test_two_classes_mirror_each_other() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 3))
    y = (X[:, 0] > 0).astype(np.int64)
    weights, intercept = fit_multinomial(X, y, np.ones(40), 2, c=1.0, max_iter=1000, class_weight=None)
    np.testing.assert_allclose(weights[:, 0], -weights[:, 1])
    assert ((X @ weights + intercept).argmax(axis=1) == y).mean() > 0.9


def test_balanced_classes_do_not_feel_how_often_one_was_labeled() -> None:
    X = np.zeros((10, 1))
    y = np.array([0] * 9 + [1])
    for class_weight, expected in ((None, np.log(9)), ("balanced", 0.0)):
        _, intercept = fit_multinomial(X, y, np.ones(10), 2, c=1.0, max_iter=1000, class_weight=class_weight)
        assert intercept[0] - intercept[1] == pytest.approx(expected, abs=1e-3)
