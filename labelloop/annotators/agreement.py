"""Agreement between annotators, with intervals from resampling items.

`percent` is the share of pairs of votes about an item that are the same, mean over items. `fleiss` corrects
it for chance with the classes' shares of all votes; with as many votes on every item it is Fleiss's kappa.
`alpha` is Krippendorff's, for classes without order (nominal), with an order (ordinal) or with values
(interval). All count items with two votes or more.

With c_k the votes for class k of an item's n, N = sum of n, n_k = sum of c_k over items, and values r_k that
are the classes' numbers (interval) or the mid-ranks of n_k (ordinal)::

    percent = mean over items of sum_k c_k (c_k - 1) / (n (n - 1))
    fleiss  = (percent - sum_k p_k^2) / (1 - sum_k p_k^2),  p_k = n_k / N
    alpha   = 1 - D_o / D_e
    nominal:  D_o = (1/N) sum over items of (n^2 - sum_k c_k^2) / (n - 1),
              D_e = (N^2 - sum_k n_k^2) / (N (N - 1))
    others:   D_o = (1/N) sum over items of 2 (n sum_k c_k r_k^2 - (sum_k c_k r_k)^2) / (n - 1),
              D_e = 2 (N sum_k n_k r_k^2 - (sum_k n_k r_k)^2) / (N (N - 1))

The ordinal distance of Krippendorff between two classes is the difference of their mid-ranks.

Sources: Fleiss (1971), Measuring nominal scale agreement among many raters. Krippendorff (2011), Computing
Krippendorff's alpha-reliability. Efron (1979), Bootstrap methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from labelloop.annotators.patterns import Patterns, patterns_of
from labelloop.errors import SettingsError
from labelloop.fusion.base import Votes

LEVELS = ("nominal", "ordinal", "interval")
CHUNK = 4_000_000
"""Weights of resamples held at once."""


@dataclass(frozen=True)
class Coefficient:
    """A coefficient and its 95% percentile interval; NaN where it, or the interval, is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Coefficients over all items with two votes or more."""

    items: int
    votes: int
    unanimous: int
    """Items on which all votes are the same."""
    percent: Coefficient
    fleiss: Coefficient
    alpha: Coefficient
    level: str
    undefined: str
    """Why `fleiss` and `alpha` are not defined, or ''."""


@dataclass(frozen=True)
class ClassAgreement:
    """Agreement about one class against all others."""

    label: str
    votes: int
    alpha: Coefficient
    """Krippendorff's alpha of "this class or not"."""
    specific: Coefficient
    """Chance that a second vote says the class, given that a first one does."""


