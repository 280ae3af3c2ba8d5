"""Savings of whole campaigns whose truth is known: the control arm, the halves and the interval together."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.control import PURPOSE
from labelloop.acquisition.keys import id_keys
from labelloop.evaluation.half_samples import half_sample_sd, halves
from labelloop.evaluation.savings import AT_LEAST, MEASURED, Curve, measure_savings
from labelloop.settings.acquisition import Acquisition
from labelloop.settings.judging import Evaluation

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
    rows: np.ndarray, pool: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], ridge: float
) -> np.ndarray:
    """Which test items a ridge regression on these rows gets right."""
    points, codes = pool[0][rows], 2.0 * pool[1][rows] - 1
    weights = np.linalg.solve(points.T @ points + ridge * np.eye(WIDTH + 1), points.T @ codes)
    return (test[0] @ weights > 0) == (test[1] == 1)


def campaign(
    seed: int, bonus: float, sizes: np.ndarray = SIZES, share: float = SHARE, ridge: float = 1.0
) -> tuple[Curve, Curve, float]:
    """A campaign that asks at random and whose answers are worth `1 / bonus` random ones each.

    So it needs `bonus` times as many labels as random labeling does, exactly. The control arm is the first
    part of the order as in a campaign, and the campaign's labels hold it.
    """
    random = np.random.default_rng(seed)
    pool, test = drawn(3000, random), drawn(TEST_ITEMS, random)
    order = np.argsort(id_keys(np.array([f"i{row}" for row in range(3000)]), seed, PURPOSE))
    other = random.permutation(3000)
    right, control_right, controls = [], [], []
    for size in sizes:
        first = order[: int(np.ceil(share * size))]
        worth = round(size / bonus)
        rest = other[~np.isin(other, first)][: worth - len(first)]
        right.append(right_after(np.concatenate([first, rest]), pool, test, ridge))
        control_right.append(right_after(first, pool, test, ridge))
        controls.append(len(first))
    ordered = order[: controls[-1]]
    accuracies = [
        float(right_after(ordered[half], pool, test, ridge).mean()) for half in halves(len(ordered), seed)
    ]
    campaign_right, arm_right = np.array(right), np.array(control_right)
    return (
        Curve(sizes, campaign_right.mean(axis=1), campaign_right),
        Curve(np.array(controls), arm_right.mean(axis=1), arm_right),
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


def test_at_the_default_settings_the_meter_hardly_ever_speaks_and_seldom_errs() -> None:
    """Eight rounds of 40, a tenth of them control: 32 control labels, against 40 in the first batch.

    The learner is one whose accuracy rises from the first label on. What the meter then says, measured or as
    a bound, is false in no more campaigns than its coverage allows, over all campaigns; of those few where it
    speaks at all it may well be most, because luck is what made it speak.
    """
    rounds, settings = 8, Acquisition()
    sizes = settings.batch_size * np.arange(1, rounds + 1)
    said, wrong = 0, 0
    campaigns = [(bonus, seed) for bonus in (1.0, 0.6) for seed in range(40)]
    for bonus, seed in campaigns:
        curve, control, spread = campaign(seed, bonus, sizes, settings.control_share, ridge=WIDTH)
        found = measure_savings(
            curve,
            control,
            test_items=TEST_ITEMS,
            n_classes=2,
            coverage=Evaluation().interval,
            seed=seed,
            draw_sd=spread,
            resamples=Evaluation().bootstrap,
        )
        said += found["status"] in (MEASURED, AT_LEAST)
        if found["status"] == MEASURED:
            wrong += not found["ratio_low"] <= bonus <= found["ratio_high"]
        elif found["status"] == AT_LEAST:
            wrong += not bonus <= found["ratio_high"]
    nominal = (1 - Evaluation().interval) * len(campaigns)
    assert wrong <= nominal
    assert said <= 0.1 * len(campaigns)
