"""What trials are compared by: accuracy, or recall where one class matters more than the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labelloop.errors import DataError, SettingsError
from labelloop.hints import there_is

ACCURACY, MACRO_RECALL, RECALL_OF = "accuracy", "macro_recall", "recall:"


def check_metric(metric: str, classes: Sequence[str]) -> None:
    """Refuse a metric that does not exist.

    Raises:
        SettingsError: says which metrics there are, or which classes.
    """
    if metric.startswith(RECALL_OF):
        name = metric.removeprefix(RECALL_OF)
        if name not in classes:
            raise SettingsError(f"--metric {metric}: there is no class {name!r}; {there_is(name, classes)}")
    elif metric not in (ACCURACY, MACRO_RECALL):
        raise SettingsError(f"--metric {metric}: say {ACCURACY}, {MACRO_RECALL} or {RECALL_OF}CLASS")


def judge(metric: str, true: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> float:
    """A model's predictions on a test set in one number, in [0, 1].

    Args:
        metric: accuracy; macro_recall, the mean recall of the classes that are in the test set; or
            recall:CLASS, the share of the class's test items that the model finds.
        true, predicted: shape (n,), class codes.

    Raises:
        DataError: the test set has no item of the class.
    """
    right = predicted == true
    if metric == ACCURACY:
        return float(right.mean())
    if metric == MACRO_RECALL:
        return float(np.mean([right[true == code].mean() for code in np.unique(true)]))
    name = metric.removeprefix(RECALL_OF)
    of_class = true == list(classes).index(name)
    if not of_class.any():
        raise DataError(
            f"none of the {len(true)} test items is of class {name!r}, so its recall cannot be told; raise "
            "evaluation.test_size, or give a test set that has some (dataset.test_path)"
        )
    return float(right[of_class].mean())
