"""What the others say: for each vote, a consensus that does not contain the annotator's own vote.

Each annotator has one skill, the chance to be right; wrong answers are even over the other classes. With
w_a = log(skill_a (K - 1) / (1 - skill_a)), never below 0, the consensus of the others about item i is::

    q_k = softmax_k(sum of w_b / g_b over votes for k by annotators b outside a's group)

With q the others' chance of the annotator's answer and c = sum_k q_k^2, a right answer is expected to have
q = c and a wrong one q = u = (1 - c) / (K - 1), so the skill is estimated by sum(q - u) / sum(c - u) over the
annotator's votes: an unsure consensus says little, but what it says is not taken for error.

A skill never rests on one's own vote, so nobody can confirm themselves. Annotators who copy each other can
be put into one group: they do not confirm each other either, and count as one beside the rest (g_b is how
many of b's group answered about the item).

Source: the one-coin model of Dawid and Skene (1979), with each annotator left out in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.fusion.base import Votes

ITERATIONS = 20
PRIOR_VOTES = 4.0
"""What the crowd's mean skill weighs against an annotator's own record, in votes."""
LEAST_CHANCE = 0.5
"""Others who are no surer than this, such as people who answer at random, are no measure for anybody."""
MOST_SKILL = 0.98
TIE = 1e-9


@dataclass(frozen=True)
class Others:
    """For each vote, what the others think; in the votes' order."""

    label: np.ndarray
    """Shape (n_votes,), int64: the others' class; -1 where there are no others, two classes are as likely, or
    none is more likely than not."""
    chance: np.ndarray
    """Shape (n_votes,): its probability; NaN where `label` is -1."""
    skill: np.ndarray
    """Shape (n_annotators,): estimated chance to be right."""


def consensus_of_others(votes: Votes, groups: tuple[tuple[int, ...], ...] = ()) -> Others:
    """The leave-one-out consensus for each vote.

    Args:
        votes: coded votes.
        groups: annotator codes that are left out together, since they copy each other.

    Returns:
        The same for any order of the votes, up to rounding; memory linear in the votes.
    """
    n_classes, n_annotators = len(votes.classes), len(votes.annotators)
    group = np.arange(n_annotators)
    for members in groups:
        group[list(members)] = members[0]
    cells = _Cells(votes, group)
    given = np.bincount(votes.annotator, minlength=n_annotators)
    skill: np.ndarray = np.full(n_annotators, _usual_skill(cells, votes))
    for _ in range(ITERATIONS):
        chance, expected = cells.chance_of_own(_weight(skill, n_classes))
        even = (1 - expected) / max(n_classes - 1, 1)
        hits = np.bincount(votes.annotator, weights=chance - even, minlength=n_annotators)
        told = np.bincount(votes.annotator, weights=expected - even, minlength=n_annotators)
        mean = hits.sum() / told.sum() if told.sum() > 0 else 1 / n_classes
        updated = np.clip((hits + PRIOR_VOTES * mean) / (told + PRIOR_VOTES), 0.0, 1.0)
        moved = float(np.abs(updated - skill)[given > 0].max(initial=0.0))
        skill = np.asarray(updated)
        if moved < 1e-6:
            break
    label, chance = cells.likeliest(_weight(skill, n_classes))
    return Others(label, chance, skill)


def _weight(skill: np.ndarray, n_classes: int) -> np.ndarray:
    bounded = np.clip(skill, 1 / n_classes, MOST_SKILL)
    weight: np.ndarray = np.log(bounded * max(n_classes - 1, 1) / (1 - bounded + 1e-12))
    return np.maximum(weight, 0.0)


def _usual_skill(cells: _Cells, votes: Votes) -> float:
    """The skill at which votes would agree as often as they do, with even errors."""
    n_classes = max(len(votes.classes), 2)
    pairs = (cells.size * (cells.size - 1)).sum()
    total = (cells.item_size * (cells.item_size - 1)).sum()
    agree = pairs / total if total else 1.0
    # agree = s^2 + (1 - s)^2 / (K - 1), solved for s.
    spread = max(n_classes * agree - 1, 0.0) * (n_classes - 1)
    return float(min((1 + spread**0.5) / n_classes, 0.95))


