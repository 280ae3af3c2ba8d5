"""Groups of annotators with one source: found near-copies too, counted once, and honest crowds left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crowds import accuracy, coded, colluders, crowd, difficult

from labelloop.annotators.copying import copying_pairs
from labelloop.fusion.base import Votes
from labelloop.fusion.choosing import auto
from labelloop.fusion.dependence import copying, pair_agreement, skills_of, unexplained
from labelloop.fusion.majority import majority

SEEDS = 5


@pytest.mark.parametrize("share", [1.0, 0.95, 0.9, 0.8])
@pytest.mark.parametrize("bots", [2, 3, 4])
def test_near_copies_are_one_group_and_cannot_decide(bots: int, share: float) -> None:
    """Also where they are half of the votes: found, reported, named in the reason, and outweighed."""
    group = tuple(range(8, 8 + bots))
    for seed in range(SEEDS):
        votes, truth = colluders(seed, bots=bots, share=share)
        assert copying(votes) == (group,)
        assert copying_pairs(votes).groups(8 + bots) == (group,)
        fusion, plain = auto(votes), majority(votes)
        assert accuracy(fusion.label, truth) > max(0.9, accuracy(plain.label, truth))
        assert f"a{8:05}, a{9:05}" in fusion.reason
        assert "depend on each other and count once" in fusion.reason


@pytest.mark.parametrize(
    "sizes",
    [
        {"n_classes": 2},
        {"n_classes": 10},
        {"honest": 60, "per_item": 3},
        {"honest": 12, "bots": 6},
        {"n_items": 100, "honest": 12, "per_item": 3},
        {"right": 0.7, "honest": 12, "per_item": 3},
    ],
    ids=str,
)
def test_four_of_five_answers_from_one_source_are_told_in_any_crowd(sizes: dict[str, Any]) -> None:
    """In four of five crowds or more, and no honest person is ever in the group."""
    exact = 0
    for seed in range(10):
        votes, _ = colluders(seed, **{"bots": 3, "share": 0.8} | sizes)
        found = copying(votes)
        members = {code for group in found for code in group}
        assert members <= set(range(sizes.get("honest", 8), len(votes.annotators)))
        exact += len(found) == 1 and len(members) == sizes.get("bots", 3)
    assert exact >= 8


@pytest.mark.parametrize(
    "kind",
    [
        {"n_items": 400},
        {"misled": 0.5, "n_items": 1000},
        {"misled": 0.8, "n_items": 1000},
        {"per_item": 8},
        {"n_classes": 2, "n_items": 1000},
        {"hard": 0.0, "confused": 0.3, "n_items": 1000},
        {"hard": 0.2, "confused": 0.2},
    ],
    ids=str,
)
def test_who_errs_alike_by_difficulty_or_confusion_is_not_accused(kind: dict[str, Any]) -> None:
    """Nobody in 20 crowds, also where hard items mislead some people alone or two classes are confused."""
    accused = [seed for seed in range(20) if copying(difficult(seed, **kind)[0])]
    assert len(accused) <= 1


def test_who_is_as_many_as_the_rest_is_not_accused() -> None:
    """Six who agree and six who agree otherwise: nothing says who copies, so nobody is told."""
    votes, _ = colluders(0, bots=6, share=0.95, honest=6)
    assert copying(votes) == ()


def test_skills_are_found_beside_a_group() -> None:
    """Agreements are products of skills but for the group's; its own skill is that of its source."""
    votes, _ = colluders(0, bots=3, share=1.0, n_items=4000)
    skill, error = skills_of(pair_agreement(votes), 11)
    np.testing.assert_allclose(skill[:8], 0.75, atol=0.04)
    np.testing.assert_allclose(skill[8:], 0.35, atol=0.08)
    assert (error < 0.1).all()


def test_labels_that_follow_the_group_leave_agreement_unexplained() -> None:
    """The true labels explain the honest; the group's own explain nobody else."""
    votes, truth = colluders(0, bots=3, share=1.0)
    pairs = pair_agreement(votes)
    source = np.zeros(400, dtype=np.int64)
    source[votes.item[votes.annotator == 8]] = votes.label[votes.annotator == 8]
    assert unexplained(votes, source, pairs) > unexplained(votes, truth, pairs) + 0.1
    honest, told = crowd(400, 8, 4, 4)
    assert abs(unexplained(honest, told, pair_agreement(honest))) < 0.03


def test_rows_change_nothing() -> None:
    votes, _ = colluders(3, bots=3, share=0.8)
    order = np.random.default_rng(0).permutation(len(votes.item))
    moved = Votes(votes.items, votes.annotators, votes.classes, votes.item[order], votes.annotator[order],
                  votes.label[order])  # fmt: skip
    assert copying(moved) == copying(votes) == ((8, 9, 10),)


@pytest.mark.parametrize(
    "votes",
    [
        coded([], [], [], 0, 0, 3),
        coded([0, 0], [0, 1], [0, 0], 1, 2, 1),
        coded([0, 1], [0, 1], [0, 1], 2, 2, 2),
        coded(np.repeat(np.arange(50), 5), np.tile(np.arange(5), 50), np.zeros(250), 50, 5, 2),
    ],
    ids=["none", "one class", "no shared item", "all the same"],
)
def test_where_nothing_can_be_told_nobody_is(votes: Votes) -> None:
    assert copying(votes) == ()
