"""Right labels for the same number of votes: the same for every item, or more where it is still open.

2,000 items of 5 classes, 40 annotators who know each class in 35 to 90 of 100 cases and mix up classes in
ways of their own; mean of `DRAWS` draws. `fixed` asks as many about each item; `adaptive` asks two about each
and then, a tenth of the items at a time, one more about those that `fusion.second_looks` names. No
annotator is asked twice about an item. Each is fused by majority and by `auto`.

    python -m bench adaptive_votes
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.figures import Figure
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.second_looks import second_looks
from labelloop.fusion.votes_table import label_table

DRAWS = 5
ITEMS, CLASSES, PEOPLE = 2000, 5, 40


class Crowd:
    """People who answer when asked, and never twice about an item."""

    def __init__(self, seed: int) -> None:
        rng = self._random = np.random.default_rng(seed)
        self.truth = rng.integers(0, CLASSES, ITEMS)
        right = rng.uniform(0.35, 0.9, (PEOPLE, CLASSES))
        wrong = rng.dirichlet(np.full(CLASSES - 1, 0.5), (PEOPLE, CLASSES)) * (1 - right)[..., None]
        rates = np.empty((PEOPLE, CLASSES, CLASSES))
        for code in range(CLASSES):
            rates[:, code, code] = right[:, code]
            rates[:, code, np.arange(CLASSES) != code] = wrong[:, code]
        self._rates = rates.cumsum(axis=2)
        self._asked = np.zeros((ITEMS, PEOPLE), dtype=bool)
        self._votes: list[tuple[int, int, int]] = []

    def ask(self, items: np.ndarray) -> None:
        """One more vote about each."""
        for item in items:
            who = self._random.choice(np.flatnonzero(~self._asked[item]))
            self._asked[item, who] = True
            answer = (self._random.random() > self._rates[who, self.truth[item]]).sum()
            self._votes.append((int(item), int(who), int(min(answer, CLASSES - 1))))

    @property
    def votes(self) -> Votes:
        item, who, label = np.array(self._votes).T
        return Votes(np.arange(ITEMS), np.arange(PEOPLE), tuple("abcde"), item, who, label)

    def right(self, method: str) -> float:
        """Share of labels that are right."""
        return float((make_fuser(method)(self.votes).label == self.truth).mean())


def measure(folder: Path) -> list[Figure]:
    """Shares of right labels at 3 and 4 votes an item; `folder` is not needed."""
    figures = []
    for per_item in (3, 4):
        found: dict[str, list[float]] = {}
        for seed in range(DRAWS):
            fixed, adaptive = Crowd(seed), Crowd(seed)
            for _ in range(per_item):
                fixed.ask(np.arange(ITEMS))
            _adapt(adaptive, per_item * ITEMS)
            for name, crowd in (("fixed", fixed), ("adaptive", adaptive)):
                for method in ("majority", "auto"):
                    found.setdefault(f"{name}, {method}", []).append(100 * crowd.right(method))
        mean = {name: float(np.mean(shares)) for name, shares in found.items()}
        figures.append(
            Figure(f"right labels at {per_item} votes an item, adaptive and auto", mean["adaptive, auto"],
                   "%", at_least={3: 90, 4: 95}[per_item],
                   note=", ".join(f"{name} {share:.1f}" for name, share in mean.items()))
        )  # fmt: skip
    return figures


def _adapt(crowd: Crowd, budget: int) -> None:
    for _ in range(2):
        crowd.ask(np.arange(ITEMS))
    while (left := budget - len(crowd.votes.item)) > 0:
        votes = crowd.votes
        table = label_table(votes, make_fuser("pooled_dawid_skene")(votes))
        wanted = min(left, ITEMS // 10)
        items = second_looks(
            table.assign(item=table["item"].astype(str)),
            eligible=[str(item) for item in range(ITEMS)],
            confidence=1.0,
            most_votes=PEOPLE,
            wanted=wanted,
        )
        if not items:
            return
        crowd.ask(np.array([int(item) for item in items]))
