"""Majority vote with a smoothed share as its posterior."""

from __future__ import annotations

import math

import numpy as np

from labelloop.errors import SettingsError
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.fitting import checked_gold, with_gold


def majority(votes: Votes, *, gold: np.ndarray | None = None, smoothing: float = 1.0) -> Fusion:
    """Choose the class with the most votes.

    With c_k of an item's n votes for class k of K::

        posterior_k = (c_k + smoothing / K) / (n + smoothing)

    the mean of a Dirichlet posterior whose prior weighs as much as `smoothing` votes spread evenly: three
    of three votes are more certain than one of one. Smoothing 0 is the plain share. Ties are found on the
    whole-numbered counts, never on shares; a tie goes to the first class in class order and is flagged.

    Args:
        votes: coded votes. An item without any has an even posterior and is a tie.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class. A share of votes learns
            nothing from it about the others.
        smoothing: weight of the even prior, in votes; 0 or more.

    Raises:
        SettingsError: `smoothing` is not a number of 0 or more.
        DataError: `gold` has another shape than the votes ask for, or is none of their classes.

    Source: the posterior mean of a multinomial under a symmetric Dirichlet prior; Gelman et al. (2013),
    Bayesian Data Analysis, section 3.4.
    """
    if isinstance(smoothing, bool) or not isinstance(smoothing, int | float) \
            or not (math.isfinite(smoothing) and smoothing >= 0):  # fmt: skip
        raise SettingsError(f"fusion.options.smoothing is {smoothing!r}; it must be a number of 0 or more")
    n_items, n_classes = len(votes.items), len(votes.classes)
    counts = np.bincount(votes.item * n_classes + votes.label, minlength=n_items * n_classes)
    counts = counts.reshape(n_items, n_classes)
    label = counts.argmax(axis=1)
    most = counts[np.arange(n_items), label]
    total = counts.sum(axis=1, keepdims=True)
    # An item without votes weighs nothing under smoothing 0; any weight gives it the even posterior.
    weight = np.where(total == 0, max(smoothing, 1.0), smoothing)
    posterior = (counts + weight / n_classes) / (total + weight)
    tie = (counts == most[:, None]).sum(axis=1) > 1
    gold = checked_gold(gold, (n_items, n_classes))
    if gold is None:
        return Fusion(posterior, label.astype(np.int64), tie, "majority/1")
    known = gold >= 0
    return Fusion(
        with_gold(posterior, gold), np.where(known, gold, label), tie & ~known, "majority/1", gold=known
    )