class _Cells:
    """Distinct pairs of item and label, the votes in them, and what is left of them without a group."""

    def __init__(self, votes: Votes, group: np.ndarray) -> None:
        n_classes = len(votes.classes)
        self.votes, self.n_classes = votes, n_classes
        keys, self.cell = np.unique(votes.item * n_classes + votes.label, return_inverse=True)
        self.size = np.bincount(self.cell, minlength=len(keys))
        self.item, self.label = keys // n_classes, keys % n_classes
        self.item_size = np.bincount(votes.item, minlength=len(votes.items))
        # What a group said about an item: usually one vote, several where annotators copy each other.
        n_groups = int(group.max(initial=0)) + 1
        whose = votes.item * n_groups + group[votes.annotator]
        said, self.own = np.unique(whose, return_inverse=True)
        self.own_size = np.bincount(self.own, minlength=len(said))
        # Each row: a vote's own group beside one cell of its item.
        cells_of_item = np.bincount(self.item, minlength=len(votes.items))
        first = np.cumsum(cells_of_item) - cells_of_item
        per_own = said // n_groups
        width = cells_of_item[per_own]
        self.row_own = np.repeat(np.arange(len(said)), width)
        begin = np.cumsum(width) - width
        self.begin = begin
        self.row_cell = np.repeat(first[per_own] - begin, width) + np.arange(width.sum())
        self.row_of_vote = begin[self.own] + self.cell - first[votes.item]
        self.unvoted = n_classes - cells_of_item[per_own]
        self.alone = self.item_size[per_own] == self.own_size

    def _scores(self, weight: np.ndarray) -> np.ndarray:
        """For each row, the sum of weights in the cell without the group's own votes."""
        # However many copies of an answer there are, they are one opinion.
        own = weight[self.votes.annotator] / self.own_size[self.own]
        total = np.bincount(self.cell, weights=own, minlength=len(self.size))
        mine = np.bincount(self.row_of_vote, weights=own, minlength=len(self.row_cell))
        scores: np.ndarray = total[self.row_cell] - mine
        # What is left of a sum after its parts are taken off is 0, whatever rounding says.
        scores[scores < 1e-12] = 0.0
        return scores

    def _normalised(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probability of each row's cell; by group and item the probability of a class without votes, and the
        greatest score."""
        if not len(self.begin):
            return scores, scores, scores
        greatest = np.maximum(np.maximum.reduceat(scores, self.begin), 0.0)
        raised = np.exp(scores - greatest[self.row_own])
        rest = np.exp(-greatest)
        total = np.add.reduceat(raised, self.begin) + self.unvoted * rest
        return raised / total[self.row_own], rest / total, greatest

    def chance_of_own(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each vote, the others' probability of its label, and that of a label drawn as they would.

        Without others both are that of an even draw, which says nothing.
        """
        probability, rest, _ = self._normalised(self._scores(weight))
        square = np.bincount(self.row_own, weights=probability**2, minlength=len(self.begin))
        square += self.unvoted * rest**2
        return probability[self.row_of_vote], square[self.own]

    def likeliest(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each vote, the others' likeliest class and its probability."""
        scores = self._scores(weight)
        probability, _, greatest = self._normalised(scores)
        leads = scores >= greatest[self.row_own] - TIE
        leading = np.bincount(self.row_own, weights=leads, minlength=len(self.begin))
        leading += np.where(greatest <= TIE, self.unvoted, 0)
        label = np.full(len(self.begin), -1)
        chance = np.full(len(self.begin), np.nan)
        sole = leads & (leading[self.row_own] == 1) & ~self.alone[self.row_own]
        sole &= probability > LEAST_CHANCE
        label[self.row_own[sole]] = self.label[self.row_cell[sole]]
        chance[self.row_own[sole]] = probability[sole]
        return label[self.own], chance[self.own]
