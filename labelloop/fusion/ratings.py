"""Numbers from several people: one value an item, with each person's bias and noise taken out.

Ordered classes fit too, as the numbers of their order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError, SettingsError

DEGREES = 4.0
"""Of Student's t where outliers are to count less; the usual choice since Lange, Little and Taylor (1989)."""

GREATEST = 1e100
"""Number whose square can still be summed."""


@dataclass(frozen=True)
class Ratings:
    """Ratings, coded; an annotator may rate an item more than once."""

    item: np.ndarray
    """Shape (n,), int64: 0 to n_items - 1, each at least once."""
    annotator: np.ndarray
    """Shape (n,), int64: 0 to n_annotators - 1, each at least once."""
    value: np.ndarray
    """Shape (n,), float64, finite."""


@dataclass(frozen=True)
class FusedRatings:
    """Values of items and what was found about people."""

    value: np.ndarray
    """Shape (n_items,), in the ratings' unit."""
    standard_error: np.ndarray
    """Shape (n_items,), in the ratings' unit: of `value`, given the annotators' noise."""
    votes: np.ndarray
    """Shape (n_items,), int64."""
    bias: np.ndarray
    """Shape (n_annotators,): how much higher than the others; weighted by ratings they sum to 0."""
    noise: np.ndarray
    """Shape (n_annotators,): standard deviation round value plus bias."""
    weight: np.ndarray
    """Shape (n,): in (0, (DEGREES + 1) / DEGREES], what each rating counts beside its annotator's noise; 1
    unless `robust`."""
    converged: bool


def fuse_ratings(
    ratings: Ratings,
    *,
    bias: bool = True,
    robust: bool = False,
    prior_votes: float = 20.0,
    max_iter: int = 500,
    tol: float = 1e-9,
) -> FusedRatings:
    """Fuse by a model in which rating = item's value + annotator's bias + noise of the annotator's size.

    With s_a^2 the noise of annotator a over n_a ratings and s^2 that of all::

        value_i = sum w (y - b_a) / sum w,  w = u / s_a^2;  b_a ~ Normal(0, t^2), t^2 from the data
        s_a^2 = (sum u e^2 + prior_votes * s^2) / (n_a + prior_votes)

    where e^2 counts the uncertainty of value and bias. u is 1, or (d + 1) / (d + e^2 / s_a^2) with d
    `DEGREES`, which makes the noise Student's t.

    Args:
        bias: whether annotators may lie high or low throughout. Without it, people who see only high items
            are never taken for generous.
        robust: let single ratings far off count less. Not where few people are right and many give 0: then
            the few are what counts less.
        prior_votes: ratings by which each annotator's noise is drawn to that of all; 0 or more. What it
            brings is in docs/fusion.md.
        max_iter: rounds at most.
        tol: stop when no value moves by more than this share of the ratings' spread.

    Raises:
        DataError: a value is not finite or beyond `GREATEST`, or the arrays do not fit each other.
        SettingsError: an option is none.

    Source: the two-way model with unequal variances, Grubbs (1948), On estimating precision of measuring
    instruments; as crowd model Raykar et al. (2010), Learning from crowds, section 4.
    """
    _check(ratings, prior_votes, max_iter)
    item, who, y = ratings.item, ratings.annotator, ratings.value.astype(np.float64)
    n_items, n_people = int(item.max(initial=-1)) + 1, int(who.max(initial=-1)) + 1
    per_item, per_person = np.bincount(item, minlength=n_items), np.bincount(who, minlength=n_people)
    spread = float(y.std()) if len(y) else 0.0
    value: np.ndarray = np.bincount(item, y, n_items) / np.maximum(per_item, 1)
    b: np.ndarray
    b_error: np.ndarray
    b, b_error, t2 = np.zeros(n_people), np.zeros(n_people), 0.1 * spread**2
    s2: np.ndarray
    s2, u = np.full(n_people, max(float(np.var(y - value[item])) if len(y) else 1.0, 1e-12)), np.ones(len(y))
    error: np.ndarray = np.zeros(n_items)
    converged = spread == 0
    if converged:
        return FusedRatings(value, error, per_item, b, np.zeros(n_people), u, True)
    least = (1e-6 * spread) ** 2
    for number in range(max_iter):
        w = u / s2[who]
        total = np.bincount(item, w, n_items)
        before, value = value, np.bincount(item, w * (y - b[who]), n_items) / total
        error = np.asarray(1 / total)
        if bias:
            precision = np.bincount(who, w, n_people) + 1 / max(t2, least)
            b, b_error = np.bincount(who, w * (y - value[item]), n_people) / precision, 1 / precision
            t2 = float(np.mean(b**2 + b_error))
            b = b - float(np.average(b, weights=per_person))
        e2 = (y - value[item] - b[who]) ** 2 + error[item] + b_error[who]
        if robust:
            u = (DEGREES + 1) / (DEGREES + e2 / s2[who])
        own = np.bincount(who, u * e2, n_people)
        s2 = np.maximum((own + prior_votes * own.sum() / len(y)) / (per_person + prior_votes), least)
        # The first values are plain means whatever the noise: they tell nothing of standing still.
        if number > 1 and np.abs(value - before).max() <= tol * spread:
            converged = True
            break
    return FusedRatings(value, np.sqrt(error), per_item, b, np.sqrt(s2), u, converged)


def _check(ratings: Ratings, prior_votes: object, max_iter: object) -> None:
    if not len(ratings.item) == len(ratings.annotator) == len(ratings.value):
        raise DataError(f"ratings have {len(ratings.item)} items, {len(ratings.annotator)} annotators and "
                        f"{len(ratings.value)} values; they must be as many")  # fmt: skip
    wrong = ~np.isfinite(ratings.value)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"rating {row} is {ratings.value[row]}; ratings must be finite numbers")
    if len(ratings.value) and np.abs(ratings.value).max() > GREATEST:
        row = int(np.abs(ratings.value).argmax())
        raise DataError(f"rating {row} is {ratings.value[row]:g}; numbers above {GREATEST:g} cannot be fused")
    if isinstance(prior_votes, bool) or not isinstance(prior_votes, int | float) \
            or not (math.isfinite(prior_votes) and prior_votes >= 0):  # fmt: skip
        raise SettingsError(f"prior_votes is {prior_votes!r}; it must be a number from 0 on")
    if isinstance(max_iter, bool) or not isinstance(max_iter, int) or max_iter < 1:
        raise SettingsError(f"max_iter is {max_iter!r}; it must be a whole number from 1 on")
