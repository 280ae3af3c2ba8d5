"""Intervals drawn from learning curves hold the truth as often as they say, whatever the curve's shape."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from labelloop.evaluation.plateau import recent_slope
from labelloop.evaluation.projection import project_random

Curve = Callable[[np.ndarray], np.ndarray]

SHAPES: dict[str, Curve] = {
    "power law": lambda n: 0.95 - 1.5 * n**-0.5,
    "quick power law": lambda n: 0.9 - 6 * n**-1.0,
    "slow power law": lambda n: 1.0 - 1.2 * n**-0.25,
    "exponential": lambda n: 0.92 - 0.45 * np.exp(-n / 150),
    "S": lambda n: 0.5 + 0.45 / (1 + (80 / n) ** 1.5),
    "two power laws": lambda n: 0.93 - 0.35 * n**-0.2 * (1 + n / 100) ** -0.4,
}
CAMPAIGNS = 40
CONTROL = 100
"""Labels of the control arm when it is drawn on."""
BATCHES = 200


def projected(curve: Curve, times: int, seed: int) -> tuple[float, float] | None:
    """Ends of what random needs, where it truly needs `times` the control arm's labels.

    All rounds are judged on the same 1,000 items and share most of their luck with the draw of the labels;
    each has luck of its own in training. The standard deviation of the draw is known as well as from halves.
    """
    random = np.random.default_rng([seed, times])
    labels = np.linspace(CONTROL / 8, CONTROL, 8).round()
    target = float(curve(np.array([times * CONTROL], dtype=float))[0])
    test = random.normal() * np.sqrt(target * (1 - target) / 1000)
    draw, own = 0.015 * random.normal(), 0.008 * random.normal(size=8)
    accuracy = curve(labels) + test + draw * (CONTROL / labels) ** 0.25 + own * (CONTROL / labels) ** 0.5
    found = project_random(
        labels,
        np.clip(accuracy, 0, 1),
        reached=target + test,
        campaign_labels=CONTROL,
        pool=20_000,
        fewest=30,
        draw_sd=0.015 * float(np.sqrt(random.chisquare(4) / 4)),
        coverage=0.8,
        seed=seed,
        draws=400,
    )
    if found is None:
        return None
    low, high = found["labels"]["low"], found["labels"]["high"]
    return (20_000 if low is None else low), (np.inf if high is None else high)


@pytest.mark.parametrize("name", SHAPES)
def test_what_random_needs_is_within_the_projection(name: str) -> None:
    """80% intervals, to twice and to five times the control arm's labels; never below by more than chance
    would do (at 1%). They are wider than that where the curve is a power law."""
    held = []
    for times in (2, 5):
        for seed in range(CAMPAIGNS):
            ends = projected(SHAPES[name], times, seed)
            if ends is not None:
                held.append(ends[0] <= times * CONTROL <= ends[1])
    assert len(held) > 1.5 * CAMPAIGNS
    assert np.mean(held) >= 0.8 - 2.33 * np.sqrt(0.16 / len(held))


def right(curve: Curve, labels: np.ndarray, kept: float, random: np.random.Generator) -> np.ndarray:
    """Which of 500 items each round gets right; its luck goes on into the next round by the part `kept`."""
    hard, luck, found = random.normal(size=500), 0.01 * random.normal(), []
    for n in labels:
        luck = kept * luck + np.sqrt(1 - kept**2) * 0.01 * random.normal()
        mine = np.sqrt(0.9) * hard + np.sqrt(0.1) * random.normal(size=500)
        found.append(mine < norm.ppf(np.clip(curve(np.array([n]))[0] + luck, 0.01, 0.99)))
    return np.array(found)


@pytest.mark.parametrize("kept", [0.0, 0.7])
@pytest.mark.parametrize("name", ["flat", "exponential", "power law"])
@pytest.mark.parametrize("rounds", [3, 8])
def test_the_slope_is_within_its_interval(name: str, rounds: int, kept: float) -> None:
    """90% intervals of the straight line's slope through the true accuracies, late in a campaign."""
    curve = SHAPES.get(name, lambda n: 0.85 + 0 * n)
    labels = 400 + 40.0 * np.arange(rounds)
    centred = labels - labels.mean()
    truth = float(centred @ curve(labels)) / float(centred @ centred)
    random, held = np.random.default_rng(rounds), []
    for seed in range(BATCHES):
        found = recent_slope(
            labels, right(curve, labels, kept, random), rounds=rounds, coverage=0.9, resamples=60, seed=seed
        )
        assert found is not None
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.9 - 2.33 * np.sqrt(0.09 / BATCHES)
