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
