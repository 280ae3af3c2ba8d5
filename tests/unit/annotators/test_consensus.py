"""The others' consensus: without one's own vote, right, and linear in memory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from people import class_names, coded, crowd_table

from labelloop.annotators.consensus import LEAST_CHANCE, MOST_SKILL, consensus_of_others
from labelloop.fusion.base import Votes


def test_the_chance_is_its_formula() -> None:
    """Recomputed vote by vote from the skills, with loops."""
    table, _ = crowd_table(seed=0, n_items=60, n_classes=4)
    votes = coded(table, 4)
    others = consensus_of_others(votes, groups=((2, 5),))
    bounded = np.clip(others.skill, 1 / 4, MOST_SKILL)
    weight = np.maximum(np.log(bounded * 3 / (1 - bounded + 1e-12)), 0)
    for row in range(len(votes.item)):
        left_out = {2, 5} if votes.annotator[row] in (2, 5) else {votes.annotator[row]}
        scores = np.zeros(4)
        for other in np.flatnonzero(votes.item == votes.item[row]):
            if votes.annotator[other] not in left_out:
                copies = votes.annotator[other] in (2, 5)
                both = sum(code in (2, 5) for code in votes.annotator[votes.item == votes.item[row]])
                scores[votes.label[other]] += weight[votes.annotator[other]] / (both if copies else 1)
        chance = np.exp(scores) / np.exp(scores).sum()
        if (scores >= scores.max() - 1e-9).sum() > 1 or chance.max() <= LEAST_CHANCE:
            assert others.label[row] == -1
            assert math.isnan(others.chance[row])
        else:
            assert others.label[row] == scores.argmax()
            assert others.chance[row] == pytest.approx(chance.max(), abs=1e-9)


def test_ones_own_vote_changes_nothing_about_what_the_others_say() -> None:
    """Each annotator's answers replaced by noise: what the others say about those items stays."""
    table, _ = crowd_table(seed=1, n_items=200, n_classes=3, per_item=6)
    votes = coded(table, 3)
    before = consensus_of_others(votes)
    rng = np.random.default_rng(0)
    for who in range(4):
        mine = votes.annotator == who
        label = np.where(mine, rng.integers(0, 3, len(votes.label)), votes.label)
        after = consensus_of_others(
            Votes(votes.items, votes.annotators, votes.classes, votes.item, votes.annotator, label)
        )
        assert (after.label[mine] == before.label[mine]).mean() > 0.97


def test_the_consensus_is_mostly_right_and_knows_the_able() -> None:
    table, truth = crowd_table(seed=2, n_items=1000, per_item=5)
    votes = coded(table, 3)
    others = consensus_of_others(votes)
    judged = others.label >= 0
    assert (others.label == truth[votes.item])[judged].mean() > 0.93
    real = [(votes.label == truth[votes.item])[votes.annotator == who].mean() for who in range(12)]
    assert np.corrcoef(real, others.skill)[0, 1] > 0.95


def test_people_who_answer_at_random_are_no_measure() -> None:
    """One able person among three guessers: the guessers' opinion counts for little or nothing."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 8, 400)
    item, who = np.repeat(np.arange(400), 4), np.tile(np.arange(4), 400)
    label = np.where(who == 0, truth[item], rng.integers(0, 8, 1600))
    votes = Votes(np.arange(400), np.arange(4), tuple(class_names(8)), item, who, label)
    mine = consensus_of_others(votes).label[who == 0]
    assert (mine >= 0).mean() < 0.2


@pytest.mark.parametrize("n_classes", [1, 2, 1000])
def test_alone_nobody_is_judged(n_classes: int) -> None:
    one = np.arange(5)
    votes = Votes(one, np.array(["x"]), tuple(class_names(n_classes)), one, one * 0, one * 0)
    others = consensus_of_others(votes)
    assert (others.label == -1).all()
    assert np.isfinite(others.skill).all()


def test_two_people_are_each_others_measure() -> None:
    item, who = np.repeat(np.arange(50), 2), np.tile([0, 1], 50)
    label = np.where((who == 1) & (item % 5 == 0), 1, 0)
    others = consensus_of_others(Votes(np.arange(50), np.arange(2), ("a", "b"), item, who, label))
    np.testing.assert_array_equal(others.label[who == 0], label[who == 1])


def test_the_order_of_votes_changes_nothing() -> None:
    table, _ = crowd_table(seed=3)
    votes = coded(table, 3)
    order = np.random.default_rng(0).permutation(len(votes.item))
    shuffled = Votes(votes.items, votes.annotators, votes.classes, votes.item[order], votes.annotator[order],
                     votes.label[order])  # fmt: skip
    before, after = consensus_of_others(votes), consensus_of_others(shuffled)
    np.testing.assert_array_equal(before.label[order], after.label)
    np.testing.assert_allclose(before.chance[order], after.chance, atol=1e-9)
