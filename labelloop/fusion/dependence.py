"""Annotators whose answers depend on each other: found before fusion, which would believe them.

Where annotators work apart, two of them agree beyond chance as far as both see the truth, so the agreements
of all pairs are products of one number a person. Whoever shares a source agrees more than that product. The
numbers are fitted to all pairs so that few large residuals do not move them (least absolute ones), so the
greater number of people says what is usual, however many votes the others give. Difficulty and confusable
classes that everybody meets alike are part of the products, not residuals.

A pair that stands out is looked at once more beside what people outside its group say: habits, such as
calling one class another, explain agreement too.

Sources: Parisi, Strino, Nadler and Kluger (2014), Ranking and combining multiple predictors without labeled
data, for the products; Jaffe, Fetaya, Nadler, Jiang and Kluger (2016), Unsupervised ensemble learning with
dependent classifiers, for groups that break them; Mantel and Haenszel (1959) for counts within strata.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats
from scipy.sparse.csgraph import connected_components

from labelloop.fusion.base import Votes

LEAST_SHARED = 10
"""Items that two annotators must share before dependence can be told."""
LEAST_TOGETHER = 5
"""Answers against all others that they must share: able people agree too, but with the rest."""
DEPENDENCE = 0.35
"""Share of what is left from expected to full agreement that must be filled. Of two who take a share c of
their answers from one source that is right with skill q it is c^2 (1 - q^2) / (1 - c^2 q^2): .6 for c .8 and
q .35, .35 for c .7 and q .7."""
LEVEL = 1e-3
"""Chance, over all pairs, of finding dependence where there is none."""
ROUNDS = 3
"""Fits at most: each leaves the pairs out that the one before found."""
STEPS = 60
PAIR_SPREAD = 0.1
"""Standard deviation of honest pairs' agreement round the products: what counts as small a residual."""
MOST_PAIRS = 2_000_000
"""Pairs that are looked at, those with the most shared items first."""


@dataclass(frozen=True)
class PairAgreement:
    """Pairs of annotators with shared items, `one` < `other`, and how often they agree."""

    one: np.ndarray
    other: np.ndarray
    shared: np.ndarray
    """Items that both answered."""
    same: np.ndarray
    """Items on which both said the same."""
    by_chance: np.ndarray
    """Share of the same answers if answers had nothing to do with items, from how often each said what."""
    room: float
    """1 less the chance that two answers of the crowd are the same."""


def copying(votes: Votes) -> tuple[tuple[int, ...], ...]:
    """The groups of `copying_among`."""
    return copying_among(votes, pair_agreement(votes))


def copying_among(votes: Votes, pairs: PairAgreement) -> tuple[tuple[int, ...], ...]:
    """Groups of annotators, as ascending codes, who give the same answers far more often than others do.

    With c_ab the share of the same answers by chance and D the `room`, two annotators a and b who work apart
    agree on a share of c_ab + D s_a s_b of their items. A pair is told when it fills `DEPENDENCE` of what is
    left to full agreement, over all its items and again within strata of what those outside its group say;
    the binomial tail, with s at its upper end, is below `LEVEL` over all pairs; and the pair says the same
    against the others `LEAST_TOGETHER` times. What hangs together by such pairs is a group.

    Nothing is told of fewer than four annotators, nor where a group has as many members as there are people
    beside it: who copies and who is right cannot be told apart then.
    """
    n_annotators, present = len(votes.annotators), len(np.unique(votes.annotator))
    if present < 4 or not len(pairs.one):
        return ()
    found = np.zeros(len(pairs.one), dtype=bool)
    for _ in range(ROUNDS):
        before, found = found, _standing_out(pairs, n_annotators, left_out=found)
        if (found == before).all():
            break
    confirmed = np.zeros(len(found), dtype=bool)
    for group in _groups(pairs.one[found], pairs.other[found], n_annotators):
        inside = np.flatnonzero(found & np.isin(pairs.one, group))
        confirmed[inside] = _beside_the_others(votes, group, pairs.one[inside], pairs.other[inside])
    groups = _groups(pairs.one[confirmed], pairs.other[confirmed], n_annotators)
    return tuple(group for group in groups if 2 * len(group) < present)


