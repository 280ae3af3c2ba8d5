"""Cohen's kappa of all pairs at once: against scikit-learn's one by one, and its intervals."""

from __future__ import annotations

import numpy as np
import pytest
from people import coded, crowd_table
from sklearn.metrics import cohen_kappa_score

from labelloop.annotators.pairs import cohen
from labelloop.fusion.base import Votes


@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_pair_is_scikit_learns(n_classes: int) -> None:
    table, _ = crowd_table(seed=0, n_classes=n_classes, n_annotators=7)
    votes = coded(table, n_classes)
    pairs = cohen(votes)
    assert len(pairs.one) == 21
    for row in range(21):
        answers = [
            dict(zip(votes.item[votes.annotator == who], votes.label[votes.annotator == who], strict=True))
            for who in (pairs.one[row], pairs.other[row])
        ]
        shared = sorted(set(answers[0]) & set(answers[1]))
        one, other = ([answer[item] for item in shared] for answer in answers)
        assert pairs.shared[row] == len(shared)
        assert pairs.agreement[row] == pytest.approx(np.mean(np.array(one) == np.array(other)))
        assert pairs.kappa[row] == pytest.approx(cohen_kappa_score(one, other))


def two(one: np.ndarray, other: np.ndarray, n_classes: int) -> Votes:
    n = len(one)
    item, who = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    return Votes(
        np.arange(n), np.array(["a", "b"]), tuple(map(str, range(n_classes))), item, who, np.r_[one, other]
    )


def test_intervals_hold_the_true_kappa_as_often_as_they_say() -> None:
    """Two people who are right in 80 and 70 of 100: the interval of 95% misses in 2 to 9 of 100 samples."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400_000)

    def answer(truth: np.ndarray, skill: float) -> np.ndarray:
        return np.where(rng.random(len(truth)) < skill, truth, rng.integers(0, 3, len(truth)))

    target = cohen(two(answer(truth, 0.8), answer(truth, 0.7), 3)).kappa[0]
    missed = 0
    for _ in range(300):
        truth = rng.integers(0, 3, 150)
        pairs = cohen(two(answer(truth, 0.8), answer(truth, 0.7), 3))
        missed += not pairs.low[0] <= target <= pairs.high[0]
    assert 0.02 <= missed / 300 <= 0.09


def test_one_class_is_undefined_and_perfect_agreement_has_no_interval() -> None:
    same = cohen(two(np.zeros(5, int), np.zeros(5, int), 2))
    assert np.isnan(same.kappa[0])
    assert same.agreement[0] == 1
    perfect = cohen(two(np.array([0, 1, 0]), np.array([0, 1, 0]), 2))
    assert perfect.kappa[0] == 1
    assert np.isnan(perfect.low[0])


def test_people_who_share_nothing_are_no_pair() -> None:
    votes = Votes(
        np.arange(2), np.array(["a", "b"]), ("x", "y"), np.array([0, 1]), np.array([0, 1]), np.array([0, 1])
    )
    assert len(cohen(votes).one) == 0
