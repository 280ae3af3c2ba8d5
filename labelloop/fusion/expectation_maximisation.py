"""Expectation-maximisation over votes, for any model in which annotators err independently of each other.

Votes become a sparse matrix with a row an item and a column each pair of annotator and label that occurs, so
the expectation step is one product with the log rates of those pairs, and the maximisation step one product
of its transpose with the posterior. How rates follow from expected counts is what the models differ in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from labelloop.errors import DataError
from labelloop.fusion.base import Votes

SINGLE_PRECISION_FROM = 1_000_000
"""Items from which on float32 is used: half the memory, and posteriors that agree to about 1e-5."""
MOST_RATES = 100_000_000
"""Rates (annotator, label, class) that are held at most; 800 MB."""

Estimate = Callable[[np.ndarray], tuple[np.ndarray, float]]
"""Expected counts, shape (n_pairs, n_classes), to the log rates of the same shape and their log prior."""


@dataclass(frozen=True)
class Answers:
    """Votes as a sparse matrix."""

    matrix: sparse.csr_array
    """Shape (n_items, n_pairs): 1 where the item got that label from that annotator."""
    annotator: np.ndarray
    """Shape (n_pairs,), ascending: index into `present`."""
    label: np.ndarray
    """Shape (n_pairs,): index into the classes; ascending within an annotator."""
    start: np.ndarray
    """Shape (n_present,): the first pair of each annotator."""
    present: np.ndarray
    """Shape (n_present,): codes of the annotators with at least one vote."""
    n_classes: int

    def by_annotator(self, counts: np.ndarray) -> np.ndarray:
        """Sum rows of pairs, shape (n_pairs, ...), into rows of annotators, shape (n_present, ...)."""
        sums: np.ndarray = np.add.reduceat(counts, self.start, axis=0)
        return sums

    @property
    def diagonal(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each pair's right answer in an array of shape (n_pairs, n_classes)."""
        return np.arange(len(self.label)), self.label


@dataclass(frozen=True)
class Fit:
    """Where expectation-maximisation ended."""

    posterior: np.ndarray
    """Shape (n_items, n_classes), float32 or float64."""
    log_rates: np.ndarray
    """Shape (n_pairs, n_classes): log chance that this annotator gives this label, by true class."""
    objective: tuple[float, ...]
    """Log likelihood plus log prior before each update of the rates, in nats; never falls."""
    converged: bool


