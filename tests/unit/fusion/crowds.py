"""Simulated votes for the tests of fusion."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Votes


def crowd(
    n_items: int,
    n_annotators: int,
    n_classes: int,
    per_item: int,
    *,
    seed: int = 0,
    skill: tuple[float, float] = (0.5, 0.9),
    bots: int = 0,
) -> tuple[Votes, np.ndarray]:
    """Votes and truth: able people who err evenly, and bots who all give one random answer an item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_items)
    skills = rng.uniform(*skill, n_annotators)
    item = np.repeat(np.arange(n_items), per_item)
    who = np.concatenate([rng.choice(n_annotators, per_item, replace=False) for _ in range(n_items)])
    wrong = (truth[item] + rng.integers(1, n_classes, len(item))) % n_classes
    label = np.where(rng.random(len(item)) < skills[who], truth[item], wrong)
    if bots:
        item = np.concatenate([item, np.repeat(np.arange(n_items), bots)])
        who = np.concatenate([who, np.tile(n_annotators + np.arange(bots), n_items)])
        label = np.concatenate([label, np.repeat(rng.integers(0, n_classes, n_items), bots)])
    return coded(item, who, label, n_items, n_annotators + bots, n_classes), truth


def colluders(
    seed: int,
    *,
    bots: int = 3,
    share: float = 0.95,
    right: float = 0.35,
    n_items: int = 400,
    n_classes: int = 4,
    honest: int = 8,
    per_item: int = 4,
) -> tuple[Votes, np.ndarray]:
    """Votes and truth: honest people who are right in 81 of 100 answers, and bots who vote on every item.

    Args:
        bots: their codes are the last.
        share: of their answers they take from one common source; the others are random.
        right: share of the source that is copied from the truth; the rest of it is random.
        per_item: honest votes an item.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_items)
    source = np.where(rng.random(n_items) < right, truth, rng.integers(0, n_classes, n_items))
    answers = np.vstack([
        np.where(rng.random((honest, n_items)) < 0.75, truth, rng.integers(0, n_classes, (honest, n_items))),
        np.where(rng.random((bots, n_items)) < share, source, rng.integers(0, n_classes, (bots, n_items))),
    ])  # fmt: skip
    asked = [[*rng.choice(honest, per_item, replace=False), *range(honest, honest + bots)]
             for _ in range(n_items)]  # fmt: skip
    item, who = np.repeat(np.arange(n_items), per_item + bots), np.concatenate(asked)
    return coded(item, who, answers[who, item], n_items, honest + bots, n_classes), truth


def difficult(
    seed: int,
    *,
    n_items: int = 600,
    n_classes: int = 4,
    annotators: int = 12,
    per_item: int = 4,
    hard: float = 0.3,
    misled: float = 1.0,
    confused: float = 0.0,
) -> tuple[Votes, np.ndarray]:
    """Votes and truth of people who work apart, and yet err alike.

    Args:
        hard: share of items where who is misled is right in 45 of 100 answers and else gives one wrong class.
        misled: share of the people whom hard items mislead; the others are right there as elsewhere.
        confused: mean chance to call the first class the second and the second the first, where either is
            meant; between 0 and twice that from one person to the other.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_items)
    trap = (truth + rng.integers(1, n_classes, n_items)) % n_classes
    skill, turns = rng.uniform(0.8, 0.97, annotators), rng.uniform(0, 2 * confused, annotators)
    follows = rng.random(annotators) < misled
    item = np.repeat(np.arange(n_items), per_item)
    who = np.concatenate([rng.choice(annotators, per_item, replace=False) for _ in range(n_items)])
    trapped = (rng.random(n_items) < hard)[item] & follows[who]
    wrong = np.where(trapped, trap[item], (truth[item] + rng.integers(1, n_classes, len(item))) % n_classes)
    label = np.where(rng.random(len(item)) < np.where(trapped, 0.45, skill[who]), truth[item], wrong)
    label = np.where((label < 2) & (rng.random(len(item)) < turns[who]), 1 - label, label)
    return coded(item, who, label, n_items, annotators, n_classes), truth


def coded(
    item: np.ndarray, who: np.ndarray, label: np.ndarray, n_items: int, n_annotators: int, n_classes: int
) -> Votes:
    """Votes with made-up ids in the order of the codes."""
    items = np.array([f"i{n:05}" for n in range(n_items)], dtype=object)
    people = np.array([f"a{n:05}" for n in range(n_annotators)], dtype=object)
    classes = tuple(f"c{n:03}" for n in range(n_classes))
    return Votes(items, people, classes, *(np.asarray(codes, dtype=np.int64) for codes in (item, who, label)))


def accuracy(label: np.ndarray, truth: np.ndarray) -> float:
    """Share that is right."""
    return float((label == truth).mean())


def expected_calibration_error(posterior: np.ndarray, label: np.ndarray, truth: np.ndarray) -> float:
    """Over ten even bins of confidence."""
    confidence, right = posterior.max(axis=1), label == truth
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        abs(confidence[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in np.unique(bins)
    ]
    return float(sum(gaps))
