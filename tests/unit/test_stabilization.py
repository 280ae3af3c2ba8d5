"""Stopping by predictions that no longer change: the values by hand, and what must not stop a campaign."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from labelloop.errors import DataError
from labelloop.stopping.stabilization import (
    classification_change,
    cohen_kappa,
    overall_uncertainty,
    stabilizing_predictions,
)


def codes(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(2, 200), st.integers(0, 10**6))
def test_kappa_is_the_textbooks(classes: int, n: int, seed: int) -> None:
    one, other = np.random.default_rng(seed).integers(classes, size=(2, n))
    if len(set(one.tolist()) | set(other.tolist())) > 1:
        assert cohen_kappa(one, other) == pytest.approx(cohen_kappa_score(one, other))


def test_all_of_one_class_is_full_agreement() -> None:
    assert cohen_kappa(codes(2, 2, 2), codes(2, 2, 2)) == 1


def test_agreement_that_chance_would_give_does_not_stop_a_campaign() -> None:
    """A model that says ham 99 times in a hundred agrees with any other such model 98% of the time."""
    random = np.random.default_rng(0)
    rounds = [(random.random(4000) < 0.01).astype(np.int64) for _ in range(5)]
    assert (rounds[-1] == rounds[-2]).mean() > 0.97
    found = stabilizing_predictions(rounds)
    assert not found.stop and found.value < 0.1


def test_a_window_of_rest_stops_and_an_earlier_rest_does_not() -> None:
    resting, moving = np.arange(1000) % 4, (np.arange(1000) + 1) % 4
    assert stabilizing_predictions([moving, resting, resting, resting, resting]).stop
    assert not stabilizing_predictions([resting, resting, resting, resting, moving]).stop
    assert not stabilizing_predictions([resting, resting, resting]).stop
    assert "it takes 4" in stabilizing_predictions([resting, resting, resting]).sentence


def test_the_bound_is_the_published_one_and_f1_keeps_it() -> None:
    """At kappa 0.99 it is 0.0404; the F1 of models so close differs by less, whatever the truth."""
    random = np.random.default_rng(1)
    truth = random.integers(2, size=5000)
    first = np.where(random.random(5000) < 0.8, truth, 1 - truth)
    rounds = [first]
    for _ in range(3):
        newest = rounds[-1].copy()
        newest[random.choice(5000, 20, replace=False)] ^= 1
        rounds.append(newest)
    found = stabilizing_predictions(rounds)
    assert found.bound == pytest.approx(4 * (1 - found.value) / found.value)
    assert stabilizing_predictions([first] * 4, kappa=1).bound == 0
    gaps = [abs(f1_score(truth, a) - f1_score(truth, b)) for a, b in itertools.pairwise(rounds)]
    assert max(gaps) < found.bound


def test_one_changed_prediction_goes_on() -> None:
    rest, moved = codes(0, 1, 2, 1), codes(0, 1, 2, 2)
    assert classification_change([moved, rest, rest, rest]).stop
    found = classification_change([rest, rest, moved])
    assert not found.stop and found.value == 0.25 and "25.00% of 4 predictions" in found.sentence


def test_doubt_is_the_mean_of_what_is_left_over() -> None:
    found = overall_uncertainty(np.array([[0.9, 0.1], [0.7, 0.3]]), threshold=0.25)
    assert found.stop and found.value == pytest.approx(0.2)
    assert not overall_uncertainty(np.array([[0.9, 0.1], [0.7, 0.3]]), threshold=0.2 - 1e-9).stop


@pytest.mark.parametrize("rule", [stabilizing_predictions, classification_change])
@pytest.mark.parametrize("rounds", [[codes(0, 1), codes(0)], [codes(), codes()]])
def test_rounds_of_different_items_are_refused(rule, rounds: list[np.ndarray]) -> None:
    with pytest.raises(DataError, match="the same items of the stop set"):
        rule(rounds)
