"""Dawid and Skene's model: each annotator has a confusion matrix, found by maximum likelihood."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.expectation_maximisation import Answers, Estimate, answers_of
from labelloop.fusion.fitting import check_stopping, fit, fused

LEAST_COUNT = 1e-10
"""Expected counts below this are raised to it, so that one vote never rules a class out for good."""


def dawid_skene(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    item_prior: np.ndarray | None = None,
    warm_start: np.ndarray | None = None,
    max_iter: int = 100,
    tol: float = 1e-5,
) -> Fusion:
    """Fuse by the classical model, without priors.

    Annotator a gives label l to items of class k with the chance C_akl, and class k has the share p_k. Both
    are estimated with the labels by expectation-maximisation from the shares of votes::

        C_akl ~ sum over a's votes l of q_ik;  p_k = mean of q_ik;  q_ik ~ p_k * product of C_akl

    With few votes an annotator it overfits, and its posteriors are badly overconfident; it is here as the
    reference. `map_dawid_skene` is the one to use.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class.
        item_prior: shape (n_items, n_classes): chances of each class before any vote, such as those of a
            calibrated model that has not seen the item; takes the place of p. Rows of NaN keep p.
        warm_start: shape (n_items, n_classes): posterior to start from instead of the shares of votes; rows
            of NaN start from those. For a refit after a few more votes.
        max_iter: iterations at most.
        tol: stop when the log likelihood rises by less than this, in nats an item.

    Source: Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm.
    """
    check_stopping(max_iter, tol)
    answers = answers_of(votes)
    found = fit(
        votes, answers, most_likely_rates(answers), gold=gold, item_prior=item_prior, warm_start=warm_start,
        class_weight=0.0, max_iter=max_iter, tol=tol,
    )  # fmt: skip
    return fused(found.posterior, "dawid_skene/1", gold)


def most_likely_rates(answers: Answers) -> Estimate:
    """Expected counts to relative frequencies among the labels that an annotator used."""

    def estimate(counts: np.ndarray) -> tuple[np.ndarray, float]:
        counts = np.maximum(counts, LEAST_COUNT)
        log_total = np.log(answers.by_annotator(counts))
        return np.log(counts) - log_total[answers.annotator], 0.0

    return estimate
