"""A learning curve as a power law with an asymptote, with what is not known about it.

accuracy(n) = a - b n^-c. Few rounds say little about a, b and c, and least squares alone would hide that. So
the curve is fitted by weighted least squares for b on a grid of (a, c, noise), every point of the grid is
weighted by how well it explains the rounds (the marginal likelihood, b integrated out), and forecasts are
drawn from the whole grid. A round's accuracy varies with the draw of its labels, the more the fewer labels
there are: the noise's variance goes with 1/n, relative to the newest round.

Real curves are no power laws all the way. What they do beyond the fit is a random walk in log n, with a
step that was chosen on campaigns other than those that `bench/forecast.py` reports on (seeds 0 to 2).

Source: the family is Figueroa et al. (2012), Predicting sample size required for classification performance,
and Viering and Loog (2022), The shape of learning curves: a review, where the shifted law is POW4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError

FEWEST_ROUNDS = 4
"""Rounds with different numbers of labels below which nothing is fitted: the curve alone has 3 parameters."""
EXPONENTS = np.geomspace(0.1, 2.0, 25)
ASYMPTOTES = 40
NOISES = np.geomspace(0.004, 0.06, 12)
"""Standard deviations of the newest round's accuracy around the curve."""
DRIFT = 0.6
"""Step of the walk: its standard deviation after a doubling of the labels is this part of what a doubling
brings by the fitted curve."""


@dataclass(frozen=True)
class CurveFit:
    """Draws from what the rounds leave possible: shape (draws,) each."""

    asymptote: np.ndarray
    scale: np.ndarray
    exponent: np.ndarray
    shift: np.ndarray
    noise: np.ndarray
    labels: float
    """Of the newest round."""
    accuracy: float
    """Of the newest round."""

    def accuracy_at(self, labels: np.ndarray) -> np.ndarray:
        """The fitted curves, without noise: shape (draws, len(labels))."""
        power = (np.asarray(labels, dtype=np.float64) + self.shift[:, None]) ** -self.exponent[:, None]
        return np.asarray(self.asymptote[:, None] - self.scale[:, None] * power)


def fit_curve(
    labels: np.ndarray,
    accuracy: np.ndarray,
    *,
    draws: int,
    seed: int,
    shifts: Sequence[float] = (0.0,),
) -> CurveFit:
    """Fit the rounds of a campaign.

    Args:
        labels: shape (n,), ascending, above 0.
        accuracy: shape (n,), in [0, 1].
        draws: how many curves to draw.
        seed: the same seed gives the same curves.
        shifts: values of d in accuracy(n) = a - b (n + d)^-c, in units of the newest round's labels. With d
            above 0 a curve may begin as a straight line, and come to rest sooner than its beginning shows.

    Raises:
        DataError: fewer than `FEWEST_ROUNDS` different numbers of labels.
    """
    labels, accuracy = np.asarray(labels, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    if len(np.unique(labels)) < FEWEST_ROUNDS or labels.min() <= 0:
        raise DataError(
            f"a learning curve of {len(np.unique(labels))} different numbers of labels above 0 cannot be "
            f"fitted; it takes {FEWEST_ROUNDS}"
        )
    last = labels[-1]
    weight = labels / last
    # (shift, a, c, noise) -> axes 0 to 3; where rounds are an axis, it is the last.
    beyond = np.asarray(shifts, dtype=np.float64)
    a = np.linspace(max(accuracy[-1] - 0.03, 0.05), 1.0, ASYMPTOTES)
    reach = (labels[None, :] / last + beyond[:, None]) / (1 + beyond[:, None])
    power = reach[:, None, :] ** -EXPONENTS[:, None]
    gap = a[:, None] - accuracy[None, :]
    squares = (weight * power**2).sum(axis=2)
    best = np.einsum("n,an,scn->sac", weight, gap, power) / squares[:, None, :]
    rest = (weight * (gap[None, :, None, :] - best[..., None] * power[:, None]) ** 2).sum(axis=3)
    count = len(labels)
    rising = best > 0
    log_weight = (
        -0.5 * rest[..., None] / NOISES**2
        - (count - 1) * np.log(NOISES)
        - 0.5 * np.log(squares)[:, None, :, None]
        # A falling curve is no learning curve; where no other fits, it is a flat one (`scale` below).
        + np.where(rising if rising.any() else ~rising, 0.0, -np.inf)[..., None]
    )
    chance = np.exp(log_weight - log_weight.max()).ravel()
    rng = np.random.default_rng(seed)
    at = rng.choice(len(chance), size=draws, p=chance / chance.sum())
    shifted, row, column, level = np.unravel_index(at, log_weight.shape)
    noise = NOISES[level]
    spread = noise / np.sqrt(squares[shifted, column])
    scale = np.maximum(best[shifted, row, column] + rng.normal(size=draws) * spread, 1e-6)
    step = a[1] - a[0]
    asymptote = np.minimum(a[row] + (rng.random(draws) - 0.5) * step, 1.0)
    exponent, shift = EXPONENTS[column], beyond[shifted] * last
    scale = scale * (last + shift) ** exponent
    return CurveFit(asymptote, scale, exponent, shift, noise, float(last), float(accuracy[-1]))


def paths(fit: CurveFit, labels: np.ndarray, *, seed: int, noisy: bool = True) -> np.ndarray:
    """Measured accuracies of rounds to come, as the draws have them: shape (draws, len(labels)).

    Args:
        labels: shape (n,), ascending, above the newest round's.
        noisy: as a round would measure them; False leaves out the luck of a single round.
    """
    labels = np.asarray(labels, dtype=np.float64)
    rng = np.random.default_rng(seed + 1)
    draws = len(fit.noise)
    curve = fit.accuracy_at(labels)
    now, doubled = fit.accuracy_at(np.array([fit.labels, 2 * fit.labels])).T
    steps = np.sqrt(np.diff(np.log2(np.append(fit.labels, labels))))
    walk = np.cumsum(rng.normal(size=(draws, len(labels))) * steps, axis=1)
    found = curve + DRIFT * np.maximum(doubled - now, 0.002)[:, None] * walk
    if noisy:
        found += rng.normal(size=(draws, len(labels))) * fit.noise[:, None] * np.sqrt(fit.labels / labels)
    return np.clip(found, 0.0, 1.0)
