"""Simulated crowds for the tests of annotators: tables of answers, with known truth and known villains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labelloop.annotators.answers import Answers, answers_of
from labelloop.fusion.base import Votes


def crowd_table(
    *,
    seed: int,
    n_items: int = 300,
    n_annotators: int = 12,
    n_classes: int = 3,
    per_item: int = 4,
    spammer: str = "",
    sleeper: bool = False,
    copies: float = 0.0,
    hard_share: float = 0.0,
    harder_later: float = 0.0,
) -> tuple[pd.DataFrame, np.ndarray]:
    """A table of answers in the order of time, and each item's true class.

    Args:
        spammer: what the first annotator does: `random`, `constant`, or honest work ('').
        sleeper: the first annotator answers at random from half of the items on.
        copies: the first two annotators take this share of their answers from one common source.
        hard_share: items on which people are right in 45% and mostly share one wrong answer.
        harder_later: by how much everybody's accuracy falls from half of the items on.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_items)
    item = np.repeat(np.arange(n_items), per_item)
    who = np.concatenate([rng.choice(n_annotators, per_item, replace=False) for _ in range(n_items)])
    late = item >= n_items // 2
    skill = rng.uniform(0.65, 0.95, n_annotators)[who] - harder_later * late
    hard = (rng.random(n_items) < hard_share)[item]
    skill = np.where(hard, 0.45, skill)
    if sleeper:
        skill = np.where(who == 0, np.where(late, 1 / n_classes, 0.9), skill)
    trap = (truth + rng.integers(1, n_classes, n_items)) % n_classes
    wrong = (truth[item] + rng.integers(1, n_classes, len(item))) % n_classes
    wrong = np.where(hard & (rng.random(len(item)) < 0.7), trap[item], wrong)
    label = np.where(rng.random(len(item)) < skill, truth[item], wrong)
    if spammer:
        spam = rng.integers(0, n_classes, len(item)) if spammer == "random" else np.ones(len(item), int)
        label = np.where(who == 0, spam, label)
    if copies:
        source = np.where(rng.random(n_items) < 0.5, truth, rng.integers(0, n_classes, n_items))
        label = np.where((who < 2) & (rng.random(len(item)) < copies), source[item], label)
    times = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(item)), unit="min")
    table = pd.DataFrame(
        {
            "item": [f"i{number:05}" for number in item],
            "annotator": [f"a{number:03}" for number in who],
            "label": [f"c{number:03}" for number in label],
            "answered_at": times,
        }
    )
    return table, truth


def class_names(n_classes: int) -> list[str]:
    return [f"c{number:03}" for number in range(n_classes)]


def coded(table: pd.DataFrame, n_classes: int) -> Votes:
    return answers(table, n_classes).votes


def answers(table: pd.DataFrame, n_classes: int) -> Answers:
    return answers_of(table, class_names(n_classes))
