"""Pairs of annotators who give the same wrong answers more often than people who work apart.

Able people agree because they are right; people who copy agree where they are wrong. For each pair and each
item that both answered, the votes of all the others favour a class t, with a chance q to be right. With n_t
the items of the pair on which the others favour t, and a_tk, b_tk how often each of the two said k there,
people who work apart would give the same other answer about this often::

    E = sum over t, k != t of a_tk b_tk / n_t  +  (1 - e_a)(1 - e_b) sum over items of (1 - q)

where e_a and e_b are their shares of answers against the others. So two people who often say one and the
same class are no copies of each other. The second sum is for items on which the others are wrong, or cannot
know. The number of shared answers against the others is compared with E by the tail of a binomial with the
mean and variance that independence gives. Hard items make honest pairs err together too, so tails are
widened until the crowd's usual pair is usual (an empirical null), then corrected for the number of pairs
(Holm). Several who share one source make the whole crowd unusual, so groups are found by
`fusion.dependence.copying` too, which asks what the greater number of people has in common.

Where the others are few or poor, the two best of a crew agree against what these favour, because they are
right. So a pair must also agree more than its skills explain, as far as skills follow from all agreements.

Nothing here rests on fused labels: copying has to be known before fusion, which would believe the copies.

Sources: Holm (1979), A simple sequentially rejective multiple test procedure. Efron (2004), Large-scale
simultaneous hypothesis testing: the choice of a null hypothesis. Mantel and Haenszel (1959) for counts
compared within strata.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, special, stats
from scipy.sparse.csgraph import connected_components

from labelloop.annotators.vote_pairs import pair_rows, pieces_of
from labelloop.fusion.base import Votes
from labelloop.fusion.dependence import PairAgreement, beyond_skills, copying_among, pair_agreement

LEAST_SHARED = 10
"""Items that two annotators must share."""
LEAST_TOGETHER = 4
"""Wrong answers that they must share."""
LEVEL = 0.01
"""Chance, over all pairs, of finding copying where there is none."""
BEYOND_SKILLS = 0.01
"""Chance of as much agreement of two who are as able as all their agreements say: the two best of a small
crew agree with each other against the rest, too, because they are right."""
ROUNDS = 3
"""Fits of skills: each leaves the pairs out that the one before found, and finds no others."""
PRIOR = 0.2
"""Of `fusion.dependence.skills_of`, for that: with its usual one the able seem less so beside poor ones."""
LEAST_INFORMED = 10
"""Pairs, each with one expected or more, from which the usual pair is learned."""


@dataclass(frozen=True)
class Copying:
    """Pairs that were compared, one row each, `one` < `other`."""

    one: np.ndarray
    other: np.ndarray
    shared: np.ndarray
    """Items that both answered and others too."""
    together: np.ndarray
    """Items on which both gave the same answer, and not the one the others favour."""
    expected: np.ndarray
    """As many as annotators who work apart would give."""
    p_value: np.ndarray
    """Corrected for the number of pairs."""
    grouped: np.ndarray
    """Shape (n_pairs,), bool: both are in one group of `fusion.dependence.copying`."""
    found: np.ndarray
    """Shape (n_pairs,), bool: `grouped`, or `p_value` is below the level."""

    def groups(self, n_annotators: int) -> tuple[tuple[int, ...], ...]:
        """Annotator codes that hang together by found pairs, ascending."""
        one, other = self.one[self.found], self.other[self.found]
        links = sparse.coo_array((np.ones(len(one)), (one, other)), shape=(n_annotators, n_annotators))
        _, part = connected_components(links.tocsr(), directed=False)
        many = np.flatnonzero(np.bincount(part, minlength=1) > 1)
        return tuple(tuple(int(code) for code in np.flatnonzero(part == number)) for number in many)


def copying_pairs(votes: Votes, *, level: float = LEVEL) -> Copying:
    """Compare every pair of annotators with `LEAST_SHARED` items in common, beside a third who answered.

    Args:
        votes: coded votes.
        level: chance, over all pairs, of finding copying where there is none.
    """
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    nothing = np.empty(0, dtype=np.int64)
    if n_annotators < 3 or n_classes < 2 or not len(votes.item):
        none, no = nothing.astype(float), nothing.astype(bool)
        return Copying(nothing, nothing, nothing, nothing, none, none, no, no)
    compared = _compared(votes)
    one, other = compared.pair // n_annotators, compared.pair % n_annotators
    p_value = holm(_widened(compared.together, compared.expected, compared.variance))
    agreement = pair_agreement(votes)
    group = np.arange(n_annotators)
    for members in copying_among(votes, agreement):
        group[list(members)] = members[0]
    grouped = group[one] == group[other]
    suspected = (p_value < level) & (compared.together >= LEAST_TOGETHER)
    found = grouped | _beyond_skills(agreement, n_annotators, compared.pair, suspected, grouped)
    return Copying(one, other, compared.shared.astype(np.int64), compared.together.astype(np.int64),
                   compared.expected, p_value, grouped, found)  # fmt: skip


def _beyond_skills(
    agreement: PairAgreement, n_annotators: int, pair: np.ndarray, suspected: np.ndarray, grouped: np.ndarray
) -> np.ndarray:
    """Which of the suspected pairs agree more than skills explain that are fitted to the pairs not found.

    Args:
        pair: shape (n_pairs,), codes ``one * n_annotators + other``; the other arrays are of these pairs.
    """
    if not suspected.any():
        return suspected
    code = agreement.one.astype(np.int64) * n_annotators + agreement.other
    order = np.argsort(code, kind="stable")
    place = order[np.minimum(np.searchsorted(code[order], pair), len(code) - 1)]
    known = code[place] == pair  # of very many pairs not all are held
    found, left_out = suspected, pair[grouped]
    for _ in range(ROUNDS):
        _, tail = beyond_skills(agreement, n_annotators, np.isin(code, left_out), PRIOR)
        found = found & ((tail[place] < BEYOND_SKILLS) | ~known)
        left_out = pair[grouped | found]
    return found


@dataclass(frozen=True)
class _Compared:
    """Pairs with enough shared items: what was seen, and what independence gives."""

    pair: np.ndarray
    shared: np.ndarray
    together: np.ndarray
    expected: np.ndarray
    variance: np.ndarray


class _Sums:
    """Sums by key, added up piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, keys: np.ndarray, values: np.ndarray | None = None) -> None:
        distinct, where = np.unique(keys, return_inverse=True)
        sums = np.bincount(where, weights=values, minlength=len(distinct)).astype(float)
        self.pieces.append((distinct, sums))

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Keys, ascending, and their sums."""
        if not self.pieces:
            return np.empty(0, dtype=np.int64), np.empty(0)
        keys, where = np.unique(np.concatenate([keys for keys, _ in self.pieces]), return_inverse=True)
        values = np.concatenate([values for _, values in self.pieces])
        return keys, np.bincount(where, weights=values, minlength=len(keys))

    def at(self, wanted: np.ndarray) -> np.ndarray:
        """The sums of these keys; 0 where there is none."""
        keys, values = self.total()
        if not len(keys):
            return np.zeros(len(wanted))
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, values[place], 0.0)


def _compared(votes: Votes) -> _Compared:
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    shared, together, unsure, stratum, said_one, said_other = (_Sums() for _ in range(6))
    for piece in pieces_of(votes):
        rows = pair_rows(votes, piece)
        pair = rows.one * n_annotators + rows.other
        in_stratum = pair * n_classes + rows.favoured
        shared.add(pair)
        unsure.add(pair, 1 - rows.sure)
        stratum.add(in_stratum)
        one_apart, other_apart = rows.said_one != rows.favoured, rows.said_other != rows.favoured
        together.add(pair[one_apart & (rows.said_one == rows.said_other)])
        said_one.add((in_stratum * n_classes + rows.said_one)[one_apart])
        said_other.add((in_stratum * n_classes + rows.said_other)[other_apart])
    pair, many = shared.total()
    pair, many = pair[many >= LEAST_SHARED], many[many >= LEAST_SHARED]
    cell, a = said_one.total()
    b, n = said_other.at(cell), stratum.at(cell // n_classes)
    of_pair = cell // n_classes**2
    place = np.minimum(np.searchsorted(pair, of_pair), max(len(pair) - 1, 0))
    kept = (pair[place] == of_pair) if len(pair) else np.zeros(len(cell), dtype=bool)
    place, a, b, n = place[kept], a[kept], b[kept], n[kept]
    mean = a * b / n
    # The hypergeometric variance of each cell, given how often both said what.
    spread = mean * (n - a) * (n - b) / (n * np.maximum(n - 1, 1))
    errors_one = np.bincount(place, weights=a, minlength=len(pair))
    errors_other = _by_pair(said_other, pair, n_classes)
    able = (1 - errors_one / many) * (1 - errors_other / many)
    excused = unsure.at(pair) * able
    expected = np.bincount(place, weights=mean, minlength=len(pair)) + excused
    variance = np.bincount(place, weights=spread, minlength=len(pair)) + excused
    return _Compared(pair, many, together.at(pair), expected, variance)


def _by_pair(sums: _Sums, pair: np.ndarray, n_classes: int) -> np.ndarray:
    cell, values = sums.total()
    by_pair = _Sums()
    by_pair.add(cell // n_classes**2, values)
    return by_pair.at(pair)


def _widened(together: np.ndarray, expected: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Binomial tails, with the crowd's usual pair as what is usual."""
    if not len(together):
        return np.empty(0)
    upper = _tail(together, expected, variance)
    middle = np.clip((upper + _tail(together + 1, expected, variance)) / 2, 1e-300, 1 - 1e-12)
    deviation = stats.norm.isf(middle)
    informed = deviation[expected >= 1]
    if len(informed) < LEAST_INFORMED:
        return upper
    centre = float(np.median(informed))
    spread = max(float(np.median(np.abs(informed - centre))) / 0.6745, 1.0)
    return np.maximum(upper, stats.norm.sf((deviation - max(centre, 0.0)) / spread))


def _tail(count: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Chance of `count` or more of a binomial with this mean and variance; at most Poisson's variance."""
    mean = np.maximum(mean, 1e-9)
    share = np.clip(1 - variance / mean, 1e-9, 1 - 1e-9)
    trials = np.maximum(mean / share, count)
    tail: np.ndarray = np.where(
        count <= 0, 1.0, special.betainc(np.maximum(count, 1), trials - count + 1, share)
    )
    return tail


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of p-values for their number."""
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * (len(p_values) - np.arange(len(p_values)))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected
