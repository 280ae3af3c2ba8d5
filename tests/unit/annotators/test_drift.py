"""Drift: how often it is found, and how seldom it is seen where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.annotators.drift import bernoulli_cusum, change_point, limit_for
from labelloop.errors import SettingsError


def falls(rng: np.random.Generator, n: int, before: float, after: float) -> np.ndarray:
    late = np.arange(n) >= n // 2
    return rng.random(n) < np.where(late, after, before)


@pytest.mark.parametrize("n", [20, 60, 300])
@pytest.mark.parametrize("accuracy", [0.5, 0.9])
def test_steady_people_are_not_accused(n: int, accuracy: float) -> None:
    """The p-value is below 1% in at most about 1% of 2,000 sequences."""
    rng = np.random.default_rng(n)
    found = [change_point(rng.random(n) < accuracy).p_value < 0.01 for _ in range(2000)]
    assert np.mean(found) <= 0.013


def test_a_fall_is_found_and_placed() -> None:
    """From .92 to .5 among 100: found in over 95%, and placed within 15 of the true moment in the median."""
    rng = np.random.default_rng(0)
    found = [change_point(falls(rng, 100, 0.92, 0.5)) for _ in range(300)]
    assert np.mean([one.p_value < 0.01 for one in found]) > 0.95
    assert np.median([abs(one.at - 50) for one in found]) <= 15
    assert all(one.before > one.after for one in found if one.p_value < 0.01)


def test_getting_better_is_no_fall() -> None:
    rng = np.random.default_rng(0)
    assert np.mean([change_point(falls(rng, 200, 0.5, 0.95)).p_value < 0.01 for _ in range(200)]) < 0.01


def test_harder_items_are_no_fall() -> None:
    """Accuracy falls for everybody from half of the items on, and it is known by how much."""
    rng = np.random.default_rng(1)
    usual = np.where(np.arange(200) < 100, 0.9, 0.6)
    found = [change_point(rng.random(200) < usual, usual).p_value < 0.01 for _ in range(2000)]
    blind = [change_point(rng.random(200) < usual).p_value < 0.01 for _ in range(100)]
    assert np.mean(found) <= 0.02
    assert np.mean(blind) > 0.8


def test_too_few_all_right_and_all_wrong_prove_nothing() -> None:
    assert np.isnan(change_point(np.ones(19)).p_value)
    assert np.isnan(change_point(np.array([])).before)
    assert change_point(np.ones(50)).p_value == 1
    assert change_point(np.zeros(50)).p_value == 1


def test_cusum_raises_an_alarm_as_seldom_and_as_soon_as_it_says() -> None:
    """From .92 to .80 at limit 3: one false alarm in about 460 outcomes, found in about 35."""
    rng = np.random.default_rng(0)
    false = [bernoulli_cusum(rng.random(8000) < 0.92).alarm or 8000 for _ in range(150)]
    soon = [bernoulli_cusum(rng.random(2000) < 0.8).alarm or 2000 for _ in range(150)]
    assert 370 < np.mean(false) < 560
    assert 28 < np.mean(soon) < 42


def test_cusum_is_its_formula() -> None:
    found = bernoulli_cusum(np.array([1, 0, 1, 0, 0]), 0.9, 0.7, limit=2.0)
    right, wrong = np.log(0.7 / 0.9), np.log(0.3 / 0.1)
    path = [0.0, wrong, wrong + right, 2 * wrong + right, 3 * wrong + right]
    np.testing.assert_allclose(found.path, path)
    assert found.alarm == 5


@pytest.mark.parametrize(
    ("expected", "bad", "n"), [(0.92, 0.8, 200), (0.7, 0.5, 400), (0.98, 0.93, 300), (0.998, 0.996, 1000)]
)
def test_the_limit_keeps_false_alarms_as_rare_as_asked(expected: float, bad: float, n: int) -> None:
    limit = limit_for(expected, bad, n, false_alarm=0.05)
    rng = np.random.default_rng(0)
    alarms = [bernoulli_cusum(rng.random(n) < expected, expected, bad, limit).alarm for _ in range(800)]
    rate = np.mean([alarm is not None for alarm in alarms])
    assert 0.01 < rate <= 0.07


def test_no_fall_to_watch_for_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"from accuracy 0\.8 to 0\.9; the second must be lower"):
        bernoulli_cusum(np.ones(3), 0.8, 0.9)
