"""What of a label's doubt reaches the learner."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop.campaign import parse_settings
from labelloop.errors import SettingsError
from labelloop.stages.train import fit_on

LABELS = pd.DataFrame(
    {
        "item": ["b", "a", "c"],
        "label": ["dog", "cat", "cat"],
        "confidence": [0.6, 0.9, 1.0],
        "posterior": [[0.4, 0.6], [0.9, 0.1], [1.0, 0.0]],
    }
)


class Learner:
    """Remembers what it was shown."""

    def fit(self, inputs: Any, targets: Any, weights: Any = None) -> Learner:
        self.inputs, self.targets, self.weights = inputs, targets, weights
        return self


def shown(weights: np.ndarray | None = None, **how: Any) -> Any:
    pool = SimpleNamespace(
        rows_of=lambda items: np.array(["abc".index(item) for item in items]), inputs=lambda rows: rows
    )
    prepared: Any = SimpleNamespace(pool=pool, classes=("cat", "dog"))
    return fit_on(Learner(), prepared, LABELS, weights, **how)


def test_without_weights_every_label_counts_the_same() -> None:
    learner = shown()
    assert (learner.inputs.tolist(), learner.targets.tolist(), learner.weights) == (
        [0, 1, 2],
        [0, 1, 0],
        None,
    )


def test_confidence_weighs_each_label_by_its_own() -> None:
    """In the order of the items, also on top of a bootstrap's weights."""
    assert shown(weighing="confidence").weights.tolist() == [0.9, 0.6, 1.0]
    drawn = np.array([2.0, 0.0, 1.0])
    assert shown(drawn, weighing="confidence").weights.tolist() == [1.8, 0.0, 1.0]


def test_soft_shows_an_item_as_every_class_that_is_left_open() -> None:
    learner = shown(weighing="soft")
    assert learner.inputs.tolist() == [0, 0, 1, 1, 2]
    assert learner.targets.tolist() == [0, 1, 0, 1, 0]
    assert learner.weights.tolist() == [0.9, 0.1, 0.4, 0.6, 1.0]
    drawn = shown(np.array([2.0, 0.0, 1.0]), weighing="soft")
    assert drawn.inputs.tolist() == [0, 0, 2]
    assert drawn.weights.tolist() == [1.8, 0.2, 1.0]


def test_soft_labels_and_the_pool_are_refused_together() -> None:
    with pytest.raises(SettingsError, match="label_weights is soft and pool is graph"):
        parse_settings({"model": {"label_weights": "soft", "pool": "graph"}})
