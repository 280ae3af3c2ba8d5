"""What a committee disagrees about: scores of several members' probabilities.

Members may be models trained on bootstrap samples of the labels, different learners, snapshots of one
training, or one network with dropout left on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labelloop.acquisition.streaming import CHUNK_NUMBERS

_TINY = np.finfo(np.float32).tiny

Formula = Callable[[np.ndarray], np.ndarray]
"""Takes shape (n_members, n_classes, k), float32, contiguous; gives shape (k,)."""


def bald(members: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score what a label would tell about the members: ``H(mean_m p_m) - mean_m H(p_m)``, over log n_classes.

    Args:
        members: shape (n_members, n, n_classes), rows sum to 1, may be memory-mapped.
        rows: shape (k,), int64, the rows to score; None for all.

    Returns:
        Shape (k,), float32, in [0, 1]: 0 where all members say the same, however doubtful.

    Source: Houlsby, Huszár, Ghahramani and Lengyel (2011), Bayesian active learning for classification and
    preference learning; with dropout Gal, Islam and Ghahramani (2017).
    """
    return score_members(_bald, members, rows)


def vote_entropy(members: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score the entropy of the members' votes, a vote being a member's likeliest class; over log n_classes.

    Arguments and result are those of `bald`. Of equally likely classes the first has the vote.

    Source: Dagan and Engelson (1995), Committee-based sampling for training probabilistic classifiers.
    """
    return score_members(_vote_entropy, members, rows)


def consensus_entropy(members: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score the entropy of the members' mean, ``H(mean_m p_m)``, over log n_classes; as `bald` otherwise.

    Source: Settles (2009), Active learning literature survey, soft vote entropy.
    """
    return score_members(_consensus_entropy, members, rows)


def mean_kl(members: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score how far members are from their mean: ``mean_m KL(p_m || mean)``, over log n_classes.

    Arguments and result are those of `bald`, and so is, on paper, the value: the two were found from
    different ends. It is computed from the ratios here, which keeps small values exact.

    Source: McCallum and Nigam (1998), Employing EM and pool-based active learning for text classification.
    """
    return score_members(_mean_kl, members, rows)


def member_variance(members: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score how far members scatter: ``sum_c Var_m p_m(c)`` over its largest value; as `bald` otherwise.

    With members of one network with dropout it is dropout's variance. It looks at the size of a difference,
    where `bald` looks at what it tells: 0.5 against 0.6 counts as much as 0.9 against 1.

    Source: Kampffmeyer, Salberg and Jenssen (2016), Semantic segmentation of small objects and modeling of
    uncertainty in urban remote sensing images; Gal, Islam and Ghahramani (2017) compare it with others.
    """
    return score_members(_member_variance, members, rows)


def score_members(formula: Formula, members: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """Apply `formula` chunk by chunk and clip to [0, 1]; shape (k,), float32.

    Memory: one chunk of all members beside the result.
    """
    pool = np.asarray(members)
    n_members, n, n_classes = pool.shape
    count = n if rows is None else len(rows)
    scores = np.empty(count, dtype=np.float32)
    # A quarter, because sums and differences of entropies are kept in float64.
    step = max(64, CHUNK_NUMBERS // 4 // max(1, n_members * n_classes))
    for start in range(0, count, step):
        stop = min(start + step, count)
        chunk = pool[:, start:stop] if rows is None else pool[:, rows[start:stop]]
        # Class by class and contiguous, so that a row's score does not depend on where in a chunk it is.
        scores[start:stop] = formula(np.ascontiguousarray(chunk.transpose(0, 2, 1), dtype=np.float32))
    return np.clip(scores, 0.0, 1.0, out=scores)


def _mean(by_member: np.ndarray) -> np.ndarray:
    total = np.zeros(by_member.shape[1:], dtype=np.float64)
    for member in by_member:
        total += member
    return total / len(by_member)


def _entropy(by_class: np.ndarray) -> np.ndarray:
    """Entropy over its largest value, in float64: differences of entropies are small."""
    total = np.zeros(by_class.shape[1], dtype=np.float64)
    if len(by_class) == 1:
        return total
    for column in by_class:
        total -= column * np.log(np.maximum(column, _TINY))
    return np.asarray(total / np.log(len(by_class)))


def _bald(by_member: np.ndarray) -> np.ndarray:
    expected = np.zeros(by_member.shape[2], dtype=np.float64)
    for member in by_member:
        expected += _entropy(member.astype(np.float64))
    return _entropy(_mean(by_member)) - expected / len(by_member)


def _consensus_entropy(by_member: np.ndarray) -> np.ndarray:
    return _entropy(_mean(by_member))


def _member_variance(by_member: np.ndarray) -> np.ndarray:
    mean, total = _mean(by_member), np.zeros(by_member.shape[2], dtype=np.float64)
    most_different = min(by_member.shape[:2])
    if most_different == 1:
        return total
    for member in by_member:
        for column, consensus in zip(member, mean, strict=True):
            total += np.square(column - consensus)
    return np.asarray(total / (len(by_member) * (1 - 1 / most_different)))


def _vote_entropy(by_member: np.ndarray) -> np.ndarray:
    votes = np.zeros(by_member.shape[1:], dtype=np.float64)
    everything = np.arange(votes.shape[1])
    for member in by_member:
        votes[member.argmax(axis=0), everything] += 1
    return _entropy(votes / len(by_member))


def _mean_kl(by_member: np.ndarray) -> np.ndarray:
    n_classes = by_member.shape[1]
    total = np.zeros(by_member.shape[2], dtype=np.float64)
    if n_classes == 1:
        return total
    mean = np.maximum(_mean(by_member), _TINY)
    for member in by_member:
        for column, consensus in zip(member, mean, strict=True):
            total += column * np.log(np.maximum(column, _TINY) / consensus)
    return np.asarray(total / (len(by_member) * np.log(n_classes)))
