"""From scores to probabilities."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from labelloop.models import probabilities
from labelloop.models.probabilities import (
    ABSENT_MASS,
    add_to_rows,
    probabilities_of,
    softmax_in_place,
    workers_for,
)
from labelloop.one_thread import one_thread


@pytest.mark.parametrize("k", [1, 2, 10, 32, 33, 150])
@pytest.mark.parametrize("spread", [1.0, 200.0])
def test_softmax_equals_the_formula_in_double_precision(k: int, spread: float) -> None:
    scores = (np.random.default_rng(0).normal(size=(40, k)) * spread).astype(np.float32)
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    expected = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    softmax_in_place(scores)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-7)


def test_rows_far_apart_from_each_other_neither_overflow_nor_vanish() -> None:
    scores = np.array([[1000.0, 1000.0], [-1000.0, -1000.0]], dtype=np.float32)
    softmax_in_place(scores)
    np.testing.assert_allclose(scores, 0.5)


def test_absent_classes_share_their_mass_evenly() -> None:
    def score(rows: np.ndarray, out: np.ndarray) -> None:
        out[:] = rows

    rows = np.random.default_rng(0).normal(size=(25, 2)).astype(np.float32)
    found = probabilities_of(rows, lambda: score, np.array([1, 3]), 5, block_rows=10)
    np.testing.assert_allclose(found[:, [0, 2, 4]], ABSENT_MASS / 3, rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found[:, [1, 3]].argmax(axis=1) == rows.argmax(axis=1)).all()


def test_a_vector_is_added_to_every_row_of_a_short_last_block() -> None:
    scores = np.zeros((3, 2), dtype=np.float32)
    add_to_rows(scores, np.tile(np.array([1, 2], dtype=np.float32), 8))
    assert (scores == [[1, 2]] * 3).all()


def test_the_number_of_threads_does_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probabilities, "_SOFTMAX_NUMBERS", 1000)
    random = np.random.default_rng(0)
    rows, weights = (
        random.normal(size=(500, 30)).astype(np.float32),
        random.normal(size=(30, 7)).astype(np.float32),
    )

    def score(part: np.ndarray, out: np.ndarray) -> None:
        np.matmul(part, weights, out=out)

    results = [
        probabilities_of(rows, lambda: score, np.arange(7), 7, block_rows=64, workers=workers)
        for workers in (1, 2, 3, 6)
    ]
    assert all((result == results[0]).all() for result in results)


def test_a_machine_with_one_core_gives_the_bits_of_one_with_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of large scores have those beside them shifted, so what is worked on together must be the same."""
    monkeypatch.setattr(probabilities, "_SOFTMAX_NUMBERS", 4000)
    random = np.random.default_rng(0)
    rows = random.normal(size=(3000, 2000)).astype(np.float32)
    rows[::500] *= 40
    weights = (0.05 * random.normal(size=(2000, 9))).astype(np.float32)

    def score(part: np.ndarray, out: np.ndarray) -> None:
        np.matmul(part, weights, out=out)

    results = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(probabilities, "cores", partial(int, cores))
        workers = workers_for(weights.size)
        # On one core the product has one thread.
        with one_thread():
            results.append(
                probabilities_of(rows, lambda: score, np.arange(9), 9, block_rows=128, workers=workers)
            )
    assert (results[0] == results[1]).all() and (results[1] == results[2]).all()


def test_an_error_in_a_thread_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probabilities, "_SOFTMAX_NUMBERS", 20)

    def score(part: np.ndarray, out: np.ndarray) -> None:
        raise ValueError("broken row")

    with pytest.raises(ValueError, match="broken row"):
        probabilities_of(np.zeros((100, 2)), lambda: score, np.arange(2), 2, block_rows=10, workers=3)
