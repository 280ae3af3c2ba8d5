"""What votes show before any fusion: how many there are, how they hang together, and who copies whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats
from scipy.sparse.csgraph import connected_components

from labelloop.fusion.base import Votes

LEAST_SHARED = 10
"""Items that two annotators must share before copying can be told."""
LEAST_SHARED_DEVIATIONS = 5
"""Answers against the others that two annotators must share: able people agree too, but with the rest."""
COPY_SHARE = 0.95
"""Share of answers beyond chance and skill that must be the same."""
COPY_LEVEL = 1e-3
"""Chance, over all pairs, of finding copying where there is none, if errors are independent."""


@dataclass(frozen=True)
class Evidence:
    """What a choice of method rests on."""

    votes_per_item: float
    """Median over items with votes."""
    votes_per_annotator: float
    """Median over votes of how many votes their annotator gave."""
    largest_component: float
    """Share of the voted items in the largest connected part of the graph of items and annotators."""
    components: int
    copiers: tuple[tuple[int, ...], ...]
    """Groups of annotator codes whose answers are copies of each other, ascending."""


def evidence_of(votes: Votes) -> Evidence:
    """Look at votes; the same for any order of them."""
    per_item = np.bincount(votes.item, minlength=len(votes.items))
    per_annotator = np.bincount(votes.annotator, minlength=len(votes.annotators))
    components, largest = connectivity(votes)
    return Evidence(
        votes_per_item=float(np.median(per_item[per_item > 0])) if len(votes.item) else 0.0,
        votes_per_annotator=float(np.median(per_annotator[votes.annotator])) if len(votes.item) else 0.0,
        largest_component=largest,
        components=components,
        copiers=copying(votes),
    )


def connectivity(votes: Votes) -> tuple[int, float]:
    """Number of connected parts of the graph of items and annotators, and the largest one's share of items.

    Skills in parts that share no item and no annotator cannot be compared.
    """
    if not len(votes.item):
        return 0, 0.0
    n_items, n_nodes = len(votes.items), len(votes.items) + len(votes.annotators)
    edges = (np.ones(len(votes.item), dtype=np.int8), (votes.item, n_items + votes.annotator))
    graph = sparse.csr_array(edges, shape=(n_nodes, n_nodes))
    _, part = connected_components(graph, directed=False)
    sizes = np.bincount(part[np.flatnonzero(np.bincount(votes.item, minlength=n_items))])
    return int((sizes > 0).sum()), float(sizes.max() / sizes.sum())


def copying(votes: Votes) -> tuple[tuple[int, ...], ...]:
    """Groups of annotators who give the same answers far more often than their skills explain.

    With g_a the share of a's votes that agree with the plurality of the others on the item, two independent
    annotators agree with chance e = g_a g_b + (1 - g_a)(1 - g_b) / (K - 1). A pair is told when it agrees
    on s of n shared items with (s/n - e) / (1 - e) of at least `COPY_SHARE`, a binomial tail under
    `COPY_LEVEL` over all pairs compared, and the two deviate together from the others' plurality at least
    `LEAST_SHARED_DEVIATIONS` times, so that experts who are simply right are no copies of each other.
    """
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    if n_annotators < 3 or n_classes < 2 or not len(votes.item):
        return ()
    ones = np.ones(len(votes.item), dtype=np.float64)
    told = votes.item * n_classes + votes.label
    choices = (n_annotators, len(votes.items) * n_classes)
    asked = sparse.csr_array((ones, (votes.annotator, votes.item)), shape=(n_annotators, len(votes.items)))
    answered = sparse.csr_array((ones, (votes.annotator, told)), shape=choices)
    shared = sparse.triu(asked @ asked.T, k=1).tocoo()
    enough = shared.data >= LEAST_SHARED
    one, other, n = shared.row[enough], shared.col[enough], shared.data[enough]
    if not len(n):
        return ()
    same = np.asarray((answered @ answered.T).tocsr()[one, other]).ravel()
    agrees, deviates = _against_the_others(votes)
    weight = np.bincount(votes.annotator, weights=~np.isnan(agrees), minlength=n_annotators)
    agreeing = np.bincount(votes.annotator, weights=np.nan_to_num(agrees), minlength=n_annotators)
    skill = (agreeing + 1) / (weight + 2)
    expected = skill[one] * skill[other] + (1 - skill[one]) * (1 - skill[other]) / (n_classes - 1)
    tail = stats.binom.sf(same - 1, n, expected)
    found = (same / n - expected >= COPY_SHARE * (1 - expected)) & (tail * len(n) < COPY_LEVEL)
    if not found.any():
        return ()
    one, other = one[found], other[found]
    # Only of those who are under suspicion: over all annotators this is a third of the whole work.
    looked = deviates & np.isin(votes.annotator, np.concatenate([one, other]))
    strange = sparse.csr_array(
        (np.ones(int(looked.sum())), (votes.annotator[looked], told[looked])), shape=choices
    )
    together = np.asarray((strange @ strange.T).tocsr()[one, other]).ravel() >= LEAST_SHARED_DEVIATIONS
    return _groups(one[together], other[together], n_annotators)


def without_copies(votes: Votes, copiers: tuple[tuple[int, ...], ...]) -> Votes:
    """The votes with one answer a group of copiers and item: that of the first member who answered it."""
    if not copiers:
        return votes
    source = np.arange(len(votes.annotators))
    for group in copiers:
        source[list(group)] = group[0]
    order = np.lexsort((votes.annotator, votes.item))
    pair = votes.item[order] * len(source) + source[votes.annotator[order]]
    kept = np.sort(order[np.unique(pair, return_index=True)[1]])
    return Votes(votes.items, votes.annotators, votes.classes, votes.item[kept],
                 source[votes.annotator[kept]], votes.label[kept])  # fmt: skip


def _against_the_others(votes: Votes) -> tuple[np.ndarray, np.ndarray]:
    """Of each vote: its share in the others' plurality (NaN without others), and whether it deviates."""
    n_items, n_classes = len(votes.items), len(votes.classes)
    counts = np.bincount(votes.item * n_classes + votes.label, minlength=n_items * n_classes)
    counts = counts.reshape(n_items, n_classes)
    agree: np.ndarray
    first = counts.argmax(axis=1)
    most = counts[np.arange(n_items), first]
    leading = (counts == most[:, None]).sum(axis=1)
    rest = counts.copy()
    rest[np.arange(n_items), first] = -1
    second = rest.max(axis=1)
    second_leading = (rest == second[:, None]).sum(axis=1)
    item, own = votes.item, counts[votes.item, votes.label]
    alone = counts.sum(axis=1)[item] == 1
    leads = own == most[item]
    sole = leads & (leading[item] == 1)
    # Without one's own vote, a sole leader may fall level with or behind the next ones.
    agree = np.where(sole & (own - 1 > second[item]), 1.0, 0.0)
    level = sole & (own - 1 == second[item])
    agree = np.where(level, 1 / (second_leading[item] + 1), agree)
    agree = np.where(alone, np.nan, agree)
    return agree, (agree == 0) & ~alone


def _groups(one: np.ndarray, other: np.ndarray, n_annotators: int) -> tuple[tuple[int, ...], ...]:
    links = sparse.coo_array((np.ones(len(one)), (one, other)), shape=(n_annotators, n_annotators))
    _, part = connected_components(links.tocsr(), directed=False)
    groups = (np.flatnonzero(part == number) for number in np.flatnonzero(np.bincount(part) > 1))
    return tuple(tuple(int(code) for code in group) for group in groups)
