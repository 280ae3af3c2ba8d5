"""Stopping by what the models say, without a test set: predictions that no longer change have been taught.

All of it looks at the same items after every round: a stop set, drawn at random from the pool before the
campaign began and never asked about on its account. The larger it is the surer; 2,000 items are usual.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError

KAPPA, WINDOW, UNCHANGED = 0.99, 3, 2


@dataclass(frozen=True)
class Stability:
    """Whether predictions have come to rest."""

    stop: bool
    value: float
    """What was measured: mean kappa, or the largest share of changed predictions. NaN with too few rounds."""
    bound: float
    """How far F1 may still be from the next model's, at most; NaN where there is no such bound."""
    sentence: str


def stabilizing_predictions(
    rounds: Sequence[np.ndarray], *, kappa: float = KAPPA, window: int = WINDOW
) -> Stability:
    """Stop once the mean kappa of neighbouring rounds' predictions reached a threshold over a window.

    Args:
        rounds: predicted class codes of the stop set, oldest round first; shape (n,) each, the same items in
            the same order.
        kappa: threshold of Cohen's kappa, in (0, 1].
        window: pairs of neighbouring rounds that are averaged.

    Returns:
        With `bound`, 4 (1 - T) / T at the measured mean T: how far F1 of neighbouring models differs at most.

    Raises:
        DataError: rounds speak of different numbers of items, or of none.

    Source: Bloodgood and Vijay-Shanker (2009), A method for stopping active learning based on stabilizing
    predictions; the bound Bloodgood and Grothendieck (2013), Analysis of stopping active learning based on
    stabilizing predictions, and Altschuler and Bloodgood (2019).
    """
    _check(rounds)
    pairs = [cohen_kappa(a, b) for a, b in itertools.pairwise(rounds)][-window:]
    if len(pairs) < window:
        return Stability(False, float("nan"), float("nan"), _too_few(len(rounds), window + 1))
    mean = float(np.mean(pairs))
    bound = 4 * (1 - mean) / mean if mean > 0 else float("inf")
    holds = mean >= kappa
    return Stability(
        holds,
        mean,
        bound,
        f"Predictions of {len(rounds[0])} items agree with a mean kappa of {mean:.4f} over the last {window} "
        f"rounds, {'at least' if holds else 'below'} {kappa:g}; F1 differs from the round before's by "
        f"{min(bound, 1):.3f} at most.",
    )


def classification_change(rounds: Sequence[np.ndarray], *, unchanged: int = UNCHANGED) -> Stability:
    """Stop once no prediction of the stop set has changed in so many rounds in a row.

    Args:
        rounds: as `stabilizing_predictions`.
        unchanged: neighbouring pairs of rounds that must be equal.

    Raises:
        DataError: as `stabilizing_predictions`.

    Source: Zhu, Wang and Hovy (2008), Multi-criteria-based strategy to stop active learning for data
    annotation.
    """
    _check(rounds)
    changes = [float((a != b).mean()) for a, b in itertools.pairwise(rounds)][-unchanged:]
    if len(changes) < unchanged:
        return Stability(False, float("nan"), float("nan"), _too_few(len(rounds), unchanged + 1))
    worst = max(changes)
    said = f"at most {worst:.2%} of {len(rounds[0])} predictions changed from one round to the next"
    return Stability(worst == 0, worst, float("nan"), f"Over the last {unchanged} rounds {said}.")


def overall_uncertainty(probabilities: np.ndarray, *, threshold: float = 0.05) -> Stability:
    """Stop once the model's mean doubt, 1 less the likeliest class's probability, is below a threshold.

    It believes the model: a model that is too sure of itself stops too early, so read it with one of the
    others.

    Args:
        probabilities: shape (n, n_classes), of the stop set after the newest round.
        threshold: in [0, 1].

    Source: Zhu, Wang and Hovy (2008), see `classification_change`.
    """
    if len(probabilities) == 0:
        raise DataError("the stop set is empty, so nothing can be said of it; draw some items of the pool")
    mean = float((1 - probabilities.max(axis=1)).mean(dtype=np.float64))
    word = "below" if mean < threshold else "not below"
    sentence = f"The model's mean doubt of {len(probabilities)} items is {mean:.4f}, {word} {threshold:g}."
    return Stability(mean < threshold, mean, float("nan"), sentence)


def cohen_kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Agreement of two lists of class codes beyond chance; 1 where both say one and the same class.

    Source: Cohen (1960), A coefficient of agreement for nominal scales.
    """
    classes = int(max(one.max(), other.max())) + 1
    agreed = float((one == other).mean())
    shares = (np.bincount(codes, minlength=classes) / len(codes) for codes in (one, other))
    chance = float(np.dot(*shares))
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def _check(rounds: Sequence[np.ndarray]) -> None:
    sizes = {len(codes) for codes in rounds}
    if len(sizes) > 1 or 0 in sizes:
        raise DataError(
            f"predictions of {sorted(sizes)} items were given; every round must speak of the same items of "
            "the stop set, and of one at least"
        )


def _too_few(rounds: int, needed: int) -> str:
    return f"{rounds} rounds are too few to tell whether predictions have come to rest; it takes {needed}."
