"""Dawid and Skene's model with priors on the confusion matrices: annotators are taken for able at first."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration, conclude
from labelloop.fusion.expectation_maximisation import Answers, Estimate, answers_of
from labelloop.fusion.fitting import check_stopping, check_weight, fit

DIAGONAL = 2.0
OFF_DIAGONAL = 0.1


def map_dawid_skene(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    diagonal: float = DIAGONAL,
    off_diagonal: float | None = None,
    item_prior: np.ndarray | None = None,
    warm_start: np.ndarray | None = None,
    max_iter: int = 100,
    tol: float = 1e-5,
    blend_votes: bool = False,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by the model of `dawid_skene` with a Dirichlet prior on each row of each confusion matrix.

    The prior weighs as much as `diagonal` right votes on every class and `off_diagonal` votes for each wrong
    one, so whoever has said little is taken for able, and no matrix can turn over without evidence::

        C_akl = (sum over a's votes l of q_ik + d_kl) / (sum over all a's votes of q_ik + sum_l d_kl)

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class.
        diagonal: pseudo-votes for the right class; above 0.
        off_diagonal: pseudo-votes for each wrong class; above 0. None is 0.1, or less where there are so many
            classes that the wrong ones together would weigh more than half of `diagonal`.
        item_prior: shape (n_items, n_classes); see `dawid_skene`.
        warm_start: shape (n_items, n_classes); see `dawid_skene`.
        max_iter: iterations at most.
        tol: stop when the log posterior rises by less than this, in nats an item.
        blend_votes: take the geometric mean with the smoothed shares of votes.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Source: the maximum a posteriori form of Dawid and Skene (1979); priors as in Kim and Ghahramani (2012),
    Bayesian classifier combination.
    """
    check_stopping(max_iter, tol)
    check_calibration(blend_votes, temperature)
    check_weight("diagonal", diagonal)
    if off_diagonal is None:
        off_diagonal = usual_off_diagonal(diagonal, len(votes.classes))
    check_weight("off_diagonal", off_diagonal)
    answers = answers_of(votes)
    estimate = likely_rates(answers, *same_prior(answers, diagonal, off_diagonal))

    def run(gold: np.ndarray | None, warm_start: np.ndarray | None) -> np.ndarray:
        return fit(
            votes, answers, estimate, gold=gold, item_prior=item_prior, warm_start=warm_start,
            class_weight=1.0, max_iter=max_iter, tol=tol,
        ).posterior  # fmt: skip

    return conclude(
        votes, run, "map_dawid_skene/1", gold=gold, warm_start=warm_start, blend_votes=blend_votes,
        temperature=temperature,
    )  # fmt: skip


def usual_off_diagonal(diagonal: float, n_classes: int) -> float:
    """See `off_diagonal` of `map_dawid_skene`."""
    return min(OFF_DIAGONAL, diagonal / 2 / max(n_classes - 1, 1))


def likely_rates(answers: Answers, prior: np.ndarray, whole: np.ndarray) -> Estimate:
    """Expected counts to rates under a Dirichlet prior.

    Labels that an annotator never used have no row in the counts; their pseudo-votes are in `whole`. The log
    prior is up to a constant.

    Args:
        prior: shape (n_pairs, n_classes): pseudo-votes of each annotator and label, by true class.
        whole: shape (n_present, n_classes): pseudo-votes of each annotator over all labels, by true class.
    """
    unused = whole - answers.by_annotator(prior) if len(prior) else whole

    def estimate(counts: np.ndarray) -> tuple[np.ndarray, float]:
        log_total = np.log(answers.by_annotator(counts) + whole)
        log_rates = np.log(counts + prior) - log_total[answers.annotator]
        return log_rates, float((prior * log_rates).sum() - (unused * log_total).sum())

    return estimate


def same_prior(answers: Answers, diagonal: float, off_diagonal: float) -> tuple[np.ndarray, np.ndarray]:
    """`prior` and `whole` of `likely_rates`, the same for every annotator and class."""
    n_classes = answers.n_classes
    prior = np.full((len(answers.label), n_classes), float(off_diagonal))
    prior[answers.diagonal] = diagonal
    whole = np.full((len(answers.start), n_classes), diagonal + (n_classes - 1) * off_diagonal)
    return prior, whole
