"""One number an annotator: the chance to be right, whatever the class."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration, conclude
from labelloop.fusion.expectation_maximisation import Answers, Estimate, answers_of
from labelloop.fusion.fitting import check_stopping, check_weight, fit


def one_coin(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    smoothing: float = 1.0,
    item_prior: np.ndarray | None = None,
    warm_start: np.ndarray | None = None,
    max_iter: int = 100,
    tol: float = 1e-5,
    blend_votes: bool = False,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by a model in which annotator a is right with chance r_a, and errs evenly otherwise.

    With K classes, all equally frequent, and s the smoothing::

        r_a = (expected right votes + s) / (votes + 2 s);  q_ik ~ product of r_a or (1 - r_a) / (K - 1)

    Few numbers to learn, so it needs few votes; it cannot learn that somebody mixes up two classes.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class.
        smoothing: pseudo-votes, right and wrong each; above 0.
        item_prior: shape (n_items, n_classes); see `dawid_skene`.
        warm_start: shape (n_items, n_classes); see `dawid_skene`.
        max_iter: iterations at most.
        tol: stop when the log posterior rises by less than this, in nats an item.
        blend_votes: take the geometric mean with the smoothed shares of votes.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Source: Ghosh, Kale and McAfee (2011), Who moderates the moderators?; Zhang, Chen, Zhou and Jordan (2016),
    Spectral methods meet EM, section 5.
    """
    check_stopping(max_iter, tol)
    check_calibration(blend_votes, temperature)
    check_weight("smoothing", smoothing)
    answers = answers_of(votes)
    estimate = coin_rates(answers, smoothing)

    def run(gold: np.ndarray | None, warm_start: np.ndarray | None) -> np.ndarray:
        return fit(
            votes, answers, estimate, gold=gold, item_prior=item_prior, warm_start=warm_start,
            class_weight=None, max_iter=max_iter, tol=tol,
        ).posterior  # fmt: skip

    return conclude(
        votes, run, "one_coin/1", gold=gold, warm_start=warm_start, blend_votes=blend_votes,
        temperature=temperature,
    )  # fmt: skip


def coin_rates(answers: Answers, smoothing: float) -> Estimate:
    """Expected counts to the rates of annotators with one chance each."""
    wrong_classes = max(answers.n_classes - 1, 1)

    def estimate(counts: np.ndarray) -> tuple[np.ndarray, float]:
        right = answers.by_annotator(counts[answers.diagonal]) + smoothing
        every = answers.by_annotator(counts.sum(axis=1)) + 2 * smoothing
        log_right, log_wrong = np.log(right / every), np.log((every - right) / every)
        rates = np.repeat((log_wrong - np.log(wrong_classes))[answers.annotator, None], answers.n_classes, 1)
        rates[answers.diagonal] = log_right[answers.annotator]
        return rates, float(smoothing * (log_right + log_wrong).sum())

    return estimate
