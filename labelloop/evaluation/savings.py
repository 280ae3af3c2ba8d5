"""What the campaign saved against labeling at random, measured on the control arm.

The control arm is a plain random sample of the pool. The learner trained on its c labels alone shows what c
random labels are worth; where the campaign's own curve reached that accuracy shows what the campaign paid
for the same. The comparison is made only inside the range that both curves cover. Outside it nothing is
claimed: the answer is then 'too little data yet', and how many more control labels would help.

The interval covers two kinds of chance: which items are in the test set (a bootstrap over them), and which
items happened to be drawn into the samples that were labeled (a normal error of both curves, with the
standard deviation that the learner shows when it is trained on halves of the control sample, scaled to the
whole).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

MEASURED = "measured"
AT_LEAST = "at least"
TOO_LITTLE = "too little data yet"
FEWEST_LABELS = 30
FEWEST_LABELS_PER_CLASS = 3
EQUAL = 1e-9
"""Accuracies that differ by no more are the same: smoothing leaves other last digits."""
WIDEST_FACTOR = 4.0
"""A ratio known less well than to a factor of 4 is no measurement."""


@dataclass(frozen=True)
class Curve:
    """Accuracy on one test set, by number of labels."""

    labels: np.ndarray
    """Shape (n,), ascending."""
    accuracy: np.ndarray
    """Shape (n,)."""
    correct: np.ndarray | None = None
    """Shape (n, test_items), bool: which test items were right; `accuracy` is then its mean, whatever was
    given. With it on both curves the bootstrap is paired, and the interval much narrower: the same items are
    hard for both."""


def fewest_labels(n_classes: int) -> int:
    """Control labels below which nothing is said: 30, or 3 a class where that is more."""
    return max(FEWEST_LABELS, FEWEST_LABELS_PER_CLASS * n_classes)


def measure_savings(
    campaign: Curve,
    control: Curve,
    *,
    test_items: int,
    n_classes: int,
    coverage: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
    draw_sd: float = 0.0,
) -> dict[str, Any]:
    """Say how many labels the campaign needed for what the control arm reached, if that can be said.

    Of the control curve the last point (most labels) counts whose accuracy the campaign's curve covers. The
    campaign's curve is made monotone (least squares) and read between its points by straight lines: on a
    curve that flattens out that errs towards too many labels, so towards too small a saving. Where it is flat
    at the very accuracy, the middle of the flat part is taken. The interval is the percentile
    bootstrap over test items: the same items for both curves where `correct` is given; otherwise independent
    binomial draws, which give a wider interval.

    Where the control arm has more labels than the campaign's first round had and is surely worse (in all but
    1 - coverage of the resamples), that is a bound, and is told as one.

    Too little data is:

    - fewer control labels than max(30, 3 a class);
    - no point of the control curve within the accuracies that the campaign went through;
    - an interval of the ratio that is wider than a factor of 4, or that leaves the range both curves cover.

    Args:
        campaign: all labels of the campaign, one point a round.
        control: the same learner trained on the control arm's labels alone.
        test_items: size of the test set behind both; with `correct`, its number of columns.
        n_classes: of the campaign.
        draw_sd: standard deviation of the accuracy over draws of the labeled items; see `half_samples`.

    Returns:
        status ('measured', 'at least' for a one-sided bound, or 'too little data yet'), sentence (for
        people), control_labels (c),
        control_accuracy, campaign_labels (L), ratio (L / c) with ratio_low and ratio_high, saved (c - L) with
        saved_low and saved_high, coverage, more_control_labels. What is not known is None. Where nothing was
        measured, control_labels is the size of the whole control arm.
    """
    campaign, control = _ordered(campaign), _ordered(control)
    c_all = int(control.labels[-1]) if len(control.labels) else 0
    needed = fewest_labels(n_classes)
    if c_all < needed:
        return _too_little(c_all, needed - c_all, f"the control arm has {c_all} labels, and with {n_classes} "
                           f"classes it takes at least {needed}")  # fmt: skip
    if test_items < 1 or len(campaign.labels) < 2:
        why = "no test item was judged in every round"
        if test_items:
            why = "the campaign's learning curve has only one point; the next round adds one"
        return _too_little(c_all, None, why)

    smooth = _monotone(campaign.accuracy)
    enough = control.labels >= needed
    covered = np.flatnonzero((control.accuracy >= smooth[0]) & (control.accuracy <= smooth[-1]) & enough)
    if not len(covered):
        ahead = control.accuracy[-1] < smooth[0] and control.labels[-1] > campaign.labels[0]
        if ahead and enough[-1]:
            last = len(control.labels) - 1
            pairs = _resampled(
                campaign,
                control,
                last,
                test_items=test_items,
                resamples=resamples,
                seed=seed,
                draw_sd=draw_sd,
            )
            if np.mean([theirs >= ours[0] for ours, theirs in pairs]) <= 1 - coverage:
                return _at_least(campaign, control, float(smooth[0]), coverage)
        return _no_overlap(campaign, control, smooth, c_all)
    at = int(covered[-1])
    c, accuracy = float(control.labels[at]), float(control.accuracy[at])
    needed_by_campaign = float(np.mean(_labels_at(accuracy, campaign.labels, smooth)[:2]))

    drawn = [
        _labels_at(control_accuracy, campaign.labels, _monotone(campaign_accuracy))
        for campaign_accuracy, control_accuracy in _resampled(
            campaign, control, at, test_items=test_items, resamples=resamples, seed=seed, draw_sd=draw_sd
        )
    ]
    tail = (1 - coverage) / 2
    low = np.quantile([first for first, _, _ in drawn], tail)
    high = np.quantile([last for _, last, _ in drawn], 1 - tail)
    outside = np.array([side for _, _, side in drawn])
    if (outside < 0).mean() > tail or (outside > 0).mean() > tail:
        side, curve = ("below", "starts") if (outside < 0).mean() > tail else ("above", "ends")
        return _too_little(c_all, c_all, f"the {accuracy:.1%} of {c:.0f} random labels is too close to "
                           f"where the campaign's curve {curve}; the interval goes {side} it")  # fmt: skip
    if high > WIDEST_FACTOR * low:
        return _too_little(c_all, c_all, f"on {test_items} test items, the campaign needed anything from "
                           f"{low:.0f} to {high:.0f} labels for what {c:.0f} random ones reach")  # fmt: skip
    return {
        "status": MEASURED,
        "sentence": _sentence(c, accuracy, needed_by_campaign, (float(low), float(high)), coverage),
        "control_labels": int(c),
        "control_accuracy": accuracy,
        "campaign_labels": needed_by_campaign,
        "ratio": needed_by_campaign / c,
        "ratio_low": float(low) / c,
        "ratio_high": float(high) / c,
        "saved": c - needed_by_campaign,
        "saved_low": c - float(high),
        "saved_high": c - float(low),
        "coverage": coverage,
        "more_control_labels": 0,
    }


def _labels_at(accuracy: float, labels: np.ndarray, smooth: np.ndarray) -> tuple[float, float, int]:
    """First and last number of labels at which a monotone curve has `accuracy`, and whether that is before
    (-1) or after (1) the curve. They differ where it is flat."""
    if accuracy < smooth[0] - EQUAL:
        return float(labels[0]), float(labels[0]), -1
    if accuracy > smooth[-1] + EQUAL:
        return float(labels[-1]), float(labels[-1]), 1
    first = int(np.searchsorted(smooth, accuracy - EQUAL, side="left"))
    last = int(np.searchsorted(smooth, accuracy + EQUAL, side="right")) - 1
    if first <= last:
        return float(labels[first]), float(labels[last]), 0
    share = (accuracy - smooth[last]) / (smooth[first] - smooth[last])
    between = float(labels[last] + share * (labels[first] - labels[last]))
    return between, between, 0


def _resampled(
    campaign: Curve, control: Curve, at: int, *, test_items: int, resamples: int, seed: int, draw_sd: float
) -> list[tuple[np.ndarray, float]]:
    """Accuracies of the campaign's curve and of the control point on `resamples` redrawn test sets."""
    name = hashlib.sha256(f"savings/{seed}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(name[:8], "big"))
    if campaign.correct is not None and control.correct is not None:
        right = np.vstack([campaign.correct, control.correct[at]]).astype(np.float64)
        times = rng.multinomial(right.shape[1], np.full(right.shape[1], 1 / right.shape[1]), size=resamples)
        accuracies = times @ right.T / right.shape[1]
    else:
        rates = np.append(campaign.accuracy, control.accuracy[at])
        accuracies = rng.binomial(test_items, rates, size=(resamples, len(rates))) / test_items
    # The labels of a campaign are nested, so luck with them moves its whole curve at once.
    luck = rng.normal(0.0, draw_sd, size=(resamples, 2))
    return [
        (row[:-1] + own, float(row[-1] + other)) for row, (own, other) in zip(accuracies, luck, strict=True)
    ]


def _monotone(accuracy: np.ndarray) -> np.ndarray:
    from scipy.optimize import isotonic_regression

    smooth: np.ndarray = isotonic_regression(accuracy).x
    return smooth


def _ordered(curve: Curve) -> Curve:
    """By labels; of several points with the same number of labels the last one given.

    Where it is known which test items were right, accuracy is counted on them: a curve whose rounds were
    judged on other test items as well could not be compared item by item.
    """
    labels = np.asarray(curve.labels, dtype=np.float64)
    values, position = np.unique(labels[::-1], return_index=True)
    keep = len(labels) - 1 - position
    if curve.correct is None:
        return Curve(values, np.asarray(curve.accuracy, dtype=np.float64)[keep])
    correct = np.asarray(curve.correct, dtype=bool)[keep]
    return Curve(values, correct.sum(axis=1) / max(correct.shape[1], 1), correct)


def _at_least(campaign: Curve, control: Curve, first: float, coverage: float) -> dict[str, Any]:
    """The campaign's very first round is surely better than all of the control arm: a bound, one-sided."""
    c, reached, most = float(control.labels[-1]), float(control.accuracy[-1]), float(campaign.labels[0])
    unknown = ("campaign_labels", "ratio", "ratio_low", "saved", "saved_high")
    return {
        "status": AT_LEAST,
        "sentence": f"{c:.0f} random labels reach {reached:.1%}; the campaign had {first:.1%} with its first "
        f"{most:.0f}. So at least {c - most:.0f} labels are saved, {1 - most / c:.0%} of what random "
        f"labeling needs ({coverage:.0%} sure); how many more, a larger control arm would tell.",
        "control_labels": int(c),
        "control_accuracy": reached,
        **dict.fromkeys(unknown),
        "ratio_high": most / c,
        "saved_low": c - most,
        "coverage": coverage,
        "more_control_labels": int(c),
    }


def _no_overlap(campaign: Curve, control: Curve, smooth: np.ndarray, c: int) -> dict[str, Any]:
    reached = float(control.accuracy[-1])
    if reached < smooth[0]:
        # The campaign's first batch is close to a random one, so about as many control labels get there.
        more = max(math.ceil(campaign.labels[0]) - c, c)
        return _too_little(c, more, f"{c} random labels reach {reached:.1%}, less than the campaign's first "
                           f"round ({smooth[0]:.1%} with {campaign.labels[0]:.0f} labels)")  # fmt: skip
    return _too_little(c, None, f"{c} random labels reach {reached:.1%}, more than the campaign with "
                       f"{campaign.labels[-1]:.0f} ({smooth[-1]:.1%}); so far nothing is saved")  # fmt: skip


def _too_little(c: int, more: int | None, why: str) -> dict[str, Any]:
    advice = f"; about {more} more control labels would help" if more else ""
    unknown = ("control_accuracy", "campaign_labels", "ratio", "ratio_low", "ratio_high")
    return {
        "status": TOO_LITTLE,
        "sentence": f"Too little data yet to say what was saved: {why}{advice}.",
        "control_labels": c,
        **dict.fromkeys((*unknown, "saved", "saved_low", "saved_high", "coverage")),
        "more_control_labels": more,
    }


def _sentence(
    c: float, accuracy: float, needed: float, interval: tuple[float, float], coverage: float
) -> str:
    low, high = interval
    measured = (f"{c:.0f} random labels reach {accuracy:.1%}; the campaign got there with {needed:.0f} "
                f"({coverage:.0%} interval {low:.0f} to {high:.0f})")  # fmt: skip
    if high < c:
        return (
            f"{measured}: {c - needed:.0f} labels saved, {1 - needed / c:.0%} of what random labeling needs."
        )
    if low > c:
        return f"{measured}: {needed - c:.0f} labels more than random labeling needs."
    return f"{measured}: no difference that chance would not explain."
