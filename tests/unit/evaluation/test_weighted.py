"""Estimates from items picked on purpose are of the pool: unbiased, with intervals that cover as they say."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import select_picks
from labelloop.errors import DataError
from labelloop.evaluation.weighted import (
    asked_accuracy,
    chosen_accuracy,
    inverse_probability,
    lure,
    lure_weights,
)

DRAWS = 400
"""Simulated batches a test; 1.6 standard errors of a coverage of 90% are then 2.4 points."""


def doubtful_pool(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities, and whether the likeliest class is the right one."""
    rng = np.random.default_rng(0)
    said = rng.dirichlet([1.5, 0.5, 0.5], size=size).astype(np.float32)
    return said, rng.random(size) < said.max(axis=1)


@pytest.mark.parametrize(
    ("strategy", "options", "size", "batch"),
    [
        ("power_margin", {"power": 1.0}, 1000, 40),
        ("power_margin", {"power": 1.0}, 1000, 100),
        ("power_margin", {"power": 0.5}, 2000, 40),
        ("random", {}, 1000, 40),
    ],
)
def test_weighted_accuracy_is_unbiased_and_its_interval_covers(
    strategy: str, options: dict[str, float], size: int, batch: int
) -> None:
    """Over 400 batches of the real strategies; the plain mean of the same items is far off."""
    said, right = doubtful_pool(size)
    found, plain = [], []
    for seed in range(DRAWS):
        picks = select_picks(strategy, batch_size=batch, probabilities=said, seed=seed, **options)
        everything = np.ones(batch, dtype=bool)
        found.append(asked_accuracy(right[picks.rows], picks.draws, size, everything, coverage=0.9))
        plain.append(right[picks.rows].mean())
    values = np.array([one.value for one in found])
    error = values.std() / np.sqrt(DRAWS)
    assert abs(values.mean() - right.mean()) < 3 * error
    covered = np.mean([one.low <= right.mean() <= one.high for one in found if one.low is not None])
    assert 0.9 - 0.04 < covered < 0.9 + 0.06
    if strategy != "random":
        assert abs(np.mean(plain) - right.mean()) > 5 * abs(values.mean() - right.mean())
        assert np.mean(plain) < right.mean() - 0.04


def test_items_without_a_label_are_left_out_and_the_rest_is_still_estimated() -> None:
    """People cannot label what the model doubts as often: the mean over what they can label is found."""
    said, right = doubtful_pool(1000)
    can = np.random.default_rng(3).random(1000) < np.where(said.max(axis=1) < 0.6, 0.5, 0.95)
    found = []
    for seed in range(DRAWS):
        picks = select_picks("power_margin", batch_size=60, probabilities=said, seed=seed)
        found.append(asked_accuracy(right[picks.rows], picks.draws, 1000, can[picks.rows], coverage=0.9))
    truth = right[can].mean()
    assert abs(np.mean([one.value for one in found]) - truth) < 0.03
    assert np.mean([one.low <= truth <= one.high for one in found if one.low is not None]) > 0.82
    assert abs(right.mean() - truth) > 0.01


def test_inverse_probabilities_undo_the_choice_too() -> None:
    said, right = doubtful_pool(1000)
    wrong = (~right).astype(float)
    found, plain = [], []
    for seed in range(DRAWS):
        picks = select_picks("power_margin", batch_size=60, probabilities=said, seed=seed)
        found.append(inverse_probability(wrong[picks.rows], picks.probabilities, coverage=0.9, bounds=(0, 1)))
        plain.append(wrong[picks.rows].mean())
        accuracy = chosen_accuracy(right[picks.rows], picks.probabilities, coverage=0.9)
        assert accuracy.value == 1 - found[-1].value
        assert accuracy.low is None or accuracy.low == 1 - found[-1].high
    truth = wrong.mean()
    assert abs(np.mean([one.value for one in found]) - truth) < abs(np.mean(plain) - truth) / 5
    assert np.mean([one.low <= truth <= one.high for one in found if one.low is not None]) > 0.85


def test_draws_of_a_tiny_pool_give_its_mean_exactly_on_average() -> None:
    """Over every order in which 2 of 3 unequal items can be drawn, weighted by how likely it is."""
    values, weights = np.array([5.0, -1.0, 2.0]), np.array([0.5, 0.3, 0.2])
    mean = 0.0
    for first in range(3):
        for second in set(range(3)) - {first}:
            chances = np.array([weights[first], weights[second] / (1 - weights[first])])
            mean += chances.prod() * lure(values[[first, second]], chances, 3).value
    assert mean == pytest.approx(values.mean())


def test_even_draws_weigh_the_same_and_a_whole_pool_leaves_nothing_to_chance() -> None:
    even = 1 / (20 - np.arange(12))
    np.testing.assert_allclose(lure_weights(even, 20), 1.0)
    values = np.random.default_rng(0).random(20)
    everything = lure(values, 1 / (20 - np.arange(20)), 20)
    assert everything.value == pytest.approx(values.mean())
    assert everything.low == everything.high == everything.value


def test_chances_of_draws_are_what_they_are_said_to_be() -> None:
    """Of 4 items the first drawn one is item i as often as its chance says; later chances are relative."""
    said = np.float32([[0.5, 0.5], [0.7, 0.3], [0.8, 0.2], [0.9, 0.1]])
    weights = 1 - (said.max(axis=1) - said.min(axis=1))
    first = np.zeros(4)
    for seed in range(3000):
        picks = select_picks("power_margin", batch_size=3, probabilities=said, seed=seed, ids=list("abcd"))
        left = np.ones(4, dtype=bool)
        for row, chance in zip(picks.rows, picks.draws, strict=True):
            assert chance == pytest.approx(weights[row] / weights[left].sum(), rel=1e-5)
            left[row] = False
        first[picks.rows[0]] += 1 / 3000
    np.testing.assert_allclose(first, weights / weights.sum(), atol=0.03)


def test_few_effective_items_give_no_interval() -> None:
    draws = np.append(np.full(5, 0.001), np.full(15, 0.3))
    found = lure(np.ones(20), draws, 1000)
    assert found.effective < 10 and found.low is None and found.high is None


@pytest.mark.parametrize(
    ("values", "draws", "pool", "said"),
    [
        ([1.0, 0.0], [0.5, np.nan], 9, "the chance of item 1 is nan"),
        ([1.0, 0.0], [0.5, 0.0], 9, "the chance of item 1 is 0.0"),
        ([1.0], [0.5, 0.5], 9, "give one of each"),
        ([], [], 9, "at least one item"),
        ([1.0, 1.0], [0.5, 0.5], 1, "2 items were drawn from a pool of 1"),
    ],
)
def test_what_is_not_known_is_refused(values: list[float], draws: list[float], pool: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        lure(np.array(values), np.array(draws), pool)
