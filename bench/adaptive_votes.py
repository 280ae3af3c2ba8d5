"""Right labels for the same number of votes: the same for every item, or more where it is still open.

2,000 items of 5 classes, 40 annotators who know each class in 35 to 90 of 100 cases and mix up classes in
ways of their own; mean of `DRAWS` draws. `fixed` asks as many about each item; `adaptive` asks two about each
and then, a tenth of the items at a time, one more about those of which a vote is worth most: as campaigns
rank second looks (`fusion.vote_gain`, by labels of `auto`), but with no new items to weigh them against and
nobody who may not be asked. `routed` asks as `adaptive` does, from the second vote on of those whom
`annotators.routing` finds for what the item may be, a tenth of the answers at random; `busiest` is how many
even shares the busiest annotator answered. No annotator is asked twice about an item. Each is fused by
majority and by `auto`.

    python -m bench adaptive_votes
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.figures import Figure
from labelloop.annotators.routing import UNLIMITED, Asked, route
from labelloop.annotators.skills import class_skills
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.vote_gain import another_votes_worth
from labelloop.fusion.votes_table import label_table
from labelloop.stages.second_looks import votes_accuracy

DRAWS = 5
ITEMS, CLASSES, PEOPLE = 2000, 5, 40
STEP = ITEMS // 10
EXPLORE, LOAD_WEIGHT = 0.1, 0.1


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
        """One more vote about each, of somebody drawn at random."""
        for item in items:
            self.answer(item, self._random.choice(np.flatnonzero(self.free(item))))

    def answer(self, item: int, who: int) -> None:
        """One vote of this annotator."""
        self._asked[item, who] = True
        answer = (self._random.random() > self._rates[who, self.truth[item]]).sum()
        self._votes.append((int(item), int(who), int(min(answer, CLASSES - 1))))

    def free(self, items: np.ndarray | int) -> np.ndarray:
        """Who was not asked yet; shape (..., PEOPLE), bool."""
        return ~self._asked[items]

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
            fixed, adaptive, routed = Crowd(seed), Crowd(seed), Crowd(seed)
            for _ in range(per_item):
                fixed.ask(np.arange(ITEMS))
            _adapt(adaptive, per_item * ITEMS)
            _adapt(routed, per_item * ITEMS, by_skill=True)
            for name, crowd in (("fixed", fixed), ("adaptive", adaptive), ("routed", routed)):
                for method in ("majority", "auto"):
                    found.setdefault(f"{name}, {method}", []).append(100 * crowd.right(method))
                given = np.bincount(crowd.votes.annotator, minlength=PEOPLE)
                found.setdefault(f"{name}, busiest", []).append(float(given.max() / given.mean()))
        mean = {name: float(np.mean(shares)) for name, shares in found.items()}
        note = ", ".join(f"{name} {share:.1f}" for name, share in mean.items())
        figures += [
            Figure(f"right labels at {per_item} votes an item, {way} and auto", mean[f"{way}, auto"], "%",
                   at_least=goal[per_item], note=note)
            for way, goal in (("adaptive", {3: 90, 4: 95}), ("routed", {3: 91, 4: 97}))
        ]  # fmt: skip
    return figures


def _adapt(crowd: Crowd, budget: int, by_skill: bool = False) -> None:
    crowd.ask(np.arange(ITEMS))
    while (left := budget - len(crowd.votes.item)) > 0:
        votes = crowd.votes
        fused = make_fuser("auto")(votes)
        items = np.flatnonzero(np.bincount(votes.item, minlength=ITEMS) < 2)[:STEP]
        if not len(items):
            items = worth_most(votes, fused, min(left, STEP))
        if by_skill:
            _ask_by_skill(crowd, items, fused.posterior[items])
        else:
            crowd.ask(items)


def worth_most(votes: Votes, fused: Fusion, wanted: int) -> np.ndarray:
    """Items of which one more vote is worth most, the best first."""
    labels = label_table(votes, fused).assign(status="fused")
    worth = another_votes_worth(fused.posterior, votes_accuracy(labels, len(votes.classes)))
    return np.argsort(-worth, kind="stable")[:wanted]


def _ask_by_skill(crowd: Crowd, items: np.ndarray, belief: np.ndarray) -> None:
    votes = crowd.votes
    skills = class_skills(votes, [str(who) for who in range(PEOPLE)], CLASSES)
    one = np.ones(len(items), dtype=np.int64)
    found = route(
        Asked(belief, one, crowd.free(items), one < 1),
        skills.low,
        np.bincount(votes.annotator, minlength=PEOPLE),
        np.full(PEOPLE, UNLIMITED),
        explore=EXPLORE,
        weight=LOAD_WEIGHT,
        seed=len(votes.item),
    )
    for item, who in zip(items[found.item], found.person, strict=True):
        crowd.answer(item, who)
