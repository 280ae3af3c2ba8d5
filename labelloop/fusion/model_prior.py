"""A classifier as one more witness: how far its word may be taken as an item's prior, judged by the votes.

Where items have features, a model that was trained on other items' labels says something about an item that
no annotator of it has said. Two dangers are met here. It may be too sure, or not sure enough: a temperature
sets that right, the one under which the votes themselves are likeliest. And it may know nothing: unless it
makes the votes clearly likelier than the classes' shares do, it is not used at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from labelloop.fusion.base import Votes
from labelloop.fusion.calibration import tempered
from labelloop.fusion.expectation_maximisation import (
    Answers,
    Fit,
    answers_of,
    expectation_maximisation,
    vote_shares,
)
from labelloop.fusion.one_coin import coin_rates
from labelloop.fusion.prior_judge import Judgement

LEAST_ITEMS = 100
"""Items with votes and a prediction below which chance decides whether a model seems to help."""
LEAST_DEVIATIONS = 4.0
"""Standard errors by which the votes must be likelier with the model than without."""
MOST_ITEMS = 20_000
"""Items on which the temperature is fitted at most, evenly spread."""
TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 6.0, 10.0)


@dataclass(frozen=True)
class ModelPrior:
    """What became of a model's predictions."""

    rows: np.ndarray | None
    """Shape (n_items, n_classes): tempered predictions, NaN where there is none; None: not to be used."""
    start: np.ndarray | None
    """Like `rows`: a posterior to start from."""
    temperature: float
    gain: float
    """Nats an item by which the votes are likelier with the model; NaN where that was not found out."""
    reason: str
    apart_gains: np.ndarray | None = None
    """Shape (n_apart,): of each item that the model was kept out of, nats by which its votes are likelier."""
    judgement: Judgement | None = None
    """What known items say of it, where it was heard; see `prior_judge`."""


def tuned_prior(votes: Votes, predicted: np.ndarray, apart: np.ndarray | None = None) -> ModelPrior:
    """Set a model's confidence right and decide whether it may be a prior.

    With r the rates of `one_coin` and p the predictions, an item's evidence is log sum_k p_k^(1/T) / Z times
    the chance of its votes under class k. T is the one of `TEMPERATURES` with the greatest total, less
    log(T)^2 / 2; the gain is measured against the same with the classes' shares in p's place.

    Args:
        votes: coded votes.
        predicted: shape (n_items, n_classes), probabilities; rows of NaN where the model may not be asked.
            Each must come from a model that was trained without that item, or the model hears itself.
        apart: shape (n_items,), bool: items that get no prior, since nothing may be trained on them or heard
            about them; what is predicted of them tells whether it makes their votes likelier as well.

    Source: the experiment in docs/fusion.md; the model of Raykar et al. (2010), Learning from crowds, fitted
    in two steps.
    """
    asked, predicted = predicted, _without(predicted, apart)
    some = _part(votes, predicted)
    if some is None:
        return ModelPrior(None, None, 1.0, math.nan, f"fewer than {LEAST_ITEMS} items have a prediction")
    part, rows = some
    answers, shares = answers_of(part), vote_shares(part)
    estimate = coin_rates(answers, 1.0)

    def fitted(prior: np.ndarray | None, start: np.ndarray) -> Fit:
        return expectation_maximisation(
            answers, start.copy(), estimate, item_prior=prior, class_weight=None if prior is not None else 1.0
        )

    best, temperature, found = -math.inf, 1.0, None
    for candidate in TEMPERATURES:
        prior = tempered(rows, candidate)
        for start in (shares, prior.astype(shares.dtype)):
            fit = fitted(prior, start)
            likelihood = fit.objective[-1] - math.log(candidate) ** 2 / 2
            if likelihood > best + 1e-6:
                best, temperature, found = likelihood, candidate, fit
    assert found is not None
    alone = fitted(None, shares)
    classes = (alone.posterior.sum(axis=0) + 1) / (alone.posterior.sum() + len(votes.classes))
    with_model = _evidence(answers.matrix @ found.log_rates, tempered(rows, temperature))
    without = _evidence(answers.matrix @ alone.log_rates, np.broadcast_to(classes, rows.shape))
    difference = with_model - without
    gain, error = float(difference.mean()), float(difference.std(ddof=1) / math.sqrt(len(difference)))
    told = f"it makes the votes {gain:+.3f} nats an item likelier ({error:.3f} standard error)"
    if gain < LEAST_DEVIATIONS * error:
        return ModelPrior(None, None, temperature, gain, f"the model is not heard: {told}")
    whole = tempered(predicted, temperature)
    whole[np.isnan(predicted).any(axis=1)] = np.nan
    start = whole.copy()
    if len(rows) == int((~np.isnan(whole).any(axis=1) & _voted(votes)).sum()):
        start[_chosen(votes, predicted)] = found.posterior
    gains = None
    if apart is not None:
        kept_out = _part(votes, _without(asked, ~apart), least=1)
        if kept_out is not None:
            these, theirs = kept_out
            gains = _evidence(_log_votes(these, answers, found), tempered(theirs, temperature)) - _evidence(
                _log_votes(these, answers, alone), np.broadcast_to(classes, theirs.shape)
            )
    return ModelPrior(whole, start, temperature, gain, f"the model is heard: {told}", gains)


def _without(predicted: np.ndarray, apart: np.ndarray | None) -> np.ndarray:
    """Predictions with those of some items taken away."""
    if apart is None:
        return predicted
    left = np.array(predicted, dtype=np.float64)
    left[apart] = np.nan
    return left


def _log_votes(votes: Votes, answers: Answers, fit: Fit) -> np.ndarray:
    """Log chance of each item's votes by class, at rates of other items; shape (n_items, n_classes).

    An answer that its annotator never gave about those tells nothing.
    """
    n_classes = len(votes.classes)
    known = answers.present[answers.annotator] * n_classes + answers.label
    pair = votes.annotator * n_classes + votes.label
    place = np.minimum(np.searchsorted(known, pair), len(known) - 1)
    there = known[place] == pair
    logs = np.zeros((len(votes.items), n_classes))
    np.add.at(logs, votes.item[there], fit.log_rates[place[there]])
    return logs


def _voted(votes: Votes) -> np.ndarray:
    return np.bincount(votes.item, minlength=len(votes.items)) > 0


def _chosen(votes: Votes, predicted: np.ndarray) -> np.ndarray:
    """Positions of the items that have votes and a prediction, at most `MOST_ITEMS`, evenly spread."""
    there = np.flatnonzero(_voted(votes) & ~np.isnan(predicted).any(axis=1))
    if len(there) <= MOST_ITEMS:
        return there
    spread: np.ndarray = there[np.linspace(0, len(there) - 1, MOST_ITEMS).astype(np.int64)]
    return spread


def _part(votes: Votes, predicted: np.ndarray, least: int = LEAST_ITEMS) -> tuple[Votes, np.ndarray] | None:
    chosen = _chosen(votes, predicted)
    if len(chosen) < least:
        return None
    place = np.full(len(votes.items), -1)
    place[chosen] = np.arange(len(chosen))
    kept = place[votes.item] >= 0
    part = Votes(votes.items[chosen], votes.annotators, votes.classes, place[votes.item[kept]],
                 votes.annotator[kept], votes.label[kept])  # fmt: skip
    return part, np.asarray(predicted[chosen], dtype=np.float64)


def _evidence(log_votes: np.ndarray, prior: np.ndarray) -> np.ndarray:
    evidence: np.ndarray = logsumexp(log_votes + np.log(np.maximum(prior, 1e-10)), axis=1)
    return evidence
