"""Inputs and answers that break the contract are named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from labelloop.acquisition import Context, Picks, Strategy, make_strategy, select_rows
from labelloop.errors import DataError, SettingsError

GOOD = Context(
    candidates=np.arange(4, 10),
    labeled=np.arange(4),
    probabilities=np.full((10, 2), 0.5, dtype=np.float32),
    embeddings=np.eye(10, dtype=np.float32),
    seed=0,
)


def with_cell(array: np.ndarray, row: int, values: object) -> np.ndarray:
    array = array.copy()
    array[row] = values
    return array


WRONG_INPUTS = [
    ({"embeddings": np.eye(9, dtype=np.float32)}, "10 rows of probabilities, 9 rows of embeddings"),
    ({"ids": np.array(["a"], dtype=object)}, "1 rows of ids"),
    ({"probabilities": with_cell(GOOD.probabilities, 7, [0.5, 0.6])}, r"row 7 .* sum to 1.*sum 1\.1"),
    ({"probabilities": with_cell(GOOD.probabilities, 7, [1.5, -0.5])}, "row 7 must be 0 or more"),
    (
        {"probabilities": with_cell(GOOD.probabilities, 7, np.nan)},
        "probabilities of row 7 are not all finite",
    ),
    ({"embeddings": with_cell(GOOD.embeddings, 8, np.inf)}, "embeddings of row 8 are not all finite"),
    ({"embeddings": with_cell(GOOD.embeddings, 2, np.nan)}, "embeddings of row 2 are not all finite"),
    ({"embeddings": np.arange(10.0)}, r"shape \(10,\)"),
    ({"probabilities": np.ones((10, 1), dtype=int)}, "type int64"),
    ({"candidates": np.array([5, 4])}, "ascending"),
    ({"candidates": np.array([5, 5, 6])}, "distinct"),
    ({"candidates": np.array([5, 6, 10])}, "row 10, but the pool has 10 rows"),
    ({"candidates": np.array([-1, 6, 7])}, "row -1"),
    ({"candidates": np.array([3, 6, 7])}, "row 3 is a candidate and labeled already"),
    ({"candidates": np.array([5.0, 6.0])}, "row numbers"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_INPUTS, ids=[said[:30] for _, said in WRONG_INPUTS])
def test_a_wrong_input_is_named(change: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(DataError, match=said):
        select_rows(make_strategy("margin", {}), dataclasses.replace(GOOD, **change), 2)


def test_rows_that_cannot_be_picked_are_not_judged() -> None:
    """A labeled row may have no probabilities: nobody scored it."""
    context = dataclasses.replace(GOOD, probabilities=with_cell(GOOD.probabilities, 0, np.nan))
    assert len(select_rows(make_strategy("margin", {}), context, 2).rows) == 2


def test_float16_rounding_is_forgiven() -> None:
    rng = np.random.default_rng(0)
    half = rng.dirichlet(np.ones(10), size=10).astype(np.float16)
    assert (
        len(select_rows(make_strategy("margin", {}), dataclasses.replace(GOOD, probabilities=half), 2).rows)
        == 2
    )


def test_a_batch_larger_than_the_candidates_is_refused_with_both_numbers() -> None:
    with pytest.raises(SettingsError, match=r"a batch of 7 .* only 6 items are left"):
        select_rows(make_strategy("random", {}), GOOD, 7)


def test_a_negative_batch_is_refused() -> None:
    with pytest.raises(SettingsError, match="-1"):
        select_rows(make_strategy("random", {}), GOOD, -1)


def test_a_batch_of_nothing_is_empty() -> None:
    assert select_rows(make_strategy("k_means", {}), GOOD, 0).rows.tolist() == []


def test_a_strategy_without_what_it_needs_is_told_what_to_use() -> None:
    with pytest.raises(SettingsError, match=r"'margin' needs probabilities.*k_means"):
        select_rows(make_strategy("margin", {}), dataclasses.replace(GOOD, probabilities=None), 2)


NOTHING = np.full(2, np.nan)
WRONG_ANSWERS = [
    (np.array([4, 5]), "returned ndarray; it must return Picks"),
    (Picks(np.array([4, 4]), NOTHING, np.ones(2)), "picked row 4 2 times"),
    (Picks(np.array([4, 1]), NOTHING, np.ones(2)), "picked row 1, which is no candidate"),
    (Picks(np.array([4, 5, 6]), NOTHING, np.ones(2)), r"rows of shape \(3,\) .*batch of 2"),
    (Picks(np.array([4.0, 5.0]), NOTHING, np.ones(2)), "rows of type float64"),
    (Picks(np.array([4, 5]), np.ones(3), np.ones(2)), r"scores of shape \(3,\)"),
    (Picks(np.array([4, 5]), np.array(["a", "b"]), np.ones(2)), "scores of .*type <U1"),
    (Picks(np.array([4, 5]), NOTHING, np.array([0.0, 1.0])), "probability of 0.0"),
    (Picks(np.array([4, 5]), NOTHING, np.array([1.0, 1.5])), "probability of 1.5"),
    (Picks(np.array([4, 5]), NOTHING, np.ones(2), draws=np.array([0.5, 2.0])), "probability of 2.0"),
    (Picks(np.array([4, 5]), NOTHING, np.ones(2), draws=np.ones(3)), r"draws of shape \(3,\)"),
]


@pytest.mark.parametrize(("answer", "said"), WRONG_ANSWERS, ids=[said[:30] for _, said in WRONG_ANSWERS])
def test_a_strategy_that_errs_is_told_what_it_did(answer: object, said: str) -> None:
    strategy = Strategy("mine:pick", frozenset(), lambda context, batch_size: answer)
    with pytest.raises(DataError, match=f"'mine:pick'.*{said}"):
        select_rows(strategy, GOOD, 2)


@pytest.mark.parametrize("field", ["candidates", "labeled", "probabilities", "embeddings"])
def test_a_strategy_cannot_change_the_pool(field: str) -> None:
    def spoil(context: Context, batch_size: int) -> Picks:
        getattr(context, field)[0] = 9
        raise AssertionError("the array could be written")

    with pytest.raises(ValueError, match="read-only"):
        select_rows(Strategy("mine:spoil", frozenset(), spoil), GOOD, 2)


def test_the_number_of_cores_changes_no_byte() -> None:
    """Of a strategy whose scores are sums of matrix products."""
    random = np.random.default_rng(0)
    context = Context(
        candidates=np.arange(50, 2000),
        labeled=np.arange(50),
        probabilities=random.dirichlet(np.ones(5), 2000).astype(np.float32),
        embeddings=random.normal(size=(2000, 16)).astype(np.float32),
        seed=1,
    )
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            found.append(select_rows(make_strategy("uherding"), context, 20))
    assert found[0].rows.tobytes() == found[1].rows.tobytes()
    assert found[0].scores.tobytes() == found[1].scores.tobytes()