def pair_agreement(votes: Votes) -> PairAgreement:
    """How often annotators agree, pair by pair; the same for any order of the votes."""
    n_annotators, n_items, n_classes = len(votes.annotators), len(votes.items), len(votes.classes)
    ones, told = np.ones(len(votes.item)), votes.item * n_classes + votes.label
    asked = sparse.csr_array((ones, (votes.annotator, votes.item)), shape=(n_annotators, n_items))
    answered = sparse.csr_array((ones, (votes.annotator, told)), shape=(n_annotators, n_items * n_classes))
    joint = sparse.triu(asked @ asked.T, k=1).tocoo()
    one, other, shared = joint.row, joint.col, joint.data
    if len(one) > MOST_PAIRS:
        kept = np.sort(np.argsort(-shared, kind="stable")[:MOST_PAIRS])
        one, other, shared = one[kept], other[kept], shared[kept]
    same = np.asarray((answered @ answered.T).tocsr()[one, other]).ravel()
    crowd = np.bincount(votes.label, minlength=n_classes) / max(len(votes.label), 1)
    return PairAgreement(one, other, shared, same, _by_chance(votes, crowd, one, other),
                         max(1 - float((crowd**2).sum()), 1e-9))  # fmt: skip


def skills_of(
    pairs: PairAgreement, n_annotators: int, left_out: np.ndarray | None = None, prior: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """s and its standard error, by annotator: how far each sees what the crowd sees.

    With x_ab = (same / shared - by_chance) / room, s minimises the sum of w_ab |x_ab - s_a s_b| over pairs,
    by reweighted alternating least squares; w falls with the noise of x. 1 is who always sees the truth, 0
    whose answers have nothing to do with the others'.

    Args:
        left_out: shape (n_pairs,), bool: pairs that are not looked at.
        prior: how many pairs at skill .5 count besides, for those who share items with few.
    """
    one, other = pairs.one, pairs.other
    x, precision = _beyond_chance(pairs)
    if left_out is not None:
        precision = np.where(left_out, 0.0, precision)

    def total(values_one: np.ndarray, values_other: np.ndarray) -> np.ndarray:
        return np.asarray(
            np.bincount(one, values_one, n_annotators) + np.bincount(other, values_other, n_annotators)
        )

    skill: np.ndarray
    skill, weight = np.full(n_annotators, 0.7), precision
    for _ in range(STEPS):
        moment = total(weight * x * skill[other], weight * x * skill[one])
        square = total(weight * skill[other] ** 2, weight * skill[one] ** 2)
        wanted = (moment + 0.5 * prior * 0.5 / PAIR_SPREAD**2) / (square + 0.5 * prior / PAIR_SPREAD**2)
        skill = (skill + np.clip(wanted, 0.02, 1.0)) / 2
        apart = np.abs(x - skill[one] * skill[other])
        weight = precision * np.minimum(1.0, PAIR_SPREAD / 2 / np.maximum(apart, 1e-12))
    information = total(precision * skill[other] ** 2, precision * skill[one] ** 2)
    return skill, np.asarray(1 / np.sqrt(information + 1))


def unexplained(votes: Votes, label: np.ndarray, pairs: PairAgreement) -> float:
    """How far annotators agree beyond what labels explain: mean over pairs of x_ab - s_a s_b.

    s is here how far each agrees with the labels; x and the pairs' weights are those of `skills_of`. About 0
    where the labels are right and people work apart, greater where they follow a few and contradict the rest.

    Args:
        label: shape (n_items,), int64: one class an item.
    """
    if not len(pairs.one):
        return 0.0
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    given = label[votes.item]
    said, meant = (
        sparse.csr_array((np.ones(len(votes.item)), (votes.annotator, code)), shape=(n_annotators, n_classes))
        for code in (votes.label, given)
    )
    total = np.maximum(np.bincount(votes.annotator, minlength=n_annotators), 1)
    agree = np.bincount(votes.annotator, votes.label == given, n_annotators) / total
    by_chance = np.asarray(said.multiply(meant).sum(axis=1)).ravel() / total**2.0
    skill = np.clip((agree - by_chance) / pairs.room, 0, 1)
    x, precision = _beyond_chance(pairs)
    return float(np.average(x - skill[pairs.one] * skill[pairs.other], weights=precision))


def _beyond_chance(pairs: PairAgreement) -> tuple[np.ndarray, np.ndarray]:
    """x of `skills_of` and its precision, by pair."""
    x = (pairs.same / pairs.shared - pairs.by_chance) / pairs.room
    share = np.clip((pairs.same + 1) / (pairs.shared + 2), 0.1, 0.9)
    return x, 1 / (PAIR_SPREAD**2 + share * (1 - share) / pairs.shared / pairs.room**2)


def beyond_skills(
    pairs: PairAgreement, n_annotators: int, left_out: np.ndarray, prior: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """How far pairs agree beyond the products of skills; see `copying_among`.

    Args:
        left_out: shape (n_pairs,), bool: pairs that skills are not fitted to.
        prior: see `skills_of`.

    Returns:
        The share filled of what is left to full agreement, and the chance of as many same answers or more of
        two who work apart, with skills at their upper ends; shape (n_pairs,) each.
    """
    skill, error = skills_of(pairs, n_annotators, left_out, prior)
    one, other = skill[pairs.one], skill[pairs.other]
    spread = np.hypot(other * error[pairs.one], one * error[pairs.other])
    usual = np.clip(pairs.by_chance + pairs.room * one * other, 0, 1 - 1e-6)
    at_most = np.clip(pairs.by_chance + pairs.room * np.minimum(one * other + 2 * spread, 1), 0, 1 - 1e-6)
    filled = (pairs.same / pairs.shared - usual) / (1 - usual)
    return filled, stats.binom.sf(pairs.same - 1, pairs.shared, at_most)


def _standing_out(pairs: PairAgreement, n_annotators: int, left_out: np.ndarray) -> np.ndarray:
    """Shape (n_pairs,), bool: which pairs agree more than the products of skills say."""
    enough = pairs.shared >= LEAST_SHARED
    filled, tail = beyond_skills(pairs, n_annotators, left_out)
    found: np.ndarray = enough & (filled >= DEPENDENCE) & (tail * enough.sum() < LEVEL)
    return found


def _beside_the_others(
    votes: Votes, group: tuple[int, ...], one: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """Which pairs of a group agree also given what the plurality of those outside the group says."""
    n_items, n_classes = len(votes.items), len(votes.classes)
    inside = np.isin(votes.annotator, group)
    cell = votes.item[~inside] * n_classes + votes.label[~inside]
    counts = np.bincount(cell, minlength=n_items * n_classes).reshape(n_items, n_classes)
    most = counts.max(axis=1, keepdims=True)
    clear = ((counts == most).sum(axis=1) == 1) & (most[:, 0] > 0)
    favoured = counts.argmax(axis=1)
    items, labels = {}, {}
    for code in group:
        own = np.flatnonzero(votes.annotator == code)
        own = own[clear[votes.item[own]]]
        items[code], labels[code] = votes.item[own], votes.label[own]
    kept = np.zeros(len(one), dtype=bool)
    for number, (a, b) in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
        both, in_a, in_b = np.intersect1d(items[a], items[b], assume_unique=True, return_indices=True)
        if len(both) < LEAST_SHARED:
            continue
        said_a, said_b, others = labels[a][in_a], labels[b][in_b], favoured[both]
        together = (said_a == said_b) & (said_a != others)
        apart = _agreement_apart(said_a, said_b, others, n_classes)
        filled = ((said_a == said_b).sum() - apart) / max(len(both) - apart, 1e-9)
        kept[number] = filled >= DEPENDENCE and together.sum() >= LEAST_TOGETHER
    return kept


def _agreement_apart(one: np.ndarray, other: np.ndarray, stratum: np.ndarray, n_classes: int) -> float:
    """How many answers would be the same if each had given as many of each kind in each stratum, apart."""
    size = np.bincount(stratum, minlength=n_classes)
    said_one, count_one = np.unique(stratum * n_classes + one, return_counts=True)
    said_other, count_other = np.unique(stratum * n_classes + other, return_counts=True)
    both, of_one, of_other = np.intersect1d(said_one, said_other, return_indices=True)
    return float((count_one[of_one] * count_other[of_other] / size[both // n_classes]).sum())


def _by_chance(votes: Votes, crowd: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The chance that two annotators say the same of different items; who said little is like the crowd."""
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    said = sparse.csr_array(
        (np.ones(len(votes.item)), (votes.annotator, votes.label)), shape=(n_annotators, n_classes)
    )
    total = np.maximum(np.bincount(votes.annotator, minlength=n_annotators), 1)
    # (said + 2 crowd) / (total + 2), multiplied out, so that no table of all annotators and classes is held.
    usual = np.asarray(said @ crowd)
    own = np.empty(len(one))
    for piece in np.array_split(np.arange(len(one)), len(one) // 100_000 + 1):
        own[piece] = np.asarray(said[one[piece]].multiply(said[other[piece]]).sum(axis=1)).ravel()
    sums = own + 2 * usual[one] + 2 * usual[other] + 4 * float((crowd**2).sum())
    return np.asarray(sums / ((total[one] + 2) * (total[other] + 2)))


def _groups(one: np.ndarray, other: np.ndarray, n_annotators: int) -> tuple[tuple[int, ...], ...]:
    links = sparse.coo_array((np.ones(len(one)), (one, other)), shape=(n_annotators, n_annotators))
    _, part = connected_components(links.tocsr(), directed=False)
    groups = (np.flatnonzero(part == number) for number in np.flatnonzero(np.bincount(part) > 1))
    return tuple(tuple(int(code) for code in group) for group in groups)