def agreement(
    votes: Votes,
    *,
    level: str = "nominal",
    values: np.ndarray | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Agreement:
    """Percent agreement, Fleiss's kappa and Krippendorff's alpha; see the module.

    Args:
        votes: coded votes; for `ordinal` the order of the classes is that of `votes.classes`.
        level: one of `LEVELS`.
        values: shape (n_classes,), the classes' numbers; needed for `interval`.
        resamples: bootstrap draws of items; 0 for no intervals.

    Raises:
        SettingsError: no such level, or values that do not fit.
    """
    patterns = patterns_of(votes)
    values = _checked_values(level, values, len(votes.classes))
    n_items = int(patterns.items.sum())
    statistics = _Statistics(patterns, level, values)
    point = statistics.of(patterns.items[None, :].astype(float))[0]
    drawn = np.concatenate([statistics.of(w) for w in _weights(patterns, resamples, seed)] or [point[None]])
    percent, fleiss, alpha = (
        Coefficient(float(value), *_interval(column, resamples, n_items))
        for value, column in zip(point, drawn.T, strict=True)
    )
    greatest = np.maximum.reduceat(patterns.counts.data, patterns.counts.indptr[:-1]) if n_items else 0
    return Agreement(
        items=n_items,
        votes=int(patterns.items @ patterns.votes),
        unanimous=int(patterns.items[greatest == patterns.votes].sum()),
        percent=percent,
        fleiss=fleiss,
        alpha=alpha,
        level=level,
        undefined=_why_undefined(votes, patterns),
    )


def class_agreement(votes: Votes, *, resamples: int = 200, seed: int = 0) -> list[ClassAgreement]:
    """Agreement about each class that somebody chose for an item with two votes or more, in class order."""
    patterns = patterns_of(votes)
    if not len(patterns.votes):
        return []
    used = np.flatnonzero(np.asarray(patterns.counts.sum(axis=0)).ravel() > 0)
    counts = patterns.counts[:, used]
    per_item = patterns.votes.astype(float)
    together = counts.multiply(counts).tocsr()  # c^2
    mixed = counts.multiply(per_item[:, None] / (per_item - 1)[:, None]).tocsr()
    paired = together.multiply(1 / (per_item - 1)[:, None]).tocsr()
    apart = 2 * (mixed - paired)
    agreeing = (together - counts).multiply(1 / (per_item - 1)[:, None]).tocsr()

    def statistics(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        total = (weights @ per_item)[:, None]
        chosen = weights @ counts
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = 2 * chosen * (total - chosen) / (total - 1)
            alpha = np.where(expected > 0, 1 - (weights @ apart) / expected, np.nan)
            specific = np.where(chosen > 0, (weights @ agreeing) / chosen, np.nan)
        return alpha, specific

    point = statistics(patterns.items[None, :].astype(float))
    drawn = [statistics(weights) for weights in _weights(patterns, resamples, seed)]
    n_items = int(patterns.items.sum())
    low_high = []
    for number in (0, 1):
        column = np.concatenate([one[number] for one in drawn] or [point[number]])
        low_high.append([_interval(values, resamples, n_items) for values in column.T])
    votes_of_class = patterns.items @ counts
    return [
        ClassAgreement(
            label=votes.classes[code],
            votes=int(votes_of_class[number]),
            alpha=Coefficient(float(point[0][0, number]), *low_high[0][number]),
            specific=Coefficient(float(point[1][0, number]), *low_high[1][number]),
        )
        for number, code in enumerate(used)
    ]


class _Statistics:
    """Percent, Fleiss's kappa and alpha for rows of weights on patterns."""

    def __init__(self, patterns: Patterns, level: str, values: np.ndarray | None) -> None:
        self.counts, self.level, self.values = patterns.counts, level, values
        self.transposed = patterns.counts.T.tocsr()
        self.per_item = patterns.votes.astype(float)
        squares = np.asarray(patterns.counts.multiply(patterns.counts).sum(axis=1)).ravel()
        self.same = (squares - self.per_item) / np.maximum(self.per_item * (self.per_item - 1), 1)
        self.apart = (self.per_item**2 - squares) / np.maximum(self.per_item - 1, 1)

    def of(self, weights: np.ndarray) -> np.ndarray:
        """Shape (n_rows, 3) for weights of shape (n_rows, n_patterns)."""
        items, total = weights.sum(axis=1), weights @ self.per_item
        chosen = np.asarray((self.transposed @ weights.T).T)
        with np.errstate(divide="ignore", invalid="ignore"):
            percent = np.where(items > 0, (weights @ self.same) / items, np.nan)
            by_chance = ((chosen / total[:, None]) ** 2).sum(axis=1)
            one_class = chosen.max(axis=1, initial=0) >= total
            fleiss = np.where(one_class, np.nan, (percent - by_chance) / (1 - by_chance))
            if self.level == "nominal":
                observed = (weights @ self.apart) / total
                expected = (total**2 - (chosen**2).sum(axis=1)) / (total * (total - 1))
            else:
                observed, expected = self._squared(weights, chosen, total)
            alpha = np.where(one_class | ~(expected > 0), np.nan, 1 - observed / expected)
        return np.column_stack([percent, fleiss, alpha])

    def _squared(
        self, weights: np.ndarray, chosen: np.ndarray, total: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Observed and expected disagreement with squared differences of values as distances."""
        if self.level == "interval":
            assert self.values is not None
            rows = np.repeat(self.values[None, :] - self.values.mean(), len(weights), axis=0)
        else:
            rows = np.cumsum(chosen, axis=1) - chosen / 2
            rows -= (total / 2)[:, None]
        first = self.counts @ rows.T
        second = self.counts @ (rows**2).T
        spread = 2 * (self.per_item[:, None] * second - first**2) / np.maximum(self.per_item - 1, 1)[:, None]
        observed = (weights * spread.T).sum(axis=1) / total
        mean, square = (chosen * rows).sum(axis=1), (chosen * rows**2).sum(axis=1)
        return observed, 2 * (total * square - mean**2) / (total * (total - 1))


def _weights(patterns: Patterns, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Rows of weights on patterns: what drawing as many items with replacement gives."""
    n_items = int(patterns.items.sum())
    if n_items < 2 or resamples < 1:
        return
    rng = np.random.default_rng(seed)
    share = patterns.items / n_items
    step = max(1, CHUNK // len(share))
    for begin in range(0, resamples, step):
        yield rng.multinomial(n_items, share, size=min(step, resamples - begin)).astype(float)


def _interval(drawn: np.ndarray, resamples: int, items: int) -> tuple[float, float]:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or resamples < 20 or items < 2:
        return float("nan"), float("nan")
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _why_undefined(votes: Votes, patterns: Patterns) -> str:
    if not len(patterns.votes):
        return "no item has two votes, so nothing can be compared"
    used = np.flatnonzero(np.asarray(patterns.counts.sum(axis=0)).ravel() > 0)
    if len(used) == 1:
        return f"everybody chose the same class, {votes.classes[used[0]]!r}"
    return ""


def _checked_values(level: str, values: np.ndarray | None, n_classes: int) -> np.ndarray | None:
    if level not in LEVELS:
        raise SettingsError(f"level {level!r} is not known; known: {', '.join(LEVELS)}")
    if level != "interval":
        return None
    if values is None or np.shape(values) != (n_classes,) or not np.isfinite(values).all():
        raise SettingsError(f"level interval needs one finite number a class ({n_classes}), not {values}")
    return np.asarray(values, dtype=float)
