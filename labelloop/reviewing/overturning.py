"""How often reviewers overturn a label, by why they were shown it.

Labels that are unsure, or that a model contradicts, are wrong more often than others: their share tells
whether it pays to look there. That of the random slice alone is an unbiased estimate of how many of all
labels by votes are wrong, with reviewers taken to be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelloop.evaluation.intervals import wilson
from labelloop.reviewing import verdicts
from labelloop.reviewing.queue import RANDOM, REASONS
from labelloop.reviewing.random_slice import slice_of
from labelloop.reviewing.verdicts import Verdict


@dataclass(frozen=True)
class Overturned:
    """What reviewers said of labels that they were shown for one reason."""

    reason: str
    """One of `queue.REASONS`; `random` is the whole random slice, whatever its items were reviewed for."""
    reviewed: int
    """Labels with a verdict. What had no label before is not counted."""
    overturned: int
    """Those that got another label."""
    missing: int = 0
    """Labels of the random slice that have no verdict yet."""

    @property
    def share(self) -> float | None:
        """Of the reviewed; None without any."""
        return self.overturned / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Wilson's, 95%."""
        return wilson(self.overturned, self.reviewed) if self.reviewed else (None, None)


def by_reason(said: Sequence[Verdict], by_votes: Mapping[str, str], seed: int) -> list[Overturned]:
    """One row a reason for which anything was reviewed, in the order of `queue.REASONS`.

    Args:
        said: all verdicts, oldest first; of each item the last counts.
        by_votes: the labels that rest on votes, by item.
        seed: the campaign's.
    """
    rows = []
    for reason in REASONS:
        if reason == RANDOM:
            row = random_slice(said, by_votes, seed)
        else:
            last = verdicts.standing(one for one in said if one.reason == reason and one.was)
            row = Overturned(reason, len(last), sum(one.label != one.was for one in last.values()))
        if row.reviewed:
            rows.append(row)
    return rows


def random_slice(said: Sequence[Verdict], by_votes: Mapping[str, str], seed: int) -> Overturned:
    """The random slice: what votes say now against the verdicts that stand; see `reviewing.random_slice`."""
    standing = verdicts.standing(said)
    items = slice_of(by_votes, seed, {one.item for one in said if one.reason == RANDOM})
    done = [item for item in items if item in standing]
    wrong = sum(standing[item].label != by_votes[item] for item in done)
    return Overturned(RANDOM, len(done), wrong, len(items) - len(done))
