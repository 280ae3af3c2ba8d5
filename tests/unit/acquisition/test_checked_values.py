"""The quick look at large arrays: it lets through and refuses exactly what a look at every number would."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import checked_values
from labelloop.acquisition.checked_values import check_values
from labelloop.errors import DataError


@pytest.fixture
def probabilities(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """1,000 rows in blocks of 256."""
    monkeypatch.setattr(checked_values, "_NUMBERS", 1)
    return np.random.default_rng(0).dirichlet(np.ones(4), size=1000).astype(np.float32)


@pytest.mark.parametrize("place", [0, 255, 256, 999])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["probabilities", "embeddings"])
def test_one_number_that_is_not_finite_is_found(
    name: str, bad: float, place: int, probabilities: np.ndarray
) -> None:
    probabilities[place, 2] = bad
    with pytest.raises(DataError, match=f"{name} of row {place} are not all finite"):
        check_values(name, probabilities, np.arange(1000))


def test_infinities_that_cancel_are_found(probabilities: np.ndarray) -> None:
    probabilities[700, :2] = np.inf, -np.inf
    with pytest.raises(DataError, match="row 700"):
        check_values("embeddings", probabilities, np.arange(1000))


@pytest.mark.parametrize("wrong", [[0.5, 0.5, 0.002, 0], [1.1, -0.1, 0, 0], [0, 0, 0, 0]])
def test_a_row_that_is_no_distribution_is_found(wrong: list[float], probabilities: np.ndarray) -> None:
    probabilities[321] = wrong
    with pytest.raises(DataError, match="row 321 must be 0 or more and sum to 1"):
        check_values("probabilities", probabilities, np.arange(1000))


def test_what_rounding_does_is_let_through(probabilities: np.ndarray) -> None:
    """Also where the quick look is not content with it."""
    probabilities[5] = [0.5, 0.5, 0.0009, 0]
    check_values("probabilities", probabilities, np.arange(1000))
    check_values("probabilities", probabilities.astype(np.float16), np.arange(1000))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("error")
def test_embeddings_whose_squares_float32_cannot_hold_are_found(
    dtype: str, probabilities: np.ndarray
) -> None:
    """Numbers all of them, so nothing diverged; told with the row, what it holds, and what to do."""
    points = probabilities.astype(dtype)
    points[700, 1] = 3e38 if dtype == "float32" else 1e300
    with pytest.raises(DataError, match=r"embeddings of row 700 are too large: .*e\+.*Scale them"):
        check_values("embeddings", points, np.arange(1000))


def test_many_long_embeddings_are_let_through(probabilities: np.ndarray) -> None:
    """What only the number of rows in a block makes too large is none of their fault."""
    check_values("embeddings", np.full((300, 4), 4.9e14, dtype=np.float32), np.arange(300))


def test_only_the_rows_that_are_asked_for_are_looked_at(probabilities: np.ndarray) -> None:
    probabilities[::2] = np.nan
    check_values("probabilities", probabilities, np.arange(1, 1000, 2))
