"""Simulated crowds whose errors follow no model that is fused by here.

Every one has 1,000 items and about four votes an item. `CROWDS` maps a name to a function of a seed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.crowds import Crowd
from labelloop.fusion.base import Votes

ITEMS, PER_ITEM = 1000, 4


def favourites(seed: int) -> Crowd:
    """Five classes; two fifths of 40 people answer 70% of the questions with a favourite class of theirs."""
    rng = np.random.default_rng([1, seed])
    truth, (item, who) = rng.integers(0, 5, ITEMS), _asked(rng, 40)
    label = _even_errors(rng, truth[item], rng.uniform(0.6, 0.9, 40)[who], 5)
    favourite = rng.integers(0, 5, 40)
    lazy = (who < 16) & (rng.random(len(item)) < 0.7)
    return _crowd(item, who, np.where(lazy, favourite[who], label), truth, 40, 5)


def hard_items(seed: int) -> Crowd:
    """Four classes; on the hard third of the items most people fall for the same wrong class."""
    rng = np.random.default_rng([2, seed])
    truth, (item, who) = rng.integers(0, 4, ITEMS), _asked(rng, 30)
    skill = rng.uniform(0.7, 0.95, 30)
    hard = rng.random(ITEMS) < 1 / 3
    trap = (truth + rng.integers(1, 4, ITEMS)) % 4
    label = _even_errors(rng, truth[item], skill[who], 4)
    falls = hard[item] & (rng.random(len(item)) < 0.5 * (2 - skill[who]) - 0.1)
    return _crowd(item, who, np.where(falls, trap[item], label), truth, 30, 4)


def heavy_tail(seed: int) -> Crowd:
    """Six classes, 300 people: a few give most of the votes, most give a handful."""
    rng = np.random.default_rng([3, seed])
    truth = rng.integers(0, 6, ITEMS)
    item, who = _asked(rng, 300, (1 + rng.pareto(1.0, 300)) ** 1.0)
    label = _even_errors(rng, truth[item], rng.uniform(0.35, 0.95, 300)[who], 6)
    return _crowd(item, who, label, truth, 300, 6)


def rare_class(seed: int) -> Crowd:
    """Two classes, one of them 6% of the items, which people find in 40 to 90 of 100 cases."""
    rng = np.random.default_rng([4, seed])
    truth, (item, who) = (rng.random(ITEMS) < 0.06).astype(np.int64), _asked(rng, 30)
    right = np.where(truth[item] == 1, rng.uniform(0.4, 0.9, 30)[who], rng.uniform(0.85, 0.99, 30)[who])
    return _crowd(item, who, _even_errors(rng, truth[item], right, 2), truth, 30, 2)


def neighbours(seed: int) -> Crowd:
    """Seven ordered classes; people see the true value blurred, each with a shift of their own."""
    rng = np.random.default_rng([5, seed])
    truth, (item, who) = rng.integers(0, 7, ITEMS), _asked(rng, 30)
    seen = (
        truth[item]
        + rng.normal(0, 0.5, 30)[who]
        + rng.normal(size=len(item)) * rng.uniform(0.3, 1.2, 30)[who]
    )
    return _crowd(item, who, np.clip(np.rint(seen), 0, 6).astype(np.int64), truth, 30, 7)


def contrarians(seed: int) -> Crowd:
    """Three classes; a sixth of 30 people mix all classes up in the same way, but know them."""
    rng = np.random.default_rng([6, seed])
    truth, (item, who) = rng.integers(0, 3, ITEMS), _asked(rng, 30)
    label = _even_errors(rng, truth[item], rng.uniform(0.6, 0.9, 30)[who], 3)
    return _crowd(item, who, np.where(who < 5, (label + 1) % 3, label), truth, 30, 3)


def sleepers(seed: int) -> Crowd:
    """Five classes; a third of 30 people guess in the second half of the items."""
    rng = np.random.default_rng([7, seed])
    truth, (item, who) = rng.integers(0, 5, ITEMS), _asked(rng, 30)
    label = _even_errors(rng, truth[item], rng.uniform(0.65, 0.95, 30)[who], 5)
    asleep = (who < 10) & (item >= ITEMS // 2)
    return _crowd(item, who, np.where(asleep, rng.integers(0, 5, len(item)), label), truth, 30, 5)


def many_classes(seed: int) -> Crowd:
    """Fifty classes in pairs that are easily mixed up, 20 people."""
    rng = np.random.default_rng([8, seed])
    truth, (item, who) = rng.integers(0, 50, ITEMS), _asked(rng, 20)
    label = _even_errors(rng, truth[item], rng.uniform(0.75, 0.95, 20)[who], 50)
    mixed = rng.random(len(item)) < rng.uniform(0.1, 0.5, 20)[who]
    return _crowd(item, who, np.where(mixed & (label == truth[item]), truth[item] ^ 1, label), truth, 20, 50)


CROWDS: dict[str, Callable[[int], Crowd]] = {
    one.__name__: one
    for one in (
        favourites,
        hard_items,
        heavy_tail,
        rare_class,
        neighbours,
        contrarians,
        sleepers,
        many_classes,
    )
}


def _asked(
    rng: np.random.Generator, people: int, activity: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Item and annotator of each vote: `PER_ITEM` different people an item, drawn by how active they are."""
    active = np.ones(people) if activity is None else activity
    # The greatest of log weight plus Gumbel noise is a draw without replacement.
    order = np.argsort(-(np.log(active) + rng.gumbel(size=(ITEMS, people))), axis=1)
    return np.repeat(np.arange(ITEMS), PER_ITEM), order[:, :PER_ITEM].ravel()


def _even_errors(rng: np.random.Generator, truth: np.ndarray, right: np.ndarray, classes: int) -> np.ndarray:
    wrong = (truth + rng.integers(1, classes, len(truth))) % classes
    label: np.ndarray = np.where(rng.random(len(truth)) < right, truth, wrong)
    return label


def _crowd(
    item: np.ndarray, who: np.ndarray, label: np.ndarray, truth: np.ndarray, people: int, classes: int
) -> Crowd:
    names = tuple(f"c{code:02}" for code in range(classes))
    return Crowd(Votes(np.arange(ITEMS), np.arange(people), names, item, who, label), truth)
