"""The slope of the last rounds: right on a line, wide where little is known."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.errors import DataError
from labelloop.evaluation.plateau import recent_slope


def outcomes(accuracies: list[float], items: int, seed: int = 0) -> np.ndarray:
    """Which of the items each round gets right; the same items are hard in every round."""
    hardness = np.random.default_rng(seed).random(items)
    return np.array([hardness < accuracy for accuracy in accuracies])


def slope(accuracies: list[float], items: int = 2000, **options: int) -> object:
    labels = 100.0 * np.arange(1, len(accuracies) + 1)
    chosen = {"rounds": 5, "resamples": 200, "seed": 0} | options
    return recent_slope(labels, outcomes(accuracies, items), coverage=0.95, **chosen)  # type: ignore[arg-type]


def test_a_steady_rise_has_its_slope_inside() -> None:
    found = slope([0.5, 0.55, 0.6, 0.65, 0.7])
    assert found.low < 0.0005 < found.high and found.low > 0  # type: ignore[attr-defined]


def test_a_flat_curve_has_an_interval_about_zero_that_items_narrow() -> None:
    few, many = (slope([0.8, 0.802, 0.799, 0.801, 0.8], items) for items in (100, 10_000))
    for found in (few, many):
        assert found.low <= 0 <= found.high  # type: ignore[attr-defined]
    width = [found.high - found.low for found in (few, many)]  # type: ignore[attr-defined]
    assert width[1] < width[0] / 2


def test_only_the_last_rounds_count() -> None:
    assert slope([0.1, 0.3, 0.8, 0.8, 0.8], rounds=3).value == pytest.approx(0, abs=1e-12)  # type: ignore[attr-defined]


def test_too_few_rounds_have_no_slope() -> None:
    assert slope([0.5, 0.6, 0.7, 0.8]) is None
    assert (
        recent_slope(np.ones(5), outcomes([0.5] * 5, 10), rounds=5, coverage=0.9, resamples=9, seed=0) is None
    )
    with pytest.raises(DataError, match="3 rounds at least"):
        slope([0.5, 0.6], rounds=2)
