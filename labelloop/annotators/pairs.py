"""Cohen's kappa of every pair of annotators who share items, from one sparse product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from labelloop.fusion.base import Votes

Z = 1.959963984540054
"""Half the width of a 95% interval, in standard errors."""


@dataclass(frozen=True)
class Pairs:
    """One row a pair of annotators with at least one shared item; `one` < `other`, sorted."""

    one: np.ndarray
    """Shape (n_pairs,), int64: index into the annotators."""
    other: np.ndarray
    shared: np.ndarray
    """Items that both answered."""
    agreement: np.ndarray
    """Share of them with the same answer."""
    kappa: np.ndarray
    """NaN where it is not defined: both always chose one and the same class."""
    low: np.ndarray
    """95% interval from the asymptotic standard error, cut to [-1, 1]; NaN where kappa is, and where the
    error is 0 because all answers agree or too few are shared."""
    high: np.ndarray


def cohen(votes: Votes) -> Pairs:
    """Cohen's kappa, pair by pair, on the items that both answered.

    With p_kl the share of shared items that one called k and the other l, p_k. and p_.l its margins::

        kappa = (p_o - p_e) / (1 - p_e),  p_o = sum_k p_kk,  p_e = sum_k p_k. p_.k
        n (1 - p_e)^2 var = sum_k p_kk (1 - (p_k. + p_.k)(1 - kappa))^2
                            + (1 - kappa)^2 sum_{k != l} p_kl (p_.k + p_l.)^2 - (kappa - p_e (1 - kappa))^2

    Sources: Cohen (1960), A coefficient of agreement for nominal scales. Fleiss, Cohen and Everitt (1969),
    Large sample standard errors of kappa and weighted kappa.
    """
    one, other, k, m, count = _joint_counts(votes)
    if not len(one):
        empty = np.empty(0)
        return Pairs(one, other, one, empty, empty, empty, empty)
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    pair, cell = np.unique(one * n_annotators + other, return_inverse=True)
    n = np.bincount(cell, weights=count, minlength=len(pair))
    p = count / n[cell]
    rows, columns = _margin(cell, k, p, n_classes), _margin(cell, m, p, n_classes)
    same = k == m
    agreement = np.bincount(cell, weights=p * same, minlength=len(pair))
    # Only classes that both used add to the chance of agreeing.
    by_chance = np.bincount(
        rows.pair, weights=rows.share * columns.at(rows.pair, rows.label), minlength=len(pair)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        defined = by_chance < 1 - 1e-12
        kappa = np.where(defined, (agreement - by_chance) / (1 - by_chance), np.nan)
        apart = 1 - kappa[cell]
        # For a diagonal cell the two terms are p_k. + p_.k, elsewhere p_.k + p_l.; they differ in the roles.
        inner = np.where(
            same,
            (1 - (rows.at(cell, k) + columns.at(cell, m)) * apart) ** 2,
            (apart * (columns.at(cell, k) + rows.at(cell, m))) ** 2,
        )
        spread = np.bincount(cell, weights=p * inner, minlength=len(pair))
        spread -= (kappa - by_chance * (1 - kappa)) ** 2
        error = np.sqrt(np.maximum(spread, 0) / n) / (1 - by_chance)
    error = np.where((error > 0) & (n >= 2), error, np.nan)
    return Pairs(
        one=pair // n_annotators,
        other=pair % n_annotators,
        shared=n.astype(np.int64),
        agreement=agreement,
        kappa=kappa,
        low=np.maximum(kappa - Z * error, -1.0),
        high=np.minimum(kappa + Z * error, 1.0),
    )


@dataclass(frozen=True)
class _Margin:
    """A sparse table of shares by pair and class."""

    keys: np.ndarray
    pair: np.ndarray
    label: np.ndarray
    share: np.ndarray
    n_classes: int

    def at(self, pair: np.ndarray, label: np.ndarray) -> np.ndarray:
        """The shares of these pairs and classes; 0 where there is none."""
        wanted = pair * self.n_classes + label
        place = np.minimum(np.searchsorted(self.keys, wanted), max(len(self.keys) - 1, 0))
        found: np.ndarray = np.where(self.keys[place] == wanted, self.share[place], 0.0)
        return found


def _margin(pair: np.ndarray, label: np.ndarray, share: np.ndarray, n_classes: int) -> _Margin:
    keys, where = np.unique(pair * n_classes + label, return_inverse=True)
    return _Margin(keys, keys // n_classes, keys % n_classes, np.bincount(where, weights=share), n_classes)


def _joint_counts(votes: Votes) -> tuple[np.ndarray, ...]:
    """One row each pair of annotators (one < other) and pair of labels that occurs: codes and how often."""
    n_classes = len(votes.classes)
    choice, column = np.unique(votes.annotator * n_classes + votes.label, return_inverse=True)
    ones = np.ones(len(column), dtype=np.int64)
    answers = sparse.csr_array((ones, (column, votes.item)), shape=(len(choice), len(votes.items)))
    joint = sparse.triu(answers @ answers.T, k=1).tocoo()
    one, other = choice[joint.row] // n_classes, choice[joint.col] // n_classes
    kept = one != other
    return (one[kept], other[kept], choice[joint.row][kept] % n_classes,
            choice[joint.col][kept] % n_classes, joint.data[kept])  # fmt: skip
