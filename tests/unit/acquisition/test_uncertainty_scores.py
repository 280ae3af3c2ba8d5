"""Uncertainty scores against brute force, and exactness at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from labelloop.acquisition import streaming
from labelloop.acquisition.entropy import entropy
from labelloop.acquisition.least_confident import least_confident
from labelloop.acquisition.margin import margin


def slow_margin(row: list[float]) -> float:
    first, second = sorted([*row, 0.0], reverse=True)[:2]
    return 1 - (first - second)


def slow_least_confident(row: list[float]) -> float:
    return 1 - max(row)


def slow_entropy(row: list[float]) -> float:
    if len(row) == 1:
        return 0.0
    return -math.fsum(p * math.log(p) for p in row if p > 0) / math.log(len(row))


PAIRS = [(margin, slow_margin), (least_confident, slow_least_confident), (entropy, slow_entropy)]
every_score = pytest.mark.parametrize(("score", "oracle"), PAIRS, ids=lambda f: f.__name__)

weights = st.integers(1, 9).flatmap(
    lambda classes: arrays(
        np.float64,
        st.tuples(st.integers(1, 8), st.just(classes)),
        elements=st.sampled_from([0.0, 1e-30, 1e-6, 0.1, 0.5, 1.0, 3.0]),
    )
)


@every_score
@settings(max_examples=60, deadline=None)
@given(weights=weights)
def test_scores_are_what_brute_force_says(score, oracle, weights: np.ndarray) -> None:
    weights[weights.sum(axis=1) == 0] = 1.0
    probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    expected = [oracle([float(p) for p in row]) for row in probabilities]
    scores = score(probabilities)
    np.testing.assert_allclose(scores, expected, atol=3e-7)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()


@every_score
def test_many_classes_stay_exact(score, oracle) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.full(1000, 0.3), size=20).astype(np.float32)
    np.testing.assert_allclose(
        score(probabilities), [oracle(row.tolist()) for row in probabilities], atol=1e-6
    )


@every_score
@pytest.mark.parametrize("classes", [1, 2, 10])
def test_a_certain_row_scores_exactly_zero(score, oracle, classes: int) -> None:
    assert (score(np.eye(classes, dtype=np.float32)) == 0).all()


@pytest.mark.parametrize("score", [margin, entropy])
@pytest.mark.parametrize("classes", [2, 4, 8])
def test_an_even_row_scores_exactly_one(score, classes: int) -> None:
    assert score(np.full((3, classes), 1 / classes, dtype=np.float32)).tolist() == [1, 1, 1]


@every_score
def test_rounding_never_leaves_the_unit_interval(score, oracle) -> None:
    """A sum a little over 1, as float16 has it, gives no negative score."""
    scores = score(np.array([[1.0005, 0.0], [0.5005, 0.5005]], dtype=np.float32))
    assert ((scores >= 0) & (scores <= 1)).all()


@every_score
def test_a_row_scores_the_same_wherever_it_stands(score, oracle, monkeypatch) -> None:
    """Neither the chunk nor the place in it changes a bit."""
    probabilities = np.random.default_rng(1).dirichlet(np.ones(11), size=1000).astype(np.float32)
    whole = score(probabilities)
    monkeypatch.setattr(streaming, "CHUNK_NUMBERS", 1)
    np.testing.assert_array_equal(score(probabilities[3:])[:-1], whole[3:-1])
    np.testing.assert_array_equal(score(probabilities[500:501]), whole[500:501])


@every_score
def test_scores_of_some_rows_are_those_of_the_whole(score, oracle, tmp_path) -> None:
    """Also over a memory-mapped array."""
    probabilities = np.random.default_rng(2).dirichlet(np.ones(3), size=500).astype(np.float32)
    np.save(tmp_path / "p.npy", probabilities)
    rows = np.array([499, 0, 17, 17])
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    np.testing.assert_array_equal(score(mapped, rows), score(probabilities)[rows])
