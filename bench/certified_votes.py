"""Certificates for labels by votes, in campaigns replayed on real crowds: how often they are wrong.

For each folder `crowd_*` under the folder that `LABELLOOP_DATA` names, items with a known truth come in
`ROUNDS` rounds of one size, those first that people are most divided about, as a strategy has them. After a
round all votes so far are fused by `auto` without gold, and reviewers read on in a random order of the labels
of the rounds before: 75 a round, or an eighth of all items. Then a certificate is tried with its part of
delta. A run is wrong when any certificate accepts more than the target share of wrong labels.

The same is done with as many items drawn from all items in the place of what is read: what gold from the
pool, which goes by the same votes, would certify.

    python -m bench.certified_votes [DATA]
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.certification import LEAST_KNOWN
from bench.crowds import Crowd, real_crowds
from bench.figures import Figure
from labelloop.certification.fused_labels import certify_fused, read_without_gap
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes

RUNS, ROUNDS, DELTA = 100, 4, 0.1
TARGETS = (0.05, 0.1)
READ = 75
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure(folder: Path, data: str | None = None) -> list[Figure]:
    """Wrong runs and accepted labels by set and target; `folder` is not needed."""
    found = data or os.environ.get("LABELLOOP_DATA", "")
    figures = []
    for name, crowd in (real_crowds(Path(found)) if found else {}).items():
        known = int((crowd.truth >= 0).sum())
        if known < LEAST_KNOWN:
            print(f"  {name} left out: the truth of {known} items is known, {LEAST_KNOWN} are needed")
            continue
        played = Played(crowd)
        for target in TARGETS:
            for pool in (False, True):
                wrong, accepted = played.simulate(target, pool)
                title = f"{name}, target {target:.0%}, {'gold of the pool' if pool else 'read at random'}"
                aim = None if pool else 100 * DELTA
                note = f"{100 * accepted:.0f}% of all labels accepted at the end"
                figures.append(Figure(f"wrong runs, {title}", 100 * wrong, "%", at_most=aim, note=note))
    return figures


class Played:
    """A crowd's items in rounds, and their labels after each."""

    def __init__(self, crowd: Crowd) -> None:
        known = np.flatnonzero(crowd.truth >= 0)
        votes = crowd.votes
        counts = np.zeros((len(votes.items), len(votes.classes)))
        np.add.at(counts, (votes.item, votes.label), 1)
        share = counts.max(axis=1) / counts.sum(axis=1)
        order = known[np.argsort(share[known], kind="stable")]
        self.round = np.full(len(votes.items), ROUNDS)
        for number, part in enumerate(np.array_split(order, ROUNDS)):
            self.round[part] = number
        self.items = order
        self.right, self.confidence = [], []
        for number in range(ROUNDS):
            mine = self.round[votes.item] <= number
            there, item = np.unique(votes.item[mine], return_inverse=True)
            part = Votes(votes.items[there], votes.annotators, votes.classes, item, votes.annotator[mine],
                         votes.label[mine])  # fmt: skip
            fused = make_fuser("auto")(part)
            right, confidence = np.zeros(len(votes.items), dtype=bool), np.zeros(len(votes.items))
            right[there] = fused.label == crowd.truth[there]
            confidence[there] = fused.posterior[np.arange(len(there)), fused.label]
            self.right.append(right)
            self.confidence.append(confidence)

    def simulate(self, target: float, pool: bool) -> tuple[float, float]:
        """Share of wrong runs, and the share of all labels that is accepted at the end."""
        rng, wrong, accepted = np.random.default_rng(0), 0, 0.0
        each = min(READ, len(self.items) // 8)
        for _ in range(RUNS):
            order, broken, share = rng.permutation(self.items), False, 0.0
            for number in range(1, ROUNDS):
                here = order[self.round[order] < number]
                read = each * number
                if len(here) <= read:
                    continue
                gold = here[:read]
                if pool:
                    gold = rng.choice(self.items, read, replace=False)
                    # Gold is no label of the stream; the last round's fusion has heard its votes.
                    here = np.concatenate([gold, here[~np.isin(here, gold)]])
                found = read_without_gap(["r000"] * len(here), np.arange(len(here)) < read)
                right, confidence = self.right[number].copy(), self.confidence[number].copy()
                late = gold[self.round[gold] > number]
                right[late], confidence[late] = self.right[-1][late], self.confidence[-1][late]
                kept = np.arange(len(here)) >= found.read
                made = certify_fused(
                    confidence[here], right[gold], kept, target=target, delta=DELTA / (ROUNDS - 1), now=NOW,
                    days=30.0, audit_delta=0.05, classes=[], method="auto", scorer="", verdicts=[],
                    blind=read,
                ).certificate  # fmt: skip
                if made is not None:
                    taken = here[kept & (confidence[here] >= made.threshold)]
                    broken |= len(taken) > 0 and (~right[taken]).mean() > target
                    share = len(taken) / len(self.items)
            wrong, accepted = wrong + broken, accepted + share
        return wrong / RUNS, accepted / RUNS


if __name__ == "__main__":
    for one in measure(Path(), *sys.argv[1:2]):
        name, measured, aim, met, note = one.row
        print(f"{name:<64}{measured:>14}  {aim + ': ' + met if aim else ''}\n    {note}".rstrip(), flush=True)
