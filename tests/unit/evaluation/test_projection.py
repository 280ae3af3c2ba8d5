"""How far random would have had to go: right on a known curve, silent where nothing can be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labelloop.evaluation.projection import project_random

CONTROL = np.array([10, 20, 30, 40, 50, 60])
ACCURACY = 0.95 - 1.5 * CONTROL**-0.5
USED: dict[str, Any] = {"campaign_labels": 300, "pool": 5000, "fewest": 30}


def test_a_known_curve_is_drawn_on_to_the_accuracy_reached() -> None:
    """It meets 85% at 225 random labels."""
    found = project_random(CONTROL, ACCURACY, reached=0.85, **USED)
    assert found is not None
    labels = found["labels"]
    assert labels["low"] <= 225 and (labels["high"] is None or labels["high"] >= 225)
    assert labels["low"] > 60 and labels["middle"] == pytest.approx(225, rel=0.5)
    assert found["saved"]["low"] == labels["low"] - 300 and found["saved"]["middle"] == labels["middle"] - 300
    assert "85.0% of the campaign's 300" in found["sentence"] and "not a measurement" in found["sentence"]


def test_luck_with_the_draw_makes_it_wider() -> None:
    exact, lucky = (project_random(CONTROL, ACCURACY, reached=0.85, draw_sd=sd, **USED) for sd in (0.0, 0.03))
    assert exact is not None and lucky is not None
    assert lucky["labels"]["low"] < exact["labels"]["low"]


def test_what_random_never_reaches_is_more_than_the_pool() -> None:
    flat = 0.6 - 2.0 * CONTROL**-1.0
    found = project_random(CONTROL, flat, reached=0.97, **USED)
    assert found is not None and found["labels"]["low"] is None
    assert found["saved"] == {"low": 5000 - 300, "middle": None, "high": None}
    assert "more than the pool's 5000 labels" in found["sentence"]


@pytest.mark.parametrize(
    ("labels", "reached", "fewest"),
    [(CONTROL[:3], 0.9, 10), (CONTROL, 0.9, 100), (CONTROL, 0.5, 30), (np.zeros(6), 0.9, 0)],
)
def test_too_little_or_nothing_to_project_says_nothing(labels: Any, reached: float, fewest: int) -> None:
    used = USED | {"fewest": fewest}
    assert project_random(labels, ACCURACY[: len(labels)], reached=reached, **used) is None
