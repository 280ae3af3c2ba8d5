"""Watching what was accepted: a test that may be looked at after every audited label.

Of x wrong among t audited labels, the evidence that more than the target share alpha is wrong is the mixture
of likelihood ratios over all shares p above alpha::

    E_t = integral from alpha to 1 of p^x (1 - p)^(t - x) dp / ((1 - alpha) alpha^x (1 - alpha)^(t - x))

As long as each audited label is wrong with a chance of at most alpha, E_t is a nonnegative supermartingale
that begins at 1, so the chance that it ever reaches 1 / delta is at most delta, however often one looks
(Ville's inequality). A certificate is revoked when it does.

Sources: Ville (1939); Robbins (1970), Statistical methods related to the law of the iterated logarithm;
Ramdas, Gruenwald, Vovk and Shafer (2023), Game-theoretic statistics and safe anytime-valid inference.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from labelloop.annotators.drift import bernoulli_cusum, limit_for
from labelloop.evaluation.intervals import wilson

WATCHED = 1000
"""Audited labels for which the chance of a false alarm of `gets_worse` is told."""


@dataclass(frozen=True)
class Audit:
    """What audited labels say so far."""

    audited: int
    errors: int
    error: float | None
    low: float | None
    """Wilson's 95% interval of the wrong share; for reading, not for the decision."""
    high: float | None
    evidence: float
    """E_t now."""
    greatest: float
    """The greatest E_t so far; the certificate falls when it reaches `limit`."""
    limit: float
    breach_at: int | None
    """Audited labels up to and with the breach; None without one."""


def audit(wrong: np.ndarray, target: float, delta: float) -> Audit:
    """Judge audited labels.

    Args:
        wrong: shape (n_audited,), bool, in the order in which they were audited.
        target: alpha of the certificate.
        delta: chance of revoking a certificate that holds, over all looks.
    """
    wrong = np.asarray(wrong, dtype=bool)
    n, errors = len(wrong), int(wrong.sum())
    log_path = log_evidence(np.cumsum(wrong), np.arange(1, n + 1), target)
    limit = 1 / delta
    reached = np.flatnonzero(log_path >= math.log(limit))
    low, high = wilson(errors, n) if n else (None, None)
    return Audit(
        audited=n,
        errors=errors,
        error=errors / n if n else None,
        low=low,
        high=high,
        evidence=_exponential(log_path[-1]) if n else 1.0,
        greatest=max(_exponential(log_path.max()), 1.0) if n else 1.0,
        limit=limit,
        breach_at=int(reached[0]) + 1 if len(reached) else None,
    )


def watch(wrong: np.ndarray, target: float, delta: float) -> tuple[Audit, int | None]:
    """Both tests of a campaign's audited labels, each with half of the chance to be wrong.

    Args:
        delta: chance that either speaks of labels that hold the target; see `gets_worse` for how long.

    Returns:
        What `audit` and `gets_worse` say.
    """
    return audit(wrong, target, delta / 2), gets_worse(wrong, target, delta / 2)


def gets_worse(wrong: np.ndarray, target: float, chance: float) -> int | None:
    """Whether audited labels that had held the target came to break it.

    The evidence of `audit` is about all audited labels together, so a long good time hides a bad one for
    long. This is the cumulative sum for a change from the target to twice as many wrong (`bernoulli_cusum`),
    which forgets what was good.

    Args:
        wrong: shape (n_audited,), bool, in the order in which they were audited.
        chance: of an alarm among `WATCHED` labels of which just the target share is wrong.

    Returns:
        Audited labels up to and with the alarm; None without one.
    """
    if not len(wrong):
        return None
    usual, bad = 1 - target, 1 - 2 * target
    return bernoulli_cusum(~np.asarray(wrong, dtype=bool), usual, bad, _limit(target, chance)).alarm


@functools.lru_cache(maxsize=64)
def _limit(target: float, chance: float) -> float:
    return limit_for(1 - target, 1 - 2 * target, WATCHED, chance)


def log_evidence(errors: np.ndarray, audited: np.ndarray, target: float) -> np.ndarray:
    """log E_t for each number of errors and audited labels; see the module."""
    a, b = errors + 1.0, audited - errors + 1.0
    with np.errstate(divide="ignore"):
        above = special.betaln(a, b) + np.log(special.betaincc(a, b, target))
    null = errors * math.log(target) + (audited - errors) * math.log1p(-target)
    logs: np.ndarray = above - math.log1p(-target) - null
    return logs


def _exponential(log: float) -> float:
    return float(math.exp(min(log, 700.0)))
