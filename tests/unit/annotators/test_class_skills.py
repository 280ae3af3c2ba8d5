"""Skill by class: it is found, its bound is one, and nobody vouches for themselves."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.annotators.skills import class_skills
from labelloop.fusion.base import Votes

PEOPLE = tuple(f"p{n}" for n in range(8))


def crowd(seed: int, items: int, per_item: int = 4) -> tuple[Votes, np.ndarray, np.ndarray]:
    """Votes of people with skills of their own for each of three classes, the skills, and the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, items)
    skill = random.uniform(0.5, 0.95, (len(PEOPLE), 3))
    who = np.argsort(random.random((items, len(PEOPLE))), axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(items), per_item)
    right = random.random(len(item)) < skill[who, truth[item]]
    wrong = (truth[item] + random.integers(1, 3, len(item))) % 3
    label = np.where(right, truth[item], wrong)
    names = np.array(PEOPLE, dtype=object)
    ids = np.array([f"i{n:05d}" for n in range(items)], dtype=object)
    return Votes(ids, names, ("a", "b", "c"), item, who, label), skill, truth


@pytest.mark.parametrize("with_gold", [False, True])
def test_skill_by_class_is_found(with_gold: bool) -> None:
    votes, skill, truth = crowd(0, 6000)
    found = class_skills(votes, PEOPLE, 3, gold=truth if with_gold else None)
    assert np.abs(found.mean - skill).max() < (0.04 if with_gold else 0.08)
    assert np.corrcoef(found.mean.ravel(), skill.ravel())[0, 1] > 0.97
    assert (found.low < found.mean).all()


def test_the_bound_is_below_the_skill_as_often_as_it_says() -> None:
    below = []
    for seed in range(40):
        votes, skill, truth = crowd(seed, 150)
        below.append(class_skills(votes, PEOPLE, 3, gold=truth).low < skill)
    assert 0.74 < np.mean(below) < 0.92


def test_more_answers_bring_the_bound_nearer() -> None:
    gaps = []
    for items in (30, 300, 3000):
        votes, _, truth = crowd(1, items)
        found = class_skills(votes, PEOPLE, 3, gold=truth)
        gaps.append(float((found.mean - found.low).mean()))
    assert gaps[0] > gaps[1] > gaps[2]


def test_who_has_no_vote_is_taken_for_one_of_the_crowd() -> None:
    votes, _, _ = crowd(2, 2000)
    found = class_skills(votes, (*PEOPLE, "new"), 3)
    assert found.mean[-1] == pytest.approx(np.full(3, found.mean[:-1].mean()), abs=0.03)
    assert found.answers[-1] == 0 and found.low[-1].max() < found.low[:-1].mean()


def test_nobody_vouches_for_themselves() -> None:
    """With one vote an item nothing is known of anybody, so all are alike."""
    votes, _, _ = crowd(3, 500, per_item=1)
    found = class_skills(votes, PEOPLE, 3)
    assert len(np.unique(found.low)) == 1 and not found.answers.any()


def test_no_votes_are_no_skills() -> None:
    found = class_skills(None, PEOPLE, 3)
    assert found.low.shape == (8, 3) and len(np.unique(found.low)) == 1


def test_copies_do_not_confirm_each_other() -> None:
    votes, _, _ = crowd(4, 400, per_item=2)
    same = np.where(votes.annotator < 2)[0]
    label = votes.label.copy()
    label[same] = 0
    told = Votes(votes.items, votes.annotators, votes.classes, votes.item, votes.annotator, label)
    alone, together = class_skills(told, PEOPLE, 3), class_skills(told, PEOPLE, 3, groups=((0, 1),))
    assert together.answers[0] < alone.answers[0]


def test_gold_of_a_class_that_nobody_named_is_evidence_of_no_class() -> None:
    """Not of the one that the others took it for, either."""
    votes, _, _ = crowd(5, 200)
    strange = np.full(200, -2)
    assert not class_skills(votes, PEOPLE, 3, gold=strange).answers.any()
