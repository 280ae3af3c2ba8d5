"""Who is asked what: what always holds, and small cases against every assignment there is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from labelloop.annotators.routing import UNLIMITED, Asked, Assignment, route

CASES = range(60)


def small_case(seed: int, people: int = 4, items: int = 5) -> tuple[Asked, np.ndarray, np.ndarray]:
    """Items, lower bounds of skills, and loads, at random."""
    random = np.random.default_rng(seed)
    may = random.random((items, people)) < 0.75
    asked = Asked(
        belief=random.dirichlet(np.ones(3), items),
        needed=np.minimum(random.integers(0, 3, items), may.sum(axis=1)),
        may=may,
        at_random=random.random(items) < 0.2,
    )
    return asked, random.random((people, 3)), random.integers(0, 10, people)


def most_that_can_be_asked(asked: Asked, room: np.ndarray) -> int:
    """By trying every choice of people for every item."""
    choices = [
        [set(people) for size in range(needed + 1)
         for people in itertools.combinations(np.flatnonzero(may), size)]
        for needed, may in zip(asked.needed, asked.may, strict=True)
    ]  # fmt: skip
    fits = (
        chosen
        for chosen in itertools.product(*choices)
        if all(sum(who in people for people in chosen) <= room[who] for who in range(len(room)))
    )
    return max(sum(map(len, chosen)) for chosen in fits)


def dealt(case: tuple[Asked, np.ndarray, np.ndarray], room: np.ndarray, **options: float) -> Assignment:
    asked, low, load = case
    return route(asked, low, load, room, **{"explore": 0.2, "weight": 0.1, "seed": 3} | options)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", CASES)
def test_nobody_is_asked_twice_out_of_turn_or_beyond_their_room(seed: int) -> None:
    case = small_case(seed)
    room = np.random.default_rng(seed).integers(0, 4, 4)
    found = dealt(case, room)
    assert len(set(zip(found.item, found.person, strict=True))) == len(found.item)
    assert case[0].may[found.item, found.person].all()
    assert (np.bincount(found.person, minlength=4) <= room).all()
    given = np.bincount(found.item, minlength=5)
    assert (given + found.missing == case[0].needed).all() and (found.missing >= 0).all()


@pytest.mark.parametrize("seed", CASES)
def test_as_many_are_asked_as_room_allows(seed: int) -> None:
    case = small_case(seed, items=4)
    room = np.random.default_rng([seed, 1]).integers(0, 3, 4)
    assert len(dealt(case, room).item) == most_that_can_be_asked(case[0], room)


@pytest.mark.parametrize("seed", CASES)
def test_with_room_for_all_each_item_has_those_who_are_worth_most_for_it(seed: int) -> None:
    asked, low, load = small_case(seed)
    asked = Asked(asked.belief, asked.needed, asked.may, np.zeros(5, dtype=bool))
    found = dealt((asked, low, load), np.full(4, UNLIMITED), explore=0.0, weight=0.0)
    worth = asked.belief @ low.T
    for item in range(5):
        best = sorted(worth[item, asked.may[item]])[::-1][: asked.needed[item]]
        assert sorted(worth[item, found.person[found.item == item]])[::-1] == pytest.approx(best)
    assert not found.explored.any()


def test_a_seed_deals_the_same_and_another_otherwise() -> None:
    case = small_case(1, people=12, items=40)
    room = np.full(12, UNLIMITED)
    one, same, other = (dealt(case, room, seed=seed) for seed in (5, 5, 6))
    assert (one.person == same.person).all() and (one.explored == same.explored).all()
    assert len(one.person) != len(other.person) or (one.person != other.person).any()


def wide_case(low: np.ndarray, items: int = 3000) -> tuple[Asked, np.ndarray, np.ndarray]:
    people, classes = low.shape
    asked = Asked(
        np.full((items, classes), 1 / classes),
        np.ones(items, dtype=np.int64),
        np.ones((items, people), dtype=bool),
        np.zeros(items, dtype=bool),
    )
    return asked, low, np.zeros(people, dtype=np.int64)


def test_what_is_drawn_at_random_goes_to_everybody_alike_whatever_their_skill() -> None:
    low = np.repeat([[0.1], [0.5], [0.9]], 2, axis=1)
    found = dealt(wide_case(low), np.full(3, UNLIMITED), explore=0.2, weight=0.0)
    drawn = found.person[found.explored]
    assert 500 < len(drawn) < 700
    assert np.allclose(np.bincount(drawn, minlength=3) / len(drawn), 1 / 3, atol=0.08)
    assert np.allclose(found.chance[found.explored], 1 / 3)
    assert (found.person[~found.explored] == 2).all()


def test_load_is_shared_as_far_as_skill_is_alike_and_late_comers_catch_up() -> None:
    """One even share more for each `weight` of skill; among equals whoever has had least."""
    room = np.full(3, UNLIMITED)
    asked, low, _ = wide_case(np.full((3, 2), 0.7))
    counts = np.bincount(dealt((asked, low, np.array([900, 0, 0])), room, explore=0.0).person)
    assert counts.tolist() == [400, 1300, 1300]
    better = np.array([[0.8, 0.8], [0.7, 0.7], [0.7, 0.7]])
    counts = np.bincount(dealt(wide_case(better), room, explore=0.0, weight=0.1).person)
    assert counts[0] - counts[1] == pytest.approx(1000, abs=20)


def test_items_at_random_are_dealt_at_random() -> None:
    asked, low, load = wide_case(np.array([[0.9, 0.9], [0.1, 0.1]]), items=400)
    found = dealt(
        (Asked(asked.belief, asked.needed, asked.may, np.arange(400) < 200), low, load),
        np.full(2, UNLIMITED),
        explore=0.0,
        weight=0.0,
    )
    assert (found.explored == (found.item < 200)).all()
    assert 60 < (found.person[found.explored] == 1).sum() < 140


def test_nothing_to_ask_is_nothing() -> None:
    asked, low, load = wide_case(np.full((2, 2), 0.5), items=0)
    assert len(dealt((asked, low, load), np.full(2, UNLIMITED)).item) == 0
