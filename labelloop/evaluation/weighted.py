"""What items that were picked on purpose say of the whole pool: weighted estimates of a mean, with intervals.

A plain mean over picked items is biased: a strategy picks what the model doubts. Where each pick was a draw
with a known chance, weights undo that. Two cases:

- Draws one after the other, each with its chance given the ones before (`lure`). What Gumbel top-k strategies
  and the control arm do.
- Every item with its own chance to be in the sample (`inverse_probability`).

Strategies that pick by rank give no item outside the top a chance: their picks alone say nothing of the pool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from labelloop.errors import DataError

FEWEST = 10
"""Effective items below which no interval is given: a t interval on fewer weighted draws misses too often."""


@dataclass(frozen=True)
class Estimate:
    """A mean over the pool, as far as the drawn items tell."""

    value: float
    low: float | None
    """Ends of the interval; None where there are too few effective items for one."""
    high: float | None
    items: int
    effective: float
    """Items drawn evenly that would be as good: (sum of weights)^2 / sum of squared weights."""


def lure_weights(draws: np.ndarray, pool: int) -> np.ndarray:
    """Weights under which the mean over the drawn items is unbiased for the mean over the pool.

    ``v_m = 1 + (N - M) / (N - m) * (1 / ((N - m + 1) q_m) - 1)`` for the m-th of M draws from N items. Where
    all draws are even, all weights are 1.

    Args:
        draws: shape (M,), the chance q_m of each draw among the items not drawn before, in the order of the
            draws. Every item left must have had a chance above 0.
        pool: N, the number of items before the first draw.

    Returns:
        Shape (M,), float64.

    Raises:
        DataError: a chance is not in (0, 1], or more items were drawn than there are.

    Source: Farquhar, Gal and Rainforth (2021), On statistical bias in active learning: how and when to fix
    it, equation 8.
    """
    chances, count = _chances(draws), len(draws)
    if count > pool:
        raise DataError(f"{count} items were drawn from a pool of {pool}; each can be drawn once")
    turn = np.arange(1, count + 1)
    left = np.maximum(pool - turn, 1)  # The last of the pool: N = M, and the factor before it is 0.
    return 1 + (pool - count) / left * (1 / ((pool - turn + 1) * chances) - 1)


def lure(
    values: np.ndarray,
    draws: np.ndarray,
    pool: int,
    *,
    counted: np.ndarray | None = None,
    coverage: float = 0.95,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """The pool's mean from items drawn one after the other.

    Best for losses: values that are small where the chances are, such as 1 for a mistake. A value of 1 on an
    item that was next to never drawn swings the estimate; `asked_accuracy` therefore goes by mistakes.

    The interval: each draw gives an unbiased estimate of its own, ``X_m = (sum of the values before +
    value_m / q_m) / N``, and the LURE is their weighted mean with fixed weights a_m. Their errors are
    martingale differences, so uncorrelated, and the variance is the sum of ``a_m^2 (X_m - estimate)^2``,
    times M / (M - 1) for the estimate in it. A t interval with as many degrees of freedom as there are
    effective items, less one.

    Args:
        values: shape (M,): of the drawn items, such as 1 where a model was right and 0 where not.
        draws: see `lure_weights`.
        pool: see `lure_weights`.
        counted: shape (M,), bool: drawn items that belong to those the mean is over, such as those people
            could label. The estimate is then a ratio, with a bias of the order of one over the sample.
        coverage: of the interval.
        bounds: what a mean can be; estimate and interval are cut to it.

    Raises:
        DataError: see `lure_weights`; or there are no items.
    """
    values = _values(values, draws)
    weights, count = lure_weights(draws, pool), len(values)
    turn = np.arange(1, count + 1)
    if count < pool:
        share = pool * (pool - count) / ((pool - turn) * (pool - turn + 1.0)) / count
    else:
        # The whole pool was drawn: nothing is left to chance.
        share = np.zeros(count)
    if counted is None:
        part, values_of, weights_of = 1.0, values, weights
        value = expected = float((weights * values).mean())
    else:
        used = np.asarray(counted, dtype=bool)
        if not used.any():
            raise DataError("none of the drawn items counts, so they say nothing")
        part, weights_of = float((weights * used).mean()), weights[used]
        value, expected = float((weights * values)[used].mean() * used.mean()) / part, 0.0
        values_of = np.where(used, values - value, 0.0)
    before = np.concatenate([[0.0], np.cumsum(values_of)[:-1]])
    each = (before + values_of / np.asarray(draws, dtype=np.float64)) / pool
    variance = float((share**2 * (each - expected) ** 2).sum()) / part**2 * count / max(count - 1, 1)
    return _estimate(value, variance, len(weights_of), _effective(weights_of), coverage, bounds)


def asked_accuracy(
    right: np.ndarray, draws: np.ndarray, pool: int, labeled: np.ndarray, *, coverage: float = 0.95
) -> Estimate:
    """Accuracy over the items that were left to ask, from those that were drawn.

    Args:
        right: shape (M,), bool: whether the model that had not seen them was right; any where not labeled.
        draws: see `lure_weights`.
        pool: items left before the first draw.
        labeled: shape (M,), bool: drawn items that got a label.
    """
    wrong = np.where(labeled, ~np.asarray(right, dtype=bool), False).astype(np.float64)
    counted = None if np.asarray(labeled).all() else labeled
    return _turned(lure(wrong, draws, pool, counted=counted, coverage=coverage, bounds=(0.0, 1.0)))


def chosen_accuracy(right: np.ndarray, chances: np.ndarray, *, coverage: float = 0.95) -> Estimate:
    """Accuracy over the items that could be picked, from those that were, each with its own chance.

    Args:
        right: shape (n,), bool: whether the model that had not seen them was right.
        chances: shape (n,), in (0, 1]: to be picked.
    """
    wrong = (~np.asarray(right, dtype=bool)).astype(np.float64)
    return _turned(inverse_probability(wrong, chances, coverage=coverage, bounds=(0.0, 1.0)))


def inverse_probability(
    values: np.ndarray,
    chances: np.ndarray,
    *,
    coverage: float = 0.95,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """The pool's mean from items that were in the sample with their own chances.

    ``sum(values / chances) / sum(1 / chances)``: the ratio form needs no size of the pool and lies within the
    values. Its bias is of the order of one over the sample. Variance by linearisation, as if items were in
    the sample independently, which for samples of fixed size errs on the wide side.

    Args:
        values: shape (n,).
        chances: shape (n,), in (0, 1]: to be in the sample.
        coverage: see `lure`.
        bounds: see `lure`.

    Raises:
        DataError: a chance is not in (0, 1], or there are no items.

    Source: Hájek (1971); Särndal, Swensson and Wretman (1992), Model assisted survey sampling, section 5.7.
    """
    values, chances = _values(values, chances), _chances(chances)
    weights = 1 / chances
    value = float((weights * values).sum() / weights.sum())
    residuals = (1 - chances) * (weights * (values - value)) ** 2
    count = len(values)
    variance = float(residuals.sum() / weights.sum() ** 2) * count / max(count - 1, 1)
    return _estimate(value, variance, count, _effective(weights), coverage, bounds)


def _turned(wrong: Estimate) -> Estimate:
    """Accuracy of a share of mistakes."""
    low = None if wrong.high is None else 1 - wrong.high
    high = None if wrong.low is None else 1 - wrong.low
    return replace(wrong, value=1 - wrong.value, low=low, high=high)


def _estimate(
    value: float, variance: float, count: int, effective: float, coverage: float, bounds: tuple[float, float]
) -> Estimate:
    from scipy.stats import t

    value = float(np.clip(value, *bounds))
    if effective < FEWEST:
        return Estimate(value, None, None, count, effective)
    reach = float(t.ppf((1 + coverage) / 2, effective - 1)) * math.sqrt(variance)
    low, high = np.clip([value - reach, value + reach], *bounds)
    return Estimate(value, float(low), float(high), count, effective)


def _effective(weights: np.ndarray) -> float:
    # Weights of LURE may be below 0 where the first draws were far likelier than even.
    return float(abs(weights).sum() ** 2 / (weights**2).sum())


def _values(values: np.ndarray, chances: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or values.shape != np.shape(chances):
        raise DataError(
            f"there are values of shape {values.shape} and chances of shape {np.shape(chances)}; give one of "
            "each for every drawn item, and at least one item"
        )
    return values


def _chances(chances: np.ndarray) -> np.ndarray:
    chances = np.asarray(chances, dtype=np.float64)
    wrong = ~((chances > 0) & (chances <= 1))
    if wrong.any():
        raise DataError(
            f"the chance of item {int(wrong.argmax())} is {chances[wrong.argmax()]}; weighted estimates need "
            "known chances above 0 and at most 1 of every item"
        )
    return chances
