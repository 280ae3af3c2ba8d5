"""Fusion: seconds and memory, beside crowd-kit.

Simulated votes of 100 annotators, 10 classes, 5 votes an item. `dawid_skene` and crowd-kit's `DawidSkene` do
the same ten iterations from the same start, and the greatest difference of their posteriors is told. Times
include what each does with its own input: codes here, a data frame there. They are processor seconds, the
best of two, of one at a million items: on a busy machine seconds say little. Memory is the process's peak
over what it held with the votes. `agreement` has 200 bootstrap resamples of items.

    python -m bench fusion_speed
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import fusion_peers, memory
from bench.crowds import simulated
from bench.figures import Figure
from labelloop.annotators.agreement import agreement
from labelloop.fusion import make_fuser

SIZES = (10_000, 100_000)
LARGE = 1_000_000
STEPS = 10
RESAMPLES = 200


def measure(folder: Path) -> list[Figure]:
    """All figures; `folder` is not needed."""
    return [figure for size in SIZES for figure in _beside_crowd_kit(size)] + _large() + _agreement()


def best_of(times: int, call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Least processor seconds and least seconds of some calls, and what the last gave."""
    took, worked, result = [], [], None
    for _ in range(times):
        begun, spent = time.perf_counter(), time.process_time()
        result = call()
        took.append(time.perf_counter() - begun)
        worked.append(time.process_time() - spent)
    return min(worked), min(took), result


def _beside_crowd_kit(size: int) -> list[Figure]:
    votes = simulated(size)
    exact = make_fuser("dawid_skene", {"max_iter": STEPS, "tol": -np.inf})
    ours, seconds, fusion = best_of(2, lambda: exact(votes))
    figures = [_timed(f"dawid_skene, {size:,} items x 5, {STEPS} iterations", ours, seconds)]
    for name in ("map_dawid_skene", "auto"):
        worked, took, _ = best_of(2, partial(make_fuser(name), votes))
        figures.append(_timed(f"{name}, {size:,} items x 5", worked, took))
    if "crowdkit" in fusion_peers.MISSING:
        print("  crowd-kit left out: it is not installed (pip install crowd-kit)")
        return figures
    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    model = type(fusion_peers.crowdkit_model("DawidSkene"))
    theirs, wall, fitted = best_of(2, lambda: model(n_iter=STEPS, tol=-1e9).fit(table))
    posterior = fitted.probas_.reindex(index=range(size), columns=range(10)).to_numpy()
    apart = float(np.abs(posterior - fusion.posterior).max())
    return [
        *figures,
        Figure(f"crowd-kit's DawidSkene over dawid_skene, {size:,} items", theirs / ours, "times",
               at_least=8, note=f"{theirs:.2f} processor seconds against {ours:.3f}; {wall / seconds:.1f} "
               "times in seconds"),
        Figure(f"greatest difference of posteriors, {size:,} items", apart * 1e9, "1e-9", at_most=10),
    ]  # fmt: skip


def _large() -> list[Figure]:
    votes = simulated(LARGE)
    figures = []
    for name in ("dawid_skene", "map_dawid_skene", "auto"):
        fuser = make_fuser(name)
        memory.forget_peak()
        before = memory.resident()
        worked, took, _ = best_of(1, partial(fuser, votes))
        figures += [
            _timed(f"{name}, {LARGE:,} items x 5", worked, took, at_most=15),
            Figure(f"memory of {name} beyond the votes", memory.peak() - before, "MB", at_most=1000),
        ]
    return figures


def _agreement() -> list[Figure]:
    votes = simulated(SIZES[-1])
    worked, took, _ = best_of(2, lambda: agreement(votes, resamples=RESAMPLES))
    return [_timed(f"agreement, {RESAMPLES} resamples, {SIZES[-1]:,} items x 5", worked, took, at_most=10)]


def _timed(name: str, worked: float, took: float, at_most: float | None = None) -> Figure:
    note = f"processor seconds; {took:.2f} seconds at a load of {os.getloadavg()[0]:.1f}"
    return Figure(name, worked, "s", at_most=at_most, note=note)
