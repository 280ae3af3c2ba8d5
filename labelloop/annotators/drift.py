"""Whether somebody's accuracy changed while they worked.

Two questions, two forms of the cumulative sum. `change_point` looks back over all outcomes and asks whether
their order could be chance; it needs no idea of how good somebody should be. `bernoulli_cusum` watches
outcomes as they come, against an accuracy that was expected, and raises an alarm at a limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labelloop.errors import SettingsError

LEAST_OUTCOMES = 20
MOST_POINTS = 60
STEPS, STEPS_OF_WRONG = 8, 100
"""Steps into which the evidence of a right outcome is cut at most when a limit is computed, and that of a
wrong outcome at least, unless the first does not allow it."""
MOST_STATES = 8192
"""Steps up to a limit for which its chance is computed; where there were more, the limit is a bound."""


@dataclass(frozen=True)
class Change:
    """The likeliest moment at which accuracy fell."""

    outcomes: int
    p_value: float
    """Chance of so great a fall, if the order of the outcomes means nothing; NaN below `LEAST_OUTCOMES`."""
    at: int
    """Outcomes before the fall."""
    before: float
    """Accuracy up to there."""
    after: float
    path: tuple[float, ...] = ()
    """The cumulative sum in units of D, at most `MOST_POINTS` of it, evenly spaced."""


def change_point(correct: np.ndarray, usual: np.ndarray | None = None) -> Change:
    """The fall in accuracy that the order of outcomes shows best.

    With e_t = usual_t - correct_t, its mean m and deviation s over n outcomes, the statistic is::

        D = max_t -(sum of e_u - m over u <= t) / (s sqrt(n))

    If the order means nothing, D is at most the maximum of a Brownian bridge, P(D > d) <= exp(-2 d^2).

    Args:
        correct: shape (n_outcomes,), bool or 0 and 1, in the order of time.
        usual: shape (n_outcomes,): how often others are right on items like these. Without it, or where it
            is the same for all, the test is exact enough for any n; with it, harder items are no fall.

    Source: the cumulative-sum test for a change at an unknown time; Page (1955), A test for a change in a
    parameter occurring at an unknown point; the limit is Kolmogorov's and Smirnov's one-sided one.
    """
    right = np.asarray(correct, dtype=float)
    n = len(right)
    mean = float(right.mean()) if n else float("nan")
    if n < LEAST_OUTCOMES:
        return Change(n, float("nan"), n, mean, float("nan"))
    error = (0.0 if usual is None else np.asarray(usual, dtype=float)) - right
    deviation = float(error.std())
    if deviation < 1e-9:
        return Change(n, 1.0, n, mean, float("nan"))
    missing = -np.cumsum(error - error.mean())[:-1]
    at = int(missing.argmax()) + 1
    d = max(float(missing[at - 1]), 0.0) / (deviation * math.sqrt(n))
    p_value = min(1.0, math.exp(-2 * d * d))
    shown = np.unique(np.linspace(0, n - 2, MOST_POINTS).round().astype(int))
    path = tuple(float(round(one, 4)) for one in missing[shown] / (deviation * math.sqrt(n)))
    return Change(n, p_value, at, float(right[:at].mean()), float(right[at:].mean()), path)


@dataclass(frozen=True)
class Cusum:
    """A running sum of evidence for the worse accuracy."""

    path: np.ndarray
    """Shape (n_outcomes,): the sum after each outcome."""
    limit: float
    alarm: int | None
    """Outcomes up to and with the first alarm; None without one."""


def bernoulli_cusum(
    correct: np.ndarray, expected: float = 0.92, unacceptable: float = 0.8, limit: float = 3.0
) -> Cusum:
    """Watch outcomes for a fall from `expected` to `unacceptable` accuracy.

    ::

        C_t = max(0, C_{t-1} + log(p1 / p0) if right, + log((1 - p1) / (1 - p0)) if wrong)

    With the defaults one false alarm is raised in about 460 outcomes; see `limit_for` for other rates.

    Args:
        correct: shape (n_outcomes,), in the order of time.
        expected: p0, accuracy when all is well.
        unacceptable: p1, below `expected`.
        limit: alarm at C_t of this or more.

    Source: Page (1954), Continuous inspection schemes; Reynolds and Stoumbos (1999), A CUSUM chart for
    monitoring a proportion when inspecting continuously.
    """
    right, wrong = _steps(expected, unacceptable)
    path = np.empty(len(correct))
    total = 0.0
    alarm = None
    for number, hit in enumerate(np.asarray(correct, dtype=bool)):
        total = max(0.0, total + (right if hit else wrong))
        path[number] = total
        if alarm is None and total >= limit:
            alarm = number + 1
    return Cusum(path, limit, alarm)


def limit_for(expected: float, unacceptable: float, outcomes: int, false_alarm: float = 0.01) -> float:
    """A limit at which somebody of `expected` accuracy is alarmed about with at most this chance.

    About the least such limit, unless the accuracies are so near 1 that computing it would take long. Then it
    is the bound from which the search begins. The sum of an alarm begins with a wrong outcome, after which
    the likelihood ratio is (1 - p1) / (1 - p0), so by Ville's inequality::

        P(alarm among n outcomes) <= n (1 - p0) (1 - p1) / (1 - p0) exp(-limit) = n (1 - p1) exp(-limit)

    Args:
        outcomes: how many outcomes will be watched.
        false_alarm: chance of an alarm among them.

    Source: the Markov chain of Brook and Evans (1972), An approach to the probability distribution of cusum
    run length; the evidence of a wrong outcome is rounded up, so the limit is on the safe side.
    """
    right, wrong = _steps(expected, unacceptable)
    # At a limit up to one wrong outcome's evidence the first of them alarms: none is lower in effect.
    low, high = 0.0, max(math.log(outcomes * (1 - unacceptable) / false_alarm), wrong)
    if high / _width(right, wrong) > MOST_STATES:
        return high
    while high - low > 0.05:
        middle = (low + high) / 2
        if _chance_of_alarm(expected, unacceptable, outcomes, middle) > false_alarm:
            low = middle
        else:
            high = middle
    return high


def _chance_of_alarm(expected: float, unacceptable: float, outcomes: int, limit: float) -> float:
    right, wrong = _steps(expected, unacceptable)
    width = _width(right, wrong)
    down = round(-right / width)
    n_states = max(math.ceil(limit / width), 1)
    up = min(math.ceil(wrong / width), n_states)
    chance = np.zeros(n_states)
    chance[0], alarmed = 1.0, 0.0
    for _ in range(outcomes):
        alarmed += (1 - expected) * float(chance[n_states - up :].sum())
        moved = np.zeros(n_states)
        moved[up:] = (1 - expected) * chance[: n_states - up]
        moved[: max(n_states - down, 0)] += expected * chance[down:]
        moved[0] += expected * float(chance[:down].sum())
        chance = moved
    return alarmed


def _width(right: float, wrong: float) -> float:
    """One step of evidence, of which that of a right outcome is a whole number."""
    return -right / min(max(math.ceil(-right * STEPS_OF_WRONG / wrong), 1), STEPS)


def _steps(expected: float, unacceptable: float) -> tuple[float, float]:
    if not 0 < unacceptable < expected < 1:
        raise SettingsError(
            f"drift is watched for from accuracy {expected:g} to {unacceptable:g}; the second must be lower, "
            "and both between 0 and 1"
        )
    return math.log(unacceptable / expected), math.log((1 - unacceptable) / (1 - expected))
