"""What a vote tells is the mutual information of label and vote, and falls with every further one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelloop.fusion.vote_gain import annotator_accuracy, entropy, further_gains, vote_information


def beliefs(seed: int, n: int = 20, classes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), n)


@given(st.integers(0, 999), st.sampled_from([2, 3, 7]), st.floats(0.3, 0.99))
def test_it_is_how_far_the_entropy_falls_on_average(seed: int, classes: int, accuracy: float) -> None:
    """Over every vote that may come, by Bayes' rule on each."""
    before = beliefs(seed, classes=classes)
    says = np.full((classes, classes), (1 - accuracy) / (classes - 1))
    np.fill_diagonal(says, accuracy)
    expected = entropy(before)
    for vote in range(classes):
        joint = before * says[:, vote]
        chance = joint.sum(axis=1)
        expected = expected - chance * entropy(joint / chance[:, None])
    assert vote_information(before, accuracy) == pytest.approx(np.maximum(expected, 0), abs=1e-9)


def test_what_is_known_and_who_guesses_tell_nothing() -> None:
    assert vote_information(np.eye(3), 0.8) == pytest.approx(np.zeros(3), abs=1e-12)
    assert vote_information(beliefs(1), 0.25) == pytest.approx(np.zeros(20), abs=1e-9)
    assert vote_information(np.ones((2, 1)), 0.8).tolist() == [0.0, 0.0]


@given(st.integers(0, 999), st.floats(0.3, 0.99), st.integers(1, 6))
def test_further_votes_tell_less_and_never_more_than_there_is_to_know(
    seed: int, accuracy: float, most: int
) -> None:
    gains = further_gains(beliefs(seed), accuracy, most)
    assert gains.shape == (20, most) and (gains >= 0).all()
    assert gains[:, 0] == pytest.approx(vote_information(beliefs(seed), accuracy))
    assert (np.diff(gains, axis=1) <= 1e-12).all()
    assert (gains.sum(axis=1) <= entropy(beliefs(seed)) + 1e-9).all()


def test_the_typical_vote_is_as_good_as_the_labels_say() -> None:
    """Sure labels: the share that agrees. Unsure ones: each vote is right with the chance of its class."""
    sure = annotator_accuracy(np.ones(4), np.array([3, 2, 3, 2]), np.full(4, 3), 5)
    assert sure == pytest.approx(10 / 12)
    even = annotator_accuracy(np.array([0.5]), np.array([1]), np.array([2]), 2)
    assert even == pytest.approx(0.55)  # chance, and a little more: nobody is worth nothing for ever
    assert annotator_accuracy(np.ones(3), np.full(3, 2), np.full(3, 2), 3) == 0.99
    assert annotator_accuracy(np.empty(0), np.empty(0), np.empty(0), 3) == 0.75
