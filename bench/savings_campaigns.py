"""Campaigns whose true savings are known: what `bench.savings` judges the meter on.

Simulated ones ask at random and get answers that are worth `1 / ratio` random ones each, so they need exactly
`ratio` times as many labels. Replayed ones pick from real sets by a strategy; their truth is where the mean
curve of all campaigns reaches the mean of all halves of their control arms, on all test items there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.label_replay import Replay
from bench.label_sets import Labeled, split
from labelloop.evaluation.beginning import beginning_sizes, first_items
from labelloop.evaluation.crossing import Curve
from labelloop.evaluation.half_samples import HalfSamples, halves
from labelloop.evaluation.savings import fewest_labels

TEST_ITEMS = 300
"""As `evaluation.test_size` is by default."""
Right = Callable[[np.ndarray], np.ndarray]
"""Which test items a learner on these rows of the pool gets right."""


@dataclass(frozen=True)
class Plan:
    """How many labels a campaign asks for."""

    rounds: int
    batch: int
    share: float
    """Of the control arm."""

    @property
    def sizes(self) -> list[int]:
        """Labels after each round."""
        return [self.batch * (number + 1) for number in range(self.rounds)]

    @property
    def control(self) -> int:
        """Labels of the control arm in the end."""
        return math.ceil(self.share * self.sizes[-1] - 1e-9)

    def all_sizes(self, classes: int) -> list[int]:
        """Labels at every point of the campaign's curve."""
        return [*beginning_sizes(0, self.batch, fewest_labels(classes)), *self.sizes]


@dataclass(frozen=True)
class Campaign:
    """What the meter is given."""

    curve: Curve
    control: HalfSamples
    classes: int


@dataclass(frozen=True)
class Learner:
    """Ridge regression, one against the rest, on classes that lie in a cloud each."""

    classes: int
    width: int
    apart: float
    """Distance of the clouds' centres from the middle, in standard deviations."""
    ridge: float


SLOW = Learner(classes=2, width=80, apart=1.3, ridge=80.0)
"""Climbs from its first label on, and slowly."""
STEEP = Learner(classes=10, width=20, apart=3.5, ridge=1.0)
"""Knows nothing of a class before it saw one; then it climbs fast and comes to rest."""


def simulated(learner: Learner, plan: Plan, ratio: float, seed: int) -> Campaign:
    """A campaign that needs `ratio` times random's labels."""
    random = np.random.default_rng([seed, 1])
    centres = random.normal(size=(learner.classes, learner.width))
    centres *= learner.apart / np.linalg.norm(centres, axis=1, keepdims=True)
    if learner.classes == 2:
        centres[1] = -centres[0]
    rows = plan.control + round(plan.sizes[-1] / ratio)
    codes = random.integers(learner.classes, size=rows + TEST_ITEMS)
    points = random.normal(size=(len(codes), learner.width)) + centres[codes]
    points, targets = np.hstack([points, np.ones((len(codes), 1))]), np.eye(learner.classes)[codes]

    def right(chosen: np.ndarray) -> np.ndarray:
        seen = points[chosen]
        weights = np.linalg.solve(
            seen.T @ seen + learner.ridge * np.eye(learner.width + 1), seen.T @ (2 * targets[chosen] - 1)
        )
        return np.asarray((points[rows:] @ weights).argmax(axis=1) == codes[rows:])

    def labeled(size: int) -> np.ndarray:
        worth = max(round(size / ratio), 1)
        shared = min(math.ceil(plan.share * size - 1e-9), worth)
        return np.concatenate([np.arange(shared), plan.control + np.arange(worth - shared)])

    picked = [labeled(size) for size in plan.all_sizes(learner.classes)]
    return _seen(right, picked, plan, np.arange(plan.control), learner.classes, seed)


def replayed(
    data: Labeled, pool: str, strategy: str, plan: Plan, seed: int
) -> tuple[Campaign, np.ndarray, float]:
    """A campaign on a real set, with the accuracy of all its points and of its control arm on all test items.

    Args:
        pool: of the learner: '' for the plain one, or a value of `model.pool`.

    Returns:
        The campaign, its true accuracies by `plan.all_sizes`, and the mean one of halves of the control arm.
    """
    parts = split(data, seed)
    replay = Replay(parts, pool, seed)
    order = np.random.default_rng([seed, 2]).permutation(len(parts.pool))
    labeled, arms, learner = np.empty(0, dtype=np.int64), [], None
    for number, size in enumerate(plan.sizes):
        control = order[: math.ceil(plan.share * size - 1e-9)]
        control = control[~np.isin(control, labeled)]
        known = np.sort(np.concatenate([labeled, control]))
        chosen = replay.pick(strategy, known, learner, size - len(known), number)
        arms.append((chosen, control))
        labeled = np.sort(np.concatenate([known, chosen]))
        learner = replay.fit(labeled)
    picked, held = [], np.empty(0, dtype=np.int64)
    first = [rows.tolist() for rows in arms[0]]
    for size in beginning_sizes(0, plan.batch, fewest_labels(parts.classes)):
        picked.append(np.array(first_items(*first, size, plan.share)))
    for arm in arms:
        held = np.concatenate([held, *arm])
        picked.append(held)
    known_right: dict[bytes, np.ndarray] = {}

    def everywhere(rows: np.ndarray) -> np.ndarray:
        rows = np.sort(rows)
        if rows.tobytes() not in known_right:
            known_right[rows.tobytes()] = replay.right(replay.fit(rows))
        return known_right[rows.tobytes()]

    control = order[: plan.control]
    found = _seen(lambda rows: everywhere(rows)[:TEST_ITEMS], picked, plan, control, parts.classes, seed)
    true = np.array([everywhere(rows).mean() for rows in picked])
    at_random = [everywhere(control[half]).mean() for half in halves(len(control), seed)]
    return found, true, float(np.mean(at_random))


def true_ratio(plan: Plan, classes: int, curves: Sequence[np.ndarray], controls: Sequence[float]) -> float:
    """Where the mean of true curves reaches the mean of halves of control arms, by the labels of those."""
    labels, mean = np.log(plan.all_sizes(classes)), np.mean(curves, axis=0)
    return float(
        np.exp(np.interp(np.mean(controls), np.maximum.accumulate(mean), labels)) / (plan.control // 2)
    )


def _seen(
    right: Right, picked: Sequence[np.ndarray], plan: Plan, control: np.ndarray, classes: int, seed: int
) -> Campaign:
    parts = halves(len(control), seed)
    return Campaign(
        Curve(np.array(plan.all_sizes(classes)), np.array([right(rows) for rows in picked])),
        HalfSamples(len(control), np.array([right(control[half]) for half in parts])),
        classes,
    )
