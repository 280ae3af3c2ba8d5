"""Majority vote: the formula, ties, speed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from labelloop.errors import SettingsError
from labelloop.fusion.base import Votes
from labelloop.fusion.majority import majority


def votes_of(*items: str, classes: str = "abc") -> Votes:
    """One string of labels an item; the n-th letter is annotator n's."""
    pairs = [
        (row, who, classes.index(label)) for row, said in enumerate(items) for who, label in enumerate(said)
    ]
    item, annotator, label = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    names = np.array([f"i{row}" for row in range(len(items))], dtype=object)
    return Votes(names, np.array(["x", "y", "z", "w"], dtype=object), tuple(classes), item, annotator, label)


def test_posterior_is_the_smoothed_share() -> None:
    posterior = majority(votes_of("aab"), smoothing=1.0).posterior
    np.testing.assert_allclose(posterior, [[(2 + 1 / 3) / 4, (1 + 1 / 3) / 4, (1 / 3) / 4]])


def test_smoothing_zero_is_the_plain_share() -> None:
    np.testing.assert_allclose(majority(votes_of("aab"), smoothing=0).posterior, [[2 / 3, 1 / 3, 0]])


def test_more_unanimous_votes_are_more_certain() -> None:
    confidence = majority(votes_of("a", "aa", "aaaa")).posterior[:, 0]
    assert confidence[0] < confidence[1] < confidence[2] < 1


def test_a_tie_goes_to_the_first_class_and_is_flagged() -> None:
    fusion = majority(votes_of("cb", "aab", "abc"))
    assert fusion.label.tolist() == [1, 0, 0]
    assert fusion.tie.tolist() == [True, False, True]


@pytest.mark.parametrize("smoothing", [0, 1.0, 0.1, 1e-9, 1e12])
def test_ties_do_not_depend_on_rounding(smoothing: float) -> None:
    """A weight that drowns the votes in floating point still leaves counts of 2:1 without a tie."""
    assert majority(votes_of("aab", "ab"), smoothing=smoothing).tie.tolist() == [False, True]


@pytest.mark.parametrize("smoothing", [0, 1.0])
def test_an_item_without_votes_is_an_even_tie(smoothing: float) -> None:
    fusion = majority(votes_of("a", ""), smoothing=smoothing)
    np.testing.assert_allclose(fusion.posterior[1], 1 / 3)
    assert fusion.tie.tolist() == [False, True]


@pytest.mark.parametrize("smoothing", [-0.1, float("nan"), float("inf"), "1", True, None])
def test_a_smoothing_that_is_no_weight_is_refused(smoothing: object) -> None:
    with pytest.raises(SettingsError, match="smoothing is"):
        majority(votes_of("a"), smoothing=smoothing)  # type: ignore[arg-type]


def test_a_million_votes_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    n = 1_000_000
    items, people = np.arange(200_000), np.arange(100)
    votes = Votes(items, people, tuple("abcdefghij"), rng.integers(0, 200_000, n), rng.integers(0, 100, n),
                  rng.integers(0, 10, n))  # fmt: skip
    start = time.process_time()
    majority(votes)
    assert time.process_time() - start < 1.0
