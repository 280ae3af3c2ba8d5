"""A crowd, and models of its items: an able one, and one that only repeats what people said."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Votes
from labelloop.fusion.majority import majority

CLASSES = ("a", "b", "c", "d")
ITEMS = 600
APART = 150


def crowd(
    seed: int, accuracy: float = 0.65, per_item: int = 2, items: int = ITEMS
) -> tuple[Votes, np.ndarray]:
    """Votes of eight people who are right as often as told, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(CLASSES), items)
    who = np.argsort(rng.random((items, 8)), axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(items), per_item)
    wrong = (truth[item] + rng.integers(1, len(CLASSES), len(item))) % len(CLASSES)
    label = np.where(rng.random(len(item)) < accuracy, truth[item], wrong)
    names = np.array([f"i{number:04}" for number in range(items)], dtype=object)
    people = np.array([f"p{number}" for number in range(8)], dtype=object)
    return Votes(names, people, CLASSES, item, who, label), truth


def sure_of(codes: np.ndarray, confidence: float = 0.9) -> np.ndarray:
    rows = np.full((len(codes), len(CLASSES)), (1 - confidence) / (len(CLASSES) - 1))
    rows[np.arange(len(codes)), codes] = confidence
    return rows


def echo(votes: Votes, truth: np.ndarray, seed: int) -> np.ndarray:
    """A model that knows the votes of what it was trained on, and nothing of the items kept from it."""
    predicted = sure_of(majority(votes).label)
    predicted[:APART] = sure_of(np.random.default_rng([seed, 1]).integers(0, len(CLASSES), APART))
    return predicted


def able(votes: Votes, truth: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, 2])
    named = np.where(rng.random(ITEMS) < 0.85, truth, rng.integers(0, len(CLASSES), ITEMS))
    return sure_of(named, 0.85)


def names(votes: Votes, truth: np.ndarray, some: slice) -> dict[str, str]:
    return {str(item): CLASSES[code] for item, code in zip(votes.items[some], truth[some], strict=True)}
