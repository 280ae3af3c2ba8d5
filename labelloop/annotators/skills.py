"""How well each annotator knows each class, and how little of that is proven.

The true class of an item is its gold label or else the leave-one-out consensus (`consensus`), in which
the annotator has no part. With c the chance of that class to be true (1 for gold) and u = (1 - c) / (K - 1),
a right answer agrees with it with chance c and a wrong one with chance u. So agreements less u, over c - u,
tell how often the annotator is right about the class, and c - u is what an answer weighs as evidence.

That evidence meets a Beta prior around the annotator's record over all classes, which in turn is drawn to
the crowd's. Routing goes by a low quantile of the posterior, so that nobody is sent all items of a class for
having been lucky with three of them.

Source: Dawid and Skene (1979) for skill by class, with each annotator left out in turn; choosing whom to ask
by an interval's end after Donmez, Carbonell and Schneider (2009), Efficiently learning the accuracy of
labeling sources for selective sampling. There it is the upper end, which explores by itself; here the lower,
beside a share of answers that are dealt at random (`routing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from labelloop.annotators.consensus import consensus_of_others
from labelloop.fusion.base import Votes

CROWD_WEIGHT = 4.0
"""What the crowd's record weighs against an annotator's own, in certain answers."""
RECORD_WEIGHT = 8.0
"""What an annotator's record over all classes weighs against that of one class."""
LEVEL = 0.2
"""Chance that a skill is below its bound."""
UNKNOWN = 0.75
"""The crowd's skill where nothing is known of anybody."""


@dataclass(frozen=True)
class Skills:
    """Chances of the right answer, by annotator and true class."""

    annotators: tuple[str, ...]
    mean: np.ndarray
    """Shape (n_annotators, n_classes)."""
    low: np.ndarray
    """The same shape: the quantile `LEVEL` of the posterior."""
    answers: np.ndarray
    """Shape (n_annotators,): answers that could be judged, weighed by how surely."""


def class_skills(
    votes: Votes | None,
    people: Sequence[str],
    n_classes: int,
    gold: np.ndarray | None = None,
    groups: tuple[tuple[int, ...], ...] = (),
) -> Skills:
    """The skills of `people`, in their order; who has no vote yet is taken for one of the crowd.

    Args:
        votes: coded votes that stand; None where there are none.
        gold: shape (n_items,), int64: true class, -1 where unknown, -2 where no vote's class is right.
        groups: codes of annotators who copy each other, who do not confirm each other.
    """
    n_people = len(people)
    hits: np.ndarray = np.zeros((n_people, n_classes))
    told: np.ndarray = np.zeros((n_people, n_classes))
    if votes is not None and len(votes.item):
        code = {name: number for number, name in enumerate(people)}
        whom = np.array([code.get(str(name), n_people) for name in votes.annotators])
        cells, counted, agreed = _evidence(votes, whom, n_classes, gold, groups)
        size = (n_people + 1) * n_classes
        hits = np.bincount(cells, agreed, size).reshape(-1, n_classes)
        told = np.bincount(cells, counted, size).reshape(-1, n_classes)
    crowd = float(np.clip(_rate(hits.sum(), told.sum(), UNKNOWN), 1 / max(n_classes, 2), 0.99))
    hits, told = np.clip(hits[:n_people], 0.0, told[:n_people]), told[:n_people]
    own = (hits.sum(axis=1) + CROWD_WEIGHT * crowd) / (told.sum(axis=1) + CROWD_WEIGHT)
    right = hits + RECORD_WEIGHT * own[:, None]
    wrong = told - hits + RECORD_WEIGHT * (1 - own[:, None])
    return Skills(
        tuple(people),
        right / (right + wrong),
        # Rounded: the last bits of a special function may differ from machine to machine.
        np.round(betaincinv(right, np.maximum(wrong, 1e-9), LEVEL), 6),
        told.sum(axis=1),
    )


def _evidence(
    votes: Votes,
    whom: np.ndarray,
    n_classes: int,
    gold: np.ndarray | None,
    groups: tuple[tuple[int, ...], ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each vote that can be judged: the cell (annotator, true class), its weight, and the agreement."""
    others = consensus_of_others(votes, groups)
    truth, chance = others.label.copy(), np.nan_to_num(others.chance)
    if gold is not None:
        known = gold[votes.item] != -1
        # An item whose class nobody named is of none of the classes here.
        truth[known], chance[known] = np.maximum(gold[votes.item][known], -1), 1.0
    judged = truth >= 0
    even = (1.0 - chance) / max(n_classes - 1, 1)
    cells = (whom[votes.annotator] * n_classes + truth)[judged]
    return cells, (chance - even)[judged], ((votes.label == truth) - even)[judged]


def _rate(hits: float, told: float, usual: float) -> float:
    return (hits + CROWD_WEIGHT * usual) / (told + CROWD_WEIGHT)
