"""Metrics against scikit-learn, and what they say where there is nothing to divide by."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.errors import DataError
from labelloop.evaluation.intervals import wilson
from labelloop.evaluation.metrics import (
    class_table,
    confusion_matrix,
    evaluate,
    expected_calibration_error,
    log_loss,
    macro_f1,
)


def predictions(seed: int, n: int = 200, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k - 1, n)  # the last class is never true
    return true, rng.dirichlet(np.ones(k), n) * 0.6 + 0.4 * np.eye(k)[true]


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_are_those_of_scikit_learn(seed: int) -> None:
    true, probabilities = predictions(seed)
    predicted = probabilities.argmax(axis=1)
    found = evaluate(true, probabilities, list("abcde"))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(true, predicted))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(true, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(reference.log_loss(true, probabilities, labels=range(5)))
    np.testing.assert_array_equal(
        found["confusion"], reference.confusion_matrix(true, predicted, labels=range(5))
    )
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        true, predicted, labels=range(5), zero_division=np.nan
    )
    for k, row in enumerate(found["per_class"]):
        for ours, theirs in (
            (row["precision"], precision[k]),
            (row["recall"], recall[k]),
            (row["f1"], f1[k]),
        ):
            assert (ours is None) if np.isnan(theirs) else ours == pytest.approx(theirs)
        assert row["support"] == support[k]


def test_the_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-15))


def test_the_calibration_error_is_the_one_worked_out_by_hand() -> None:
    """Two bins: two items at .6, one right (gap .1); two at .9, both right (gap .1): .1 in all."""
    probabilities = np.array([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]])
    assert expected_calibration_error(np.array([0, 1, 0, 0]), probabilities, bins=10) == pytest.approx(0.1)


def test_over_and_under_confidence_cancel_within_a_bin_only() -> None:
    probabilities = np.array([[0.8, 0.2], [0.8, 0.2], [0.62, 0.38], [0.62, 0.38]])
    true = np.array([0, 0, 1, 0])  # gaps +.2 and -.12, weighing 2 each
    assert expected_calibration_error(true, probabilities, bins=10) == pytest.approx(0.16)
    assert expected_calibration_error(true, probabilities, bins=2) == pytest.approx(0.04)


@pytest.mark.parametrize("bins", [2, 10, 15])
def test_bins_are_closed_above(bins: int) -> None:
    """A confidence on an edge falls into the bin below: .5 belongs to (0, .5] of two bins."""
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]])
    gaps = expected_calibration_error(np.array([0, 1]), probabilities, bins)
    assert gaps == pytest.approx((0.5 + 0.75) / 2)


def test_a_certain_model_that_is_right_is_calibrated() -> None:
    assert expected_calibration_error(np.array([0, 1]), np.eye(2), 15) == 0.0


def test_random_numbers_are_calibrated_on_average() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 100_000)
    true = (rng.random((100_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    assert expected_calibration_error(true, probabilities, 15) < 0.01


def test_macro_f1_leaves_out_classes_that_do_not_appear() -> None:
    true = np.array([0, 0, 1])
    assert macro_f1(true, true, 2) == macro_f1(true, true, 10) == 1.0


def test_what_cannot_be_divided_is_none() -> None:
    table = class_table(confusion_matrix(np.array([0, 0]), np.array([0, 1]), 3), ["a", "b", "c"])
    assert table[1] == {
        "class": "b",
        "precision": 0.0,
        "recall": None,
        "f1": 0.0,
        "support": 0,
        "predicted": 1,
    }
    assert table[2] == {
        "class": "c",
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
        "predicted": 0,
    }


def test_everything_goes_through_json_unchanged() -> None:
    found = evaluate(*predictions(1), list("abcde"))
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_single_precision_probabilities_are_accepted() -> None:
    true, probabilities = predictions(2)
    single = evaluate(true, probabilities.astype(np.float32), list("abcde"))
    assert single["log_loss"] == pytest.approx(
        evaluate(true, probabilities, list("abcde"))["log_loss"], rel=1e-5
    )


@pytest.mark.parametrize(
    ("true", "probabilities", "message"),
    [
        ([], np.empty((0, 2)), "no test items"),
        ([0], [[0.5, 0.3, 0.2]], r"shape \(1, 3\)"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "test item 1 has class code 2"),
        ([-1], [[0.5, 0.5]], "class code -1"),
        ([0, 0], [[0.5, 0.5], [np.nan, 0.5]], "of test item 1"),
        ([0], [[0.9, 0.9]], "sum to 1.8"),
        ([0], [[1.5, -0.5]], "must be 0 or more"),
    ],
)
def test_what_is_no_prediction_is_refused(true: list[int], probabilities: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(np.array(true), np.array(probabilities), ["a", "b"])


def test_wilson_gives_the_interval_of_the_textbooks() -> None:
    """Newcombe (1998), table I: 81 of 263 is .2553 to .3662; 15 of 148 .0624 to .1605; 0 of 20 0 to .1611."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == (0.0, pytest.approx(0.1611, abs=5e-5))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_holds_the_share_and_stays_within_0_and_1(total: int, share: float, coverage: float) -> None:
    correct = round(share * total)
    low, high = wilson(correct, total, coverage)
    assert 0 <= low <= correct / total <= high <= 1


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_has_no_interval(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(correct, total)
