"""How good a model's probabilities are on a test set.

Everything returned is plain Python (float, int, list, dict, None), ready for JSON, and never rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelloop.errors import DataError
from labelloop.evaluation.intervals import wilson

SMALLEST_PROBABILITY = 1e-15
"""Floor of the log loss: one sure mistake costs 34.5 nats and not infinity."""


def evaluate(
    true: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    bins: int = 15,
    coverage: float = 0.95,
    ordered: bool = False,
) -> dict[str, Any]:
    """Everything about one model on one test set.

    Args:
        true: shape (n,), codes of the true classes.
        probabilities: shape (n, n_classes), rows sum to 1.
        classes: names, in the order of the codes.
        bins: of the calibration error.
        coverage: of the accuracy's interval.
        ordered: `classes` have an order, so errors are counted in steps too.

    Returns:
        test_items, correct, accuracy, accuracy_low, accuracy_high, macro_f1, log_loss, ece, per_class (see
        `class_table`) and confusion (see `confusion_matrix`); where `ordered` also steps_off, the mean number
        of steps from the class predicted to the true one.

    Raises:
        DataError: no test items, shapes that do not match, codes out of range, or probabilities that are
            negative, NaN or do not sum to 1.
    """
    true, probabilities = _checked(true, probabilities, len(classes))
    predicted = probabilities.argmax(axis=1)
    matrix = confusion_matrix(true, predicted, len(classes))
    correct = int(np.trace(matrix))
    low, high = wilson(correct, len(true), coverage)
    steps = {"steps_off": float(np.abs(predicted - true).mean())} if ordered else {}
    return steps | {
        "test_items": len(true),
        "correct": correct,
        "accuracy": correct / len(true),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": macro_f1(true, predicted, len(classes)),
        "log_loss": log_loss(true, probabilities),
        "ece": expected_calibration_error(true, probabilities, bins),
        "per_class": class_table(matrix, classes),
        "confusion": matrix.tolist(),
    }


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Shape (n_classes, n_classes), int64: row is the true class, column the predicted one."""
    return np.bincount(true * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def macro_f1(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> float:
    """Mean F1 over the classes that are in the truth or in the predictions.

    A class that is in neither has no F1 and does not count: with few test items it would otherwise pull
    the mean to 0 for reasons that have nothing to do with the model.
    """
    f1 = _f1(confusion_matrix(true, predicted, n_classes))
    return float(np.nanmean(f1))


def log_loss(true: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -log of the true class's probability, in nats; probabilities below 1e-15 count as 1e-15."""
    chance = probabilities[np.arange(len(true)), true].astype(np.float64)
    return float(-np.log(np.clip(chance, SMALLEST_PROBABILITY, 1.0)).mean())


def expected_calibration_error(true: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """How far the top class's probability is from its hit rate, on average.

    ECE = sum over bins of (items in the bin / n) * |hit rate - mean probability|, over `bins` bins of
    equal width, each open below and closed above: (0, 1/15], (1/15, 2/15] ...

    Source: Guo et al. (2017), On calibration of modern neural networks, equation 3.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hit = (probabilities.argmax(axis=1) == true).astype(np.float64)
    bin_of = np.digitize(confidence, np.linspace(0.0, 1.0, bins + 1)[1:-1], right=True)
    gap = np.bincount(bin_of, hit, bins) - np.bincount(bin_of, confidence, bins)
    return float(np.abs(gap).sum() / len(true))


def class_table(matrix: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Per class: class, precision, recall, f1, support (true items) and predicted (how often it was said).

    None where there is nothing to divide by: precision of a class that was never predicted, recall of one
    without test items, F1 of one with neither.
    """
    hits, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    f1 = _f1(matrix)
    return [
        {
            "class": name,
            "precision": float(hits[k] / predicted[k]) if predicted[k] else None,
            "recall": float(hits[k] / support[k]) if support[k] else None,
            "f1": float(f1[k]) if support[k] + predicted[k] else None,
            "support": int(support[k]),
            "predicted": int(predicted[k]),
        }
        for k, name in enumerate(classes)
    ]


def _f1(matrix: np.ndarray) -> np.ndarray:
    """Shape (n_classes,): 2 TP / (2 TP + FP + FN); NaN for a class that does not appear."""
    appears = (matrix.sum(axis=0) + matrix.sum(axis=1)).astype(np.float64)
    appears[appears == 0] = np.nan
    f1: np.ndarray = 2 * np.diag(matrix) / appears
    return f1


def _checked(true: np.ndarray, probabilities: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    true, probabilities = np.asarray(true, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    if len(true) == 0:
        raise DataError("there are no test items with a label, so the model cannot be judged")
    if probabilities.shape != (len(true), n_classes):
        raise DataError(f"the model's probabilities have shape {probabilities.shape}; for {len(true)} test "
                        f"items and {n_classes} classes it must be {(len(true), n_classes)}")  # fmt: skip
    if true.min() < 0 or true.max() >= n_classes:
        row = int(((true < 0) | (true >= n_classes)).argmax())
        raise DataError(f"test item {row} has class code {true[row]}; codes go from 0 to {n_classes - 1}")
    sums = probabilities.sum(axis=1)
    bad = ~((probabilities >= 0).all(axis=1) & (np.abs(sums - 1) < 1e-3))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(f"the model's probabilities of test item {row} are {probabilities[row][:10]} and sum "
                        f"to {sums[row]}; they must be 0 or more and sum to 1")  # fmt: skip
    return true, probabilities
