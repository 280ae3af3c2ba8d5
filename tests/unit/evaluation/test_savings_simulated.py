"""Savings of whole campaigns whose truth is known: the control arm, the halves and the interval together."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.control import PURPOSE
from labelloop.acquisition.keys import id_keys
from labelloop.evaluation.half_samples import half_sample_sd, halves
from labelloop.evaluation.savings import MEASURED, Curve, measure_savings

SIZES = np.arange(30, 601, 30)
SHARE = 0.3
TEST_ITEMS = 1500
WIDTH = 80
CAMPAIGNS = 150


def drawn(n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Items of two classes that a straight line tells apart in nine cases of ten."""
    codes = random.integers(2, size=n)
    points = random.normal(size=(n, WIDTH))
    points[:, 0] += 1.3 * (2 * codes - 1)
    return np.hstack([points, np.ones((n, 1))]), codes


def right_after(
    rows: np.ndarray, pool: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Which test items a ridge regression on these rows gets right."""
    points, codes = pool[0][rows], 2.0 * pool[1][rows] - 1
    weights = np.linalg.solve(points.T @ points + np.eye(WIDTH + 1), points.T @ codes)
    return (test[0] @ weights > 0) == (test[1] == 1)


def campaign(seed: int, bonus: float) -> tuple[Curve, Curve, float]:
    """A campaign that asks at random and whose answers are worth `1 / bonus` random ones each.

    So it needs `bonus` times as many labels as random labeling does, exactly. The control arm is the first
    part of the order as in a campaign, and the campaign's labels hold it.
    """
    random = np.random.default_rng(seed)
    pool, test = drawn(3000, random), drawn(TEST_ITEMS, random)
    order = np.argsort(id_keys(np.array([f"i{row}" for row in range(3000)]), seed, PURPOSE))
    other = random.permutation(3000)
    right, control_right, sizes = [], [], []
    for size in SIZES:
        first = order[: int(np.ceil(SHARE * size))]
        worth = round(size / bonus)
        rest = other[~np.isin(other, first)][: worth - len(first)]
        right.append(right_after(np.concatenate([first, rest]), pool, test))
        control_right.append(right_after(first, pool, test))
        sizes.append(len(first))
    ordered = order[: sizes[-1]]
    accuracies = [float(right_after(ordered[half], pool, test).mean()) for half in halves(len(ordered), seed)]
    campaign_right, arm_right = np.array(right), np.array(control_right)
    return (
        Curve(SIZES, campaign_right.mean(axis=1), campaign_right),
        Curve(np.array(sizes), arm_right.mean(axis=1), arm_right),
        half_sample_sd(accuracies),
    )


def test_intervals_of_simulated_campaigns_cover_the_true_ratio() -> None:
    """90% intervals; of a campaign as good as random, and of one that needs 0.6 of its labels.

    Not below 90% by more than chance in this many campaigns would do (at 1%), over both.
    """
    covered = []
    for bonus in (1.0, 0.6):
        for seed in range(CAMPAIGNS):
            curve, control, spread = campaign(seed, bonus)
            found = measure_savings(
                curve,
                control,
                test_items=TEST_ITEMS,
                n_classes=2,
                coverage=0.9,
                seed=seed,
                draw_sd=spread,
                resamples=100,
            )
            if found["status"] == MEASURED:
                covered.append(found["ratio_low"] <= bonus <= found["ratio_high"])
    assert len(covered) >= 100
    assert np.mean(covered) >= 0.9 - 2.33 * np.sqrt(0.09 / len(covered))
