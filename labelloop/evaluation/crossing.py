"""Where a learning curve reaches what random labels reach: a confidence interval of labels.

The interval is made by turning a test around. A number of labels belongs to it unless the curve there is
surely lower, there and for all fewer labels, or surely higher, there and for all more. So it misses the true
number of labels only where the test at that single number errs, however many others were looked at. An end
that no test has closed is open. (Fieller 1954 turns a test around in the same way for ratios.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.evaluation.half_samples import HalfSamples

STEPS = 32
"""Numbers of labels that are tested between two points of the curve."""
OF_MEAN = 0.5
"""Variance over draws of the mean over halves, by that of one half: of two halves of one split it is exactly
this, and of several splits no more."""
EQUAL = 1e-9
"""Accuracies that differ by no more are the same: smoothing leaves other last digits."""


@dataclass(frozen=True)
class Curve:
    """Accuracy on one test set, by number of labels."""

    labels: np.ndarray
    """Shape (n,), ascending."""
    correct: np.ndarray
    """Shape (n, test_items), bool: which test items were right."""

    @property
    def accuracy(self) -> np.ndarray:
        """Shape (n,)."""
        return np.asarray(self.correct.mean(axis=1))


@dataclass(frozen=True)
class Crossing:
    """Labels with which a curve reaches an accuracy."""

    low: float | None
    """None: open; the curve's smallest number of labels may be enough already."""
    middle: float | None
    """None where the curve begins above the accuracy or has not reached it."""
    high: float | None
    """None: open; the curve's largest number of labels may not be enough."""
    above: bool = False
    """Without `middle`: whether the curve, made monotone, lies above the accuracy, and not below."""


def find_crossing(curve: Curve, random: HalfSamples, coverage: float) -> Crossing:
    """Labels that the curve needs for what half of a random sample reaches, with an interval.

    The curve is made monotone (least squares) and read between its points by straight lines over the
    logarithm of labels. Three kinds of chance are in the interval: the test set (the same items for both, so
    only those count that one gets right and the other wrong); the draw of the curve's own labels, whose luck
    is taken for that of as good a random sample; and the draw of the random ones, half as large, since the
    mean over halves rests on the whole. Its quantiles are Student's, since the luck is known from few splits.

    Args:
        curve: two points at least, and two test items, the same as those of `random`.
        coverage: of the interval, in (0, 1).
    """
    from scipy.optimize import isotonic_regression

    smooth = isotonic_regression(curve.accuracy).x
    at, apart, noise = _differences(curve, smooth, random.by_item)
    variance = noise + (1 + OF_MEAN) * random.variance
    within = _quantiles(variance, random, coverage) * np.sqrt(variance)
    # As far as the curve is surely below from its beginning, and surely above to its end. Ends are rounded
    # outwards, to numbers that were tested and do not belong to the interval.
    below = int(np.logical_and.accumulate(apart < -within).sum())
    above = int(np.logical_and.accumulate((apart > within)[::-1]).sum())
    low = float(at[below - 1]) if below else None
    high = float(at[len(at) - above]) if above else None
    middle = _read(curve.labels, smooth, random.accuracy)
    return Crossing(low, middle, high, above=bool(middle is None and smooth[0] > random.accuracy))


def _differences(
    curve: Curve, smooth: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of labels, the difference in accuracy there, and its variance over test sets."""
    apart = curve.correct.astype(np.float64) - right
    items = apart.shape[1]
    # That few items differ among few does not prove that none would: one that does is the least to allow for.
    squares = (apart**2).mean(axis=1) + 1 / items
    products = (apart[:-1] * apart[1:]).mean(axis=1) + 1 / items
    share = np.linspace(0, 1, STEPS, endpoint=False)[None, :]
    labels = np.asarray(curve.labels, dtype=np.float64)
    at = np.append((labels[:-1, None] * (labels[1:] / labels[:-1])[:, None] ** share).ravel(), labels[-1])

    def between(values: np.ndarray) -> np.ndarray:
        inside = (1 - share) * values[:-1, None] + share * values[1:, None]
        return np.append(inside.ravel(), values[-1])

    squared = (
        (1 - share) ** 2 * squares[:-1, None]
        + 2 * share * (1 - share) * products[:, None]
        + share**2 * squares[1:, None]
    )
    noise = (np.append(squared.ravel(), squares[-1]) - between(apart.mean(axis=1)) ** 2) / (items - 1)
    return at, between(smooth - right.mean()), noise


def _quantiles(variance: np.ndarray, random: HalfSamples, coverage: float) -> np.ndarray:
    """Student's, with the degrees of freedom of a variance that is partly estimated (Satterthwaite 1946)."""
    from scipy.stats import norm, t

    upper = (1 + coverage) / 2
    estimated = (1 + OF_MEAN) * random.difference / 2
    if not estimated:
        return np.full(len(variance), norm.ppf(upper))
    return np.asarray(t.ppf(upper, random.freedom * np.maximum(variance / estimated, 1.0) ** 2))


def _read(labels: np.ndarray, smooth: np.ndarray, accuracy: float) -> float | None:
    """Labels at which a monotone curve has the accuracy; None outside of it.

    Where it is flat at the very accuracy, the middle of the flat part.
    """
    if not smooth[0] - EQUAL <= accuracy <= smooth[-1] + EQUAL:
        return None
    first = int(np.searchsorted(smooth, accuracy - EQUAL, side="left"))
    last = int(np.searchsorted(smooth, accuracy + EQUAL, side="right")) - 1
    if first > last:
        share = (accuracy - smooth[last]) / (smooth[first] - smooth[last])
        return float(labels[last] * (labels[first] / labels[last]) ** share)
    return float(labels[first] + labels[last]) / 2
