"""Labels that random would have needed for the accuracy reached: the control arm's curve, drawn on.

The measured savings compare what both curves have been through. The control arm is a tenth of the labels and
seldom gets as far as the campaign, so how far random would have had to go is a projection, with an interval,
and is never called a measurement.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labelloop.evaluation.curve_fit import FEWEST_ROUNDS, fit_curve, paths

STEPS = 60
SHIFTS = (0.0, 1.0, 3.0, 10.0)
"""See `fit_curve`. The curve of a small arm may not have bent yet. Plain power laws bend from the start, so
they make what comes after a straight beginning too slow: on curves that end in an exponential, or begin as an
S, the low ends were above the truth nearly always, and the savings overstated."""


def project_random(
    control_labels: np.ndarray,
    control_accuracy: np.ndarray,
    *,
    reached: float,
    campaign_labels: int,
    pool: int,
    fewest: int,
    draw_sd: float = 0.0,
    coverage: float = 0.8,
    seed: int = 0,
    draws: int = 2000,
) -> dict[str, Any] | None:
    """How many random labels reach what the campaign has reached.

    Args:
        control_labels, control_accuracy: the learner on the control arm's labels alone, a point a round.
        reached: accuracy of the campaign's newest model.
        campaign_labels: labels it has.
        pool: labels that random could have at most.
        fewest: control labels below which nothing is said; see `savings.fewest_labels`.
        draw_sd: standard deviation of the accuracy over draws of the labeled items.
        coverage: of the interval.

    Returns:
        accuracy, labels (low, middle, high; None beyond the pool), saved (the same less `campaign_labels`;
        where even the low end is beyond the pool, low is what the whole pool is more than the campaign),
        coverage and sentence; None where there is too little data, or the control arm is there already (then
        `measure_savings` speaks).
    """
    labels, accuracy = np.asarray(control_labels, dtype=float), np.asarray(control_accuracy, dtype=float)
    labels, at = np.unique(labels[::-1], return_index=True)
    accuracy = accuracy[::-1][at]
    used = labels > 0
    labels, accuracy = labels[used], accuracy[used]
    if len(labels) < FEWEST_ROUNDS or labels[-1] < fewest or accuracy[-1] >= reached or pool <= labels[-1]:
        return None
    fit = fit_curve(labels, accuracy, draws=draws, seed=seed, shifts=SHIFTS)
    grid = np.geomspace(labels[-1], pool, STEPS + 1)[1:]
    # The control sample is nested, so luck with its draw moves its whole curve at once.
    luck = np.random.default_rng(seed + 2).normal(0.0, draw_sd, size=(draws, 1))
    there = paths(fit, grid, seed=seed, noisy=False) >= reached + luck
    first = np.where(there.any(axis=1), grid[there.argmax(axis=1)], np.inf)
    tails = ((1 - coverage) / 2, 0.5, (1 + coverage) / 2)
    low, middle, high = (
        round(float(n)) if np.isfinite(n) else None for n in np.quantile(first, tails, method="inverted_cdf")
    )
    begun = "Drawn on, the control arm's curve says that random labeling needs"
    ended = f"for the {reached:.1%} of the campaign's {campaign_labels}: a projection, not a measurement."
    if low is None:
        said = f"more than the pool's {pool} labels"
    elif high is None:
        said = f"at least {low} labels ({(1 + coverage) / 2:.0%} sure)"
    else:
        said = f"about {middle} labels ({coverage:.0%} interval {low} to {high})"
    return {
        "accuracy": reached,
        "labels": {"low": low, "middle": middle, "high": high},
        "saved": {
            name: None if needed is None else needed - campaign_labels
            for name, needed in (("low", pool if low is None else low), ("middle", middle), ("high", high))
        },
        "coverage": coverage,
        "sentence": f"{begun} {said} {ended}",
    }
