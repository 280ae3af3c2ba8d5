"""Dawid and Skene's model with priors learned from the crowd: who has said little is like the rest."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration, conclude
from labelloop.fusion.expectation_maximisation import Answers, answers_of
from labelloop.fusion.fitting import check_stopping, check_weight, fit
from labelloop.fusion.map_dawid_skene import likely_rates
from labelloop.fusion.one_coin import coin_rates

LEAST_PSEUDO_VOTES = 1e-3
"""Pseudo-votes for every wrong answer, so that no rate is 0 where skill and crowd both say so."""


def pooled_dawid_skene(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    skill_weight: float = 3.0,
    crowd_weight: float = 3.0,
    item_prior: np.ndarray | None = None,
    warm_start: np.ndarray | None = None,
    max_iter: int = 100,
    tol: float = 1e-5,
    blend_votes: bool = False,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by the model of `map_dawid_skene` with a prior that the votes themselves suggest.

    A first fit of `one_coin` gives each annotator's share of right answers r_a and, over all annotators, the
    chance M_kl that somebody calls class k l. The prior of a's confusion matrix is then worth
    `skill_weight` votes by r_a and `crowd_weight` votes by M::

        d_akl = skill_weight * (r_a if k = l else (1 - r_a) / (K - 1)) + crowd_weight * M_kl

    So an annotator with few votes is judged by overall skill and by the confusions that everybody shares,
    and one with many votes by their own. It is the most accurate at few votes an item or an annotator. The
    prior stays as the first fit left it, so what never falls in the second is the log posterior under it.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class.
        skill_weight: pseudo-votes a class for the annotator's own skill; above 0.
        crowd_weight: pseudo-votes a class for the crowd's confusions; above 0.
        item_prior: shape (n_items, n_classes); see `dawid_skene`.
        warm_start: shape (n_items, n_classes); see `dawid_skene`.
        max_iter: iterations at most.
        tol: stop when the log posterior rises by less than this, in nats an item.
        blend_votes: take the geometric mean with the smoothed shares of votes.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Source: empirical Bayes after Efron and Morris (1973) for the model of Dawid and Skene (1979); a shared
    prior on confusion matrices as in Paun et al. (2018), Comparing Bayesian models of annotation.
    """
    check_stopping(max_iter, tol)
    check_calibration(blend_votes, temperature)
    check_weight("skill_weight", skill_weight)
    check_weight("crowd_weight", crowd_weight)
    answers = answers_of(votes)

    def run(gold: np.ndarray | None, warm_start: np.ndarray | None) -> np.ndarray:
        first = fit(
            votes, answers, coin_rates(answers, 1.0), gold=gold, item_prior=item_prior, warm_start=None,
            class_weight=None, max_iter=max_iter, tol=tol,
        )  # fmt: skip
        prior = crowd_prior(answers, first.posterior, skill_weight, crowd_weight)
        return fit(
            votes, answers, likely_rates(answers, *prior), gold=gold, item_prior=item_prior,
            warm_start=warm_start, class_weight=1.0, max_iter=max_iter, tol=tol,
        ).posterior  # fmt: skip

    return conclude(
        votes, run, "pooled_dawid_skene/1", gold=gold, warm_start=warm_start, blend_votes=blend_votes,
        temperature=temperature,
    )  # fmt: skip


def crowd_prior(
    answers: Answers, posterior: np.ndarray, skill_weight: float, crowd_weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """`prior` and `whole` of `likely_rates`; see `pooled_dawid_skene`."""
    n_classes = answers.n_classes
    counts = np.asarray(answers.matrix.T @ posterior, dtype=np.float64)
    # Two right votes and a wrong one to begin with: people are better than chance.
    skill = (answers.by_annotator(counts[answers.diagonal]) + 2) / (
        answers.by_annotator(counts.sum(axis=1)) + 3
    )
    crowd = np.full((n_classes, n_classes), 0.5)
    np.add.at(crowd, answers.label, counts)
    crowd /= crowd.sum(axis=0)
    wrong = skill_weight * (1 - skill) / max(n_classes - 1, 1) + LEAST_PSEUDO_VOTES
    right = skill_weight * skill
    prior = np.repeat(wrong[answers.annotator, None], n_classes, axis=1)
    prior[answers.diagonal] = right[answers.annotator]
    prior += crowd_weight * crowd[answers.label]
    whole = np.repeat((right + (n_classes - 1) * wrong + crowd_weight)[:, None], n_classes, axis=1)
    return prior, whole
