"""Right labels for the same number of real people's votes: evenly spread, or where a vote is worth most.

Real crowds gave every item many votes. Here each item's votes are put into a random order and shown one by
one: `even` shows the item with the fewest the next one; `by worth` shows two of each and then, a tenth of
the items at a time, the next of those of which campaigns rank a second look first (`fusion.vote_gain`, by
labels of `auto`). Labels are by `auto`, without gold. Crowds with five votes an item and more, and up to
2,000 items; the others are left out. Means of `DRAWS` orders; the interval is Student's t over the orders,
so it is about these crowds alone.

    LABELLOOP_DATA=FOLDER python -m bench adaptive_crowds
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from scipy import stats

from bench.adaptive_votes import worth_most
from bench.crowds import Crowd, real_crowds
from bench.figures import Figure
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes

DRAWS = 10
BUDGETS = (3, 4)
"""Votes an item, on average."""
LEAST_VOTES, MOST_ITEMS = 5, 2000


class Shown:
    """The votes of a crowd that were shown so far."""

    def __init__(self, crowd: Crowd, seed: int) -> None:
        self._all = votes = crowd.votes
        self.there = np.bincount(votes.item, minlength=len(votes.items))
        order = np.random.default_rng(seed).permutation(len(votes.item))
        self._order = order[np.argsort(votes.item[order], kind="stable")]
        self._first = np.cumsum(self.there) - self.there
        self.count = np.minimum(2, self.there)

    @property
    def votes(self) -> Votes:
        votes = self._all
        shown = np.concatenate([
            self._order[first : first + count]
            for first, count in zip(self._first, self.count, strict=True)
        ])  # fmt: skip
        return Votes(votes.items, votes.annotators, votes.classes, votes.item[shown],
                     votes.annotator[shown], votes.label[shown])  # fmt: skip

    def show(self, by_worth: bool, budget: int) -> None:
        """Show votes until there are `budget` of them, or all."""
        while (left := budget - int(self.count.sum())) > 0:
            open_ones = np.flatnonzero(self.count < self.there)
            wanted = min(left, max(1, len(self.count) // 10))
            if not len(open_ones):
                return
            if by_worth:
                votes = self.votes
                ranked = worth_most(votes, make_fuser("auto")(votes), len(self.count))
                chosen = ranked[np.isin(ranked, open_ones)][:wanted]
            else:
                chosen = open_ones[np.argsort(self.count[open_ones], kind="stable")][:wanted]
            self.count[chosen] += 1


def measure(folder: Path) -> list[Figure]:
    """Points by which labels are more often right, by crowd and budget; `folder` is not needed."""
    data = os.environ.get("LABELLOOP_DATA", "")
    figures = []
    for name, crowd in (real_crowds(Path(data)) if data else {}).items():
        per_item = len(crowd.votes.item) / len(crowd.votes.items)
        if per_item < LEAST_VOTES or len(crowd.votes.items) > MOST_ITEMS:
            print(f"  {name} left out: {per_item:.1f} votes an item, {len(crowd.votes.items)} items")
            continue
        right = np.array([_right(crowd, seed) for seed in range(DRAWS)])
        for place, budget in enumerate(BUDGETS):
            even, by_worth = right[:, 0, place], right[:, 1, place]
            lead = by_worth - even
            half = stats.t.ppf(0.975, DRAWS - 1) * lead.std(ddof=1) / np.sqrt(DRAWS)
            note = f"{even.mean():.1f} evenly, {by_worth.mean():.1f} by worth; 95% ± {half:.1f}"
            figures.append(Figure(f"{name}, {budget} votes an item: right labels, by worth over evenly",
                                  float(lead.mean()), "points", note=note))  # fmt: skip
    if not figures:
        print(f"  left out: no crowd_*/labels.csv under LABELLOOP_DATA ({data or 'not set'})")
    return figures


def _right(crowd: Crowd, seed: int) -> list[list[float]]:
    """Percent of right labels: a row evenly and one by worth, a column a budget."""
    known = crowd.truth >= 0
    rows = []
    for by_worth in (False, True):
        shown, found = Shown(crowd, seed), []
        for budget in BUDGETS:
            shown.show(by_worth, budget * len(shown.count))
            label = make_fuser("auto")(shown.votes).label
            found.append(100 * float((label == crowd.truth)[known].mean()))
        rows.append(found)
    return rows
