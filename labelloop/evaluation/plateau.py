"""How steep the learning curve still is, with an interval: has it come to its plateau?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError


@dataclass(frozen=True)
class Slope:
    """Accuracy gained per label over the last rounds."""

    value: float
    low: float
    high: float
    rounds: int


def recent_slope(
    labels: np.ndarray, correct: np.ndarray, *, rounds: int, coverage: float, resamples: int, seed: int
) -> Slope | None:
    """Slope of the straight line through the last rounds, by least squares.

    Two kinds of chance are in the interval: which items are in the test set (a bootstrap over them, the same
    items in every round), and how far rounds lie off the line for other reasons, such as the luck of
    training (the residuals). What the test set does to the residuals counts twice, so it errs on the wide
    side.

    Args:
        labels: shape (n,), ascending.
        correct: shape (n, test_items), bool: which items of a random test set each round's model got right.
        rounds: how many of the last rounds, 3 at least.
        coverage: of the interval, in (0, 1).

    Returns:
        None while there are fewer rounds, or no label was added in them.

    Raises:
        DataError: `rounds` is below 3, so that nothing can be said of the residuals.
    """
    from scipy.stats import t

    if rounds < 3:
        raise DataError(f"a slope over {rounds} rounds has no interval; take 3 rounds at least")
    x = np.asarray(labels, dtype=np.float64)[-rounds:]
    right = np.asarray(correct, dtype=np.float64)[-rounds:]
    centred = x - x.mean()
    spread = float((centred**2).sum())
    if len(x) < rounds or spread == 0 or right.shape[1] == 0:
        return None
    accuracy = right.mean(axis=1)
    slope = float(centred @ accuracy) / spread
    residuals = accuracy - accuracy.mean() - slope * centred
    items = right.shape[1]
    # That no item changed among few does not prove that none would: one item is the least to allow for.
    off_line = max(float((residuals**2).sum()) / (rounds - 2), 1 / items**2) / spread
    times = np.random.default_rng(seed).multinomial(items, np.full(items, 1 / items), size=resamples)
    drawn = (times @ right.T / items) @ centred / spread
    half = float(t.ppf((1 + coverage) / 2, rounds - 2)) * np.sqrt(off_line + float(drawn.var()))
    return Slope(slope, slope - float(half), slope + float(half), rounds)
