"""Scores of a large pool: on how many cores, and how the rows are asked for, changes no bit."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import streaming
from labelloop.acquisition.entropy import entropy
from labelloop.acquisition.margin import margin
from labelloop.acquisition.streaming import Score


@pytest.fixture(params=[2, 7, 40])
def chances(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Rows of some classes, some of them certain, in chunks of 256."""
    monkeypatch.setattr(streaming, "CHUNK_NUMBERS", 1)
    classes = request.param
    found = np.random.default_rng(0).dirichlet(np.full(classes, 0.3), size=9000).astype(np.float32)
    found[::100] = np.eye(classes, dtype=np.float32)[1]
    return found


@pytest.mark.parametrize("score", [margin, entropy])
def test_the_number_of_cores_changes_no_bit(
    score: Score, chances: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number in (1, 2, 5):
        monkeypatch.setattr(streaming, "cores", lambda number=number: number)
        found.append(score(chances).tobytes())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("score", [margin, entropy])
def test_rows_score_the_same_however_they_are_asked_for(score: Score, chances: np.ndarray) -> None:
    """In a row, with gaps, and in disorder: rows that follow each other are read without a copy."""
    everything = score(chances)
    shuffled = np.random.default_rng(1).permutation(len(chances))
    for rows in (np.arange(100, 5000), np.delete(np.arange(5000), [7, 700]), shuffled, np.arange(300)[::-1]):
        assert score(chances, rows).tobytes() == everything[rows].tobytes()


def test_entropy_is_that_of_double_precision(chances: np.ndarray) -> None:
    exact = chances.astype(np.float64)
    logs = np.log(np.where(exact > 0, exact, 1))
    np.testing.assert_allclose(
        entropy(chances), -(exact * logs).sum(axis=1) / np.log(exact.shape[1]), atol=3e-7
    )