def answers_of(votes: Votes) -> Answers:
    """The sparse matrix of votes; the same for any order of the votes.

    Raises:
        DataError: there are so many annotators and classes that the rates would not fit into memory.
    """
    n_items, n_classes = len(votes.items), len(votes.classes)
    pair, column = np.unique(votes.annotator * n_classes + votes.label, return_inverse=True)
    if len(pair) * n_classes > MOST_RATES:
        raise DataError(
            f"{len(pair)} pairs of annotator and label times {n_classes} classes are more error rates than "
            "can be estimated or held; fuse with majority"
        )
    ones = np.ones(len(column), dtype=np.float32 if n_items >= SINGLE_PRECISION_FROM else np.float64)
    matrix = sparse.csr_array((ones, (votes.item, column)), shape=(n_items, len(pair)))
    matrix.sort_indices()
    present, start, annotator = np.unique(pair // n_classes, return_index=True, return_inverse=True)
    return Answers(matrix, annotator, pair % n_classes, start, present, n_classes)


def rates_of(votes: Votes) -> int:
    """How many error rates a confusion matrix for each annotator has, over labels that they used."""
    n_classes = len(votes.classes)
    return len(np.unique(votes.annotator * n_classes + votes.label)) * n_classes


def vote_shares(votes: Votes) -> np.ndarray:
    """Each class's share of an item's votes, even where there are none.

    Returns:
        Shape (n_items, n_classes), float32 from `SINGLE_PRECISION_FROM` items on, float64 below.
    """
    n_items, n_classes = len(votes.items), len(votes.classes)
    dtype = np.float32 if n_items >= SINGLE_PRECISION_FROM else np.float64
    counts = np.bincount(votes.item * n_classes + votes.label, minlength=n_items * n_classes)
    shares: np.ndarray = counts.reshape(n_items, n_classes).astype(dtype)
    total = shares.sum(axis=1, keepdims=True)
    shares += total == 0
    shares /= np.where(total == 0, n_classes, total)
    return shares


def expectation_maximisation(
    answers: Answers,
    start: np.ndarray,
    estimate: Estimate,
    *,
    gold: np.ndarray | None = None,
    item_prior: np.ndarray | None = None,
    class_weight: float | None = 0.0,
    max_iter: int = 100,
    tol: float = 1e-5,
) -> Fit:
    """Alternate between rates given labels and labels given rates.

    With q the posterior, X the matrix of answers, R the log rates and p the shares of the classes::

        R = estimate(X' q);  p_k = (sum_i q_ik + w) / (n + K w);  q = softmax(X R + log p)

    in log space with the greatest of each row taken off, so that no number of votes underflows.

    Args:
        start: shape (n_items, n_classes): the first q. Overwritten.
        gold: shape (n_items,): true classes, -1 where unknown; their q stays with the truth.
        item_prior: shape (n_items, n_classes): takes p's place, item by item; rows of NaN keep p,
            which is then the shares among those items alone.
        class_weight: w; None keeps p even.
        max_iter: expectation steps at most.
        tol: stop when the objective rises by less than this, in nats an item.

    Source: Dempster, Laird and Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm.
    """
    n_items, n_classes = start.shape
    known = np.flatnonzero(gold >= 0) if gold is not None else np.empty(0, dtype=np.int64)
    truth = gold[known] if gold is not None else known
    own = _own_prior(item_prior, start.dtype)
    transposed = answers.matrix.T.tocsr()
    q = start
    _clamp(q, known, truth)
    objective: list[float] = []
    log_rates = np.empty((len(answers.label), n_classes), dtype=start.dtype)
    converged = n_items == 0
    while not converged and len(objective) < max_iter:
        log_rates, log_prior_of_rates = estimate(np.asarray(transposed @ q, dtype=np.float64))
        log_p, log_prior_of_p = _log_shares(q if own is None else q[own.without], class_weight)
        q = answers.matrix @ log_rates.astype(start.dtype)
        _add_prior(q, log_p.astype(start.dtype), own)
        likely = q[known, truth].sum(dtype=np.float64)
        evidence = _softmax(q)
        total = evidence.sum(dtype=np.float64) - evidence[known].sum(dtype=np.float64) + likely
        _clamp(q, known, truth)
        objective.append(float(total + log_prior_of_rates + log_prior_of_p))
        converged = len(objective) > 1 and objective[-1] - objective[-2] < tol * n_items
    return Fit(q, log_rates, tuple(objective), converged)


def _log_shares(q: np.ndarray, weight: float | None) -> tuple[np.ndarray, float]:
    n_items, n_classes = q.shape
    if weight is None or not n_items:
        return np.full(n_classes, -np.log(n_classes)), 0.0
    shares = (q.sum(axis=0, dtype=np.float64) + weight) / (n_items + n_classes * weight)
    # A class that nobody chose and no prior allows has log 0: it stays out.
    with np.errstate(divide="ignore"):
        log_shares = np.log(shares)
    return log_shares, float(weight * log_shares.sum()) if weight else 0.0


@dataclass(frozen=True)
class _OwnPrior:
    given: np.ndarray
    """Positions of the items with a prior of their own."""
    without: np.ndarray
    """Positions of the others."""
    log: np.ndarray
    """Shape (n_given, n_classes)."""


def _own_prior(prior: np.ndarray | None, dtype: np.dtype[np.floating]) -> _OwnPrior | None:
    if prior is None:
        return None
    missing = np.isnan(prior).any(axis=1)
    given = np.flatnonzero(~missing)
    # No model is so sure that no number of people could overrule it.
    log = np.log(np.maximum(prior[given], 1e-10)).astype(dtype)
    return _OwnPrior(given, np.flatnonzero(missing), log)


def _add_prior(scores: np.ndarray, log_p: np.ndarray, own: _OwnPrior | None) -> None:
    if own is None:
        scores += log_p
        return
    scores[own.given] += own.log
    scores[own.without] += log_p


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Turn log scores into probabilities in place; return the log of each row's sum."""
    greatest = scores.max(axis=1, keepdims=True)
    scores -= greatest
    np.exp(scores, out=scores)
    total = scores.sum(axis=1, keepdims=True)
    scores /= total
    logs: np.ndarray = np.log(total[:, 0]) + greatest[:, 0]
    return logs


def _clamp(q: np.ndarray, known: np.ndarray, truth: np.ndarray) -> None:
    q[known] = 0
    q[known, truth] = 1
