"""Certificates on real crowds: how often they are wrong, and how much they accept.

For each folder `crowd_*` under the folder that `LABELLOOP_DATA` names, votes are fused by `auto` without
gold. Then `RUNS` times: gold is drawn at random from the items with a known truth (300, or half of them), a
threshold is looked for, and what it accepts is compared with the truth. A run is wrong when more than the
target share is wrong, of all labels at or above the threshold (the stream), and of those that are accepted
(the stream without its gold). Coverage is the accepted share of the stream, 0 where nothing was certified.

    python -m bench.certification [DATA]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from bench.crowds import real_crowds
from bench.figures import Figure
from labelloop.certification.threshold_tests import COVERAGES, find_threshold
from labelloop.fusion import make_fuser

RUNS = 500
GOLD = 300
DELTA = 0.1
TARGETS = (0.05, 0.1)
LEAST_KNOWN = 200
"""Items with a known truth that a set must have."""


def measure(folder: Path, data: str | None = None) -> list[Figure]:
    """Wrong runs and coverage by set, test and target; `folder` is not needed."""
    found = data or os.environ.get("LABELLOOP_DATA", "")
    figures = []
    for name, crowd in (real_crowds(Path(found)) if found else {}).items():
        known = np.flatnonzero(crowd.truth >= 0)
        if len(known) < LEAST_KNOWN:
            print(f"  {name} left out: the truth of {len(known)} items is known, {LEAST_KNOWN} are needed")
            continue
        fusion = make_fuser("auto")(crowd.votes)
        confidence, correct = fusion.posterior.max(axis=1)[known], (fusion.label == crowd.truth)[known]
        for test in COVERAGES:
            for target in TARGETS:
                figures += _figures(name, test, target, confidence, correct)
    if not figures:
        print(f"  left out: no crowd_*/labels.csv under LABELLOOP_DATA ({found or 'not set'})")
    return figures


def _figures(
    name: str, test: str, target: float, confidence: np.ndarray, correct: np.ndarray
) -> list[Figure]:
    wrong_stream, wrong_rest, coverage = simulate(confidence, correct, target, test, RUNS)
    n_gold = min(GOLD, len(confidence) // 2)
    note = (f"{n_gold} gold of {len(confidence)}; {(~correct).mean():.1%} of all labels are wrong; wrong "
            f"runs by the whole stream {wrong_stream:.1%}")  # fmt: skip
    title = f"{name}, {test}, target {target:.0%}"
    return [
        Figure(f"wrong runs, {title}", 100 * wrong_rest, "%", at_most=100 * DELTA, note=note),
        Figure(f"coverage, {title}", 100 * coverage, "%"),
    ]


def simulate(
    confidence: np.ndarray, correct: np.ndarray, target: float, test: str, runs: int
) -> tuple[float, float, float]:
    """Share of wrong runs by the stream and by what is accepted, and the mean coverage."""
    n = len(confidence)
    rng = np.random.default_rng(0)
    wrong_stream, wrong_rest, coverage = 0, 0, 0.0
    for _ in range(runs):
        gold = np.zeros(n, dtype=bool)
        gold[rng.choice(n, min(GOLD, n // 2), replace=False)] = True
        found = find_threshold(
            confidence, confidence[gold], correct[gold], target=target, delta=DELTA, test=test
        ).chosen
        if found is not None:
            above = confidence >= found.threshold
            wrong_stream += (~correct[above]).mean() > target
            wrong_rest += bool((above & ~gold).any()) and (~correct[above & ~gold]).mean() > target
            coverage += found.coverage
    return wrong_stream / runs, wrong_rest / runs, coverage / runs


if __name__ == "__main__":
    for one in measure(Path(), *sys.argv[1:2]):
        name, measured, aim, met, note = one.row
        print(f"{name:<64}{measured:>14}  {aim + ': ' + met if aim else ''}\n    {note}".rstrip())
