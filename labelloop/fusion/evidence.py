"""What votes show before any fusion: how many there are, how they hang together, and who copies whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from labelloop.fusion.base import Votes
from labelloop.fusion.dependence import PairAgreement, copying_among, pair_agreement


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
    """Groups of annotator codes, ascending, whose answers depend on each other; see `dependence.copying`."""
    pairs: PairAgreement
    """How often annotators agree."""


def evidence_of(votes: Votes) -> Evidence:
    """Look at votes; the same for any order of them."""
    per_item = np.bincount(votes.item, minlength=len(votes.items))
    per_annotator = np.bincount(votes.annotator, minlength=len(votes.annotators))
    components, largest = connectivity(votes)
    pairs = pair_agreement(votes)
    return Evidence(
        votes_per_item=float(np.median(per_item[per_item > 0])) if len(votes.item) else 0.0,
        votes_per_annotator=float(np.median(per_annotator[votes.annotator])) if len(votes.item) else 0.0,
        largest_component=largest,
        components=components,
        copiers=copying_among(votes, pairs),
        pairs=pairs,
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


def without_copies(votes: Votes, copiers: tuple[tuple[int, ...], ...]) -> Votes:
    """The votes with one answer a group and item: what most of its members said, under the first one's code.

    Among answers that as many of them gave it is that of the first member.
    """
    if not copiers:
        return votes
    source = np.arange(len(votes.annotators))
    for group in copiers:
        source[list(group)] = group[0]
    voter = votes.item * len(source) + source[votes.annotator]
    said = voter * len(votes.classes) + votes.label
    _, cell, times = np.unique(said, return_inverse=True, return_counts=True)
    order = np.lexsort((votes.annotator, -times[cell], voter))
    kept = np.sort(order[np.unique(voter[order], return_index=True)[1]])
    return Votes(votes.items, votes.annotators, votes.classes, votes.item[kept],
                 source[votes.annotator[kept]], votes.label[kept])  # fmt: skip
