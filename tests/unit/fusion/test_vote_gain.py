"""A vote is worth what it is expected to add, counted in labels that are surely right."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.fusion.vote_gain import (
    annotator_accuracy,
    another_votes_worth,
    label_worth,
    new_votes_worth,
    verdicts_worth,
)


def beliefs(seed: int, n: int = 20, classes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), n)


def answers(accuracy: float, classes: int) -> np.ndarray:
    """Chance of each answer (column) by true class (row)."""
    says = np.full((classes, classes), (1 - accuracy) / (classes - 1))
    np.fill_diagonal(says, accuracy)
    return says


def test_a_guess_is_worth_nothing_and_certainty_one() -> None:
    """In between it rises, and faster the surer: two classes give the noise rate's (1 - 2e)^2."""
    assert label_worth(np.array([0.25, 1.0]), 4).tolist() == [0.0, 1.0]
    chances = np.linspace(0.5, 1, 20)
    assert label_worth(chances, 2) == pytest.approx((1 - 2 * (1 - chances)) ** 2)
    assert (np.diff(label_worth(chances, 5), 2) > 0).all()
    assert label_worth(np.ones(3), 1).tolist() == [1.0, 1.0, 1.0]


@settings(deadline=None)
@given(st.integers(0, 999), st.sampled_from([2, 3, 7]), st.floats(0.3, 0.99))
def test_another_vote_is_worth_what_bayes_rule_makes_of_every_answer(
    seed: int, classes: int, accuracy: float
) -> None:
    before = beliefs(seed, classes=classes)
    before[0] = 1 / classes
    says = answers(accuracy, classes)
    expected = -label_worth(before.max(axis=1), classes)
    for vote in range(classes):
        joint = before * says[:, vote]
        chance = joint.sum(axis=1)
        expected = expected + chance * label_worth((joint / chance[:, None]).max(axis=1), classes)
    assert another_votes_worth(before, accuracy) == pytest.approx(np.maximum(expected, 0), abs=1e-9)


@pytest.mark.parametrize(("classes", "accuracy", "votes"), [(2, 0.7, 1), (3, 0.8, 2), (4, 0.6, 3)])
def test_a_new_items_votes_share_the_worth_of_its_label(classes: int, accuracy: float, votes: int) -> None:
    """Every outcome enumerated, against the simulation: within four standard errors of 4,000 draws."""
    says = answers(accuracy, classes)
    expected = 0.0
    for given_votes in product(range(classes), repeat=votes):
        likelihood = says[:, list(given_votes)].prod(axis=1)
        worth = label_worth(likelihood.max(keepdims=True) / likelihood.sum(), classes)[0]
        expected += likelihood.mean() * worth / votes
    assert new_votes_worth(classes, accuracy, votes) == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(4000))
    assert new_votes_worth(classes, accuracy, votes) == new_votes_worth(classes, accuracy, votes)


def test_where_nothing_can_be_learnt_nothing_is_worth_anything() -> None:
    assert another_votes_worth(np.eye(3), 0.8) == pytest.approx(np.zeros(3), abs=1e-12)
    assert another_votes_worth(beliefs(1), 0.25) == pytest.approx(np.zeros(20), abs=1e-9)
    assert another_votes_worth(np.ones((2, 1)), 0.8).tolist() == [0.0, 0.0]
    assert another_votes_worth(np.empty((0, 3)), 0.8).tolist() == []
    assert new_votes_worth(1, 0.8, 2) == 0.0


def test_no_vote_is_worth_more_than_a_verdict() -> None:
    known = beliefs(3)
    assert (verdicts_worth(known) >= another_votes_worth(known, 0.99) - 1e-12).all()
    assert verdicts_worth(np.eye(3)).tolist() == [0.0, 0.0, 0.0]
    assert verdicts_worth(np.full((1, 4), 0.25)).tolist() == [1.0]


def test_a_split_vote_is_looked_at_before_a_new_item_and_a_clear_one_is_not() -> None:
    """Two people of 75% who disagree, and who agree, among ten classes."""
    split, clear = np.full(10, 0.0025), np.full(10, 0.0018)
    split[:2], clear[0] = 0.49, 0.9838
    worth = another_votes_worth(np.stack([split, clear]), 0.75)
    price = new_votes_worth(10, 0.75, 2)
    assert worth[0] > price > worth[1]


def test_the_typical_vote_is_as_good_as_the_labels_say() -> None:
    """Sure labels: the share that agrees. Unsure ones: each vote is right with the chance of its class."""
    sure = annotator_accuracy(np.ones(4), np.array([3, 2, 3, 2]), np.full(4, 3), 5)
    assert sure == pytest.approx(10 / 12)
    even = annotator_accuracy(np.array([0.5]), np.array([1]), np.array([2]), 2)
    assert even == pytest.approx(0.55)  # chance, and a little more: nobody is worth nothing for ever
    assert annotator_accuracy(np.ones(3), np.full(3, 2), np.full(3, 2), 3) == 0.99
    assert annotator_accuracy(np.empty(0), np.empty(0), np.empty(0), 3) == 0.75
