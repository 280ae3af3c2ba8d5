"""Fusion: speed against crowd-kit, and accuracy on real crowds, all in one run.

Speed is measured on simulated votes of 100 annotators, 10 classes, 5 votes an item. `dawid_skene` and
crowd-kit's `DawidSkene` do the same ten iterations from the same start, and the greatest difference of their
posteriors is told. Times include what each does with its own input: codes here, a data frame there. They are
the best of two, of one at a million items; memory is the process's peak over what it held with the votes.
Where a machine is busy, the processor seconds of that one tell more than its seconds. `agreement` has 200
bootstrap resamples of items.

Accuracy is measured on folders `crowd_*` with labels.csv (item, worker, label) and truth.csv (item, truth),
under the folder that `LABELLOOP_DATA` names, once with every vote and once with at most three votes an item
drawn at random, `SUBSAMPLES` times. GLAD and MACE run through labelloop's adapters, with every vote alone,
since they take long. Calibration is the expected calibration error (ten bins) on the other items after 50
random items of gold. Without the folder, or without crowd-kit (`pip install crowd-kit`), what needs it is
left out and said.

    python -m bench.fusion [DATA]
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import memory
from bench.figures import Figure
from bench.timing import best_of_two
from labelloop.annotators.agreement import agreement
from labelloop.errors import SettingsError
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.coding import code_votes

SIZES = (10_000, 100_000)
LARGE = 1_000_000
STEPS = 10
SUBSAMPLES = 20
GOLD = 50
RESAMPLES = 200
METHODS = ("majority", "one_coin", "dawid_skene", "map_dawid_skene", "pooled_dawid_skene", "auto")
PEERS = ("MajorityVote", "DawidSkene", "OneCoinDawidSkene", "Wawa", "ZeroBasedSkill")
ADAPTED = ("crowdkit_glad", "crowdkit_mace")
"""Peers that take minutes: run once, with every vote, through labelloop's adapters."""
SEPARATE = 0.01
"""How far below majority `auto` may be on any set."""


def measure(folder: Path, data: str | None = None) -> list[Figure]:
    """Speed, then accuracy where there is data; `folder` is not needed."""
    figures = [figure for size in SIZES for figure in _speed(size)] + _large() + _agreement()
    found = data or os.environ.get("LABELLOOP_DATA", "")
    sets = _sets(Path(found)) if found else {}
    if not sets:
        print(f"  accuracy left out: no crowd_*/labels.csv under LABELLOOP_DATA ({found or 'not set'})")
        return figures
    return figures + _accuracy(sets)


def simulated(n_items: int) -> Votes:
    """Five votes an item by 100 annotators who are right in 55 to 91 of 100 answers."""
    rng = np.random.default_rng(0)
    truth, skill = rng.integers(0, 10, n_items), rng.uniform(0.5, 0.9, 100)
    first, step = rng.integers(0, 100, (n_items, 1)), rng.integers(1, 20, (n_items, 1))
    item, who = np.repeat(np.arange(n_items), 5), ((first + np.arange(5) * step) % 100).ravel()
    label = np.where(rng.random(len(item)) < skill[who], truth[item], rng.integers(0, 10, len(item)))
    return Votes(np.arange(n_items), np.arange(100), tuple("abcdefghij"), item, who, label)


def peer_named(name: str) -> Any:
    """A class of crowd-kit, or None where it is not installed."""
    try:
        from crowdkit import aggregation  # type: ignore[import-not-found]
    except ImportError:
        return None
    return getattr(aggregation, name)


def _speed(size: int) -> list[Figure]:
    votes = simulated(size)
    exact = make_fuser("dawid_skene", {"max_iter": STEPS, "tol": -np.inf})
    seconds, fusion = best_of_two(lambda: exact(votes))
    figures = [
        Figure(f"dawid_skene, {size:,} items x 5, {STEPS} iterations", seconds, "s"),
        *(
            Figure(f"{name}, {size:,} items x 5", best_of_two(partial(make_fuser(name), votes))[0], "s")
            for name in ("map_dawid_skene", "auto")
        ),
    ]
    peer = peer_named("DawidSkene")
    if peer is None:
        print("  crowd-kit left out: it is not installed (pip install crowd-kit)")
        return figures
    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    theirs, fitted = best_of_two(lambda: peer(n_iter=STEPS, tol=-1e9).fit(table))
    posterior = fitted.probas_.reindex(index=range(size), columns=range(10)).to_numpy()
    apart = float(np.abs(posterior - fusion.posterior).max())
    return [
        *figures,
        Figure(f"crowd-kit's DawidSkene over dawid_skene, {size:,} items", theirs / seconds, "times",
               at_least=8, note=f"{theirs:.2f} s against {seconds:.3f} s"),
        Figure(f"greatest difference of posteriors, {size:,} items", apart * 1e9, "1e-9", at_most=10),
    ]  # fmt: skip


def _large() -> list[Figure]:
    votes = simulated(LARGE)
    figures = []
    for name in ("map_dawid_skene", "auto"):
        fuser = make_fuser(name)
        memory.forget_peak()
        before = memory.resident()
        begun, spent = time.perf_counter(), time.process_time()
        fuser(votes)
        seconds, worked = time.perf_counter() - begun, time.process_time() - spent
        figures += [
            Figure(f"{name}, {LARGE:,} items x 5", seconds, "s", at_most=15,
                   note=f"{worked:.1f} processor seconds"),
            Figure(f"memory of {name} beyond the votes", memory.peak() - before, "MB", at_most=1000),
        ]  # fmt: skip
    return figures


def _agreement() -> list[Figure]:
    votes = simulated(SIZES[-1])
    spent = time.process_time()
    seconds, _ = best_of_two(lambda: agreement(votes, resamples=RESAMPLES))
    return [Figure(f"agreement, {RESAMPLES} resamples, {SIZES[-1]:,} items x 5", seconds, "s", at_most=10,
                   note=f"{(time.process_time() - spent) / 2:.1f} processor seconds")]  # fmt: skip


def _sets(data: Path) -> dict[str, tuple[Votes, np.ndarray]]:
    """Votes and truth (-1 where it is not known) of each folder that has item, worker, label and truth."""
    found = {}
    for truth_file in sorted(data.glob("crowd_*/truth.csv")):
        files = sorted(truth_file.parent.glob("labels.csv*"))
        truth = pd.read_csv(truth_file, dtype=str)
        if not files or "truth" not in truth.columns or "numeric" in truth_file.parent.name:
            continue
        table = pd.read_csv(files[0], dtype=str, usecols=["item", "worker", "label"])
        table = table.rename(columns={"worker": "annotator"})
        votes = code_votes(table, sorted({*table["label"], *truth["truth"]}))
        known = truth.set_index("item")["truth"].reindex(votes.items)
        codes = np.asarray(pd.Categorical(known, categories=list(votes.classes)).codes, dtype=np.int64)
        found[truth_file.parent.name.removeprefix("crowd_")] = (votes, codes)
    return found


def _accuracy(sets: dict[str, tuple[Votes, np.ndarray]]) -> list[Figure]:
    peers = [name for name in PEERS if _runs(name)]
    adapted = [name for name in ADAPTED if _installed(name)]
    figures: list[Figure] = []
    for title, runs in (("every vote", 1), ("3 votes an item", SUBSAMPLES)):
        right: dict[str, dict[str, float]] = {}
        ranks: dict[str, dict[str, float]] = {}
        errors: dict[str, float] = {}
        took: dict[str, float] = {}
        for name, (votes, truth) in sets.items():
            drawn = [votes if runs == 1 else at_most(votes, 3, seed) for seed in range(runs)]
            for method in (*METHODS, *(adapted if runs == 1 else ())):
                spent = time.process_time()
                fusions = [make_fuser(method)(one) for one in drawn]
                took[method] = took.get(method, 0.0) + time.process_time() - spent
                known = truth >= 0
                hits = [(fusion.label == truth)[known] for fusion in fusions]
                right.setdefault(method, {})[name] = float(np.mean(hits))
                sure = [fusion.posterior.max(axis=1)[known] for fusion in fusions]
                ranks.setdefault(method, {})[name] = float(np.mean([
                    area for area in map(_area, sure, hits) if not np.isnan(area)
                ] or [0.5]))  # fmt: skip
            for peer in peers:
                right.setdefault(f"crowd-kit {peer}", {})[name] = float(np.mean([
                    _peer_accuracy(peer, one, truth) for one in drawn
                ]))  # fmt: skip
            if (truth >= 0).sum() > 2 * GOLD:
                errors[name] = float(np.mean([
                    _calibration(votes if runs == 1 else drawn[seed % runs], truth, seed)
                    for seed in range(max(runs, 5))
                ]))  # fmt: skip
        figures += _figures(title, right, ranks, errors)
        if runs == 1:
            figures += [Figure(f"processor time of {method}, {title}, all sets", seconds, "s")
                        for method, seconds in took.items()]  # fmt: skip
    return figures


def _figures(
    title: str,
    right: dict[str, dict[str, float]],
    ranks: dict[str, dict[str, float]],
    errors: dict[str, float],
) -> list[Figure]:
    mean = {name: float(np.mean(list(found.values()))) for name, found in right.items()}
    best = max(mean[name] for name in mean if name != "auto")
    share = float(np.mean(list(ranks["majority"].values())))
    worst = min(right["auto"][name] - right["majority"][name] for name in right["auto"])
    figures = [
        Figure(f"accuracy, {title}, {name}", 100 * mean[name], "%",
               at_least=100 * best if name == "auto" else None,
               note=", ".join(f"{one} {100 * value:.1f}" for one, value in found.items()), details=found)
        for name, found in right.items()
    ]  # fmt: skip
    figures += [
        Figure(f"area under the curve of finding wrong labels, {title}, {name}",
               float(np.mean(list(found.values()))), "", at_least=share if name == "auto" else None)
        for name, found in ranks.items()
    ]  # fmt: skip
    return [
        *figures,
        Figure(f"auto less majority, {title}, the worst set", 100 * worst, "points",
               at_least=-100 * SEPARATE),
        Figure(f"calibration error of auto after {GOLD} gold, {title}",
               float(np.mean(list(errors.values()))), "", at_most=0.06,
               note=", ".join(f"{one} {value:.3f}" for one, value in errors.items())),
    ]  # fmt: skip


def at_most(votes: Votes, most: int, seed: int) -> Votes:
    """At most so many votes an item, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(votes.item))
    order = order[np.argsort(votes.item[order], kind="stable")]
    item = votes.item[order]
    rank = np.arange(len(item)) - np.searchsorted(item, item)
    kept = np.sort(order[rank < most])
    return Votes(votes.items, votes.annotators, votes.classes, votes.item[kept], votes.annotator[kept],
                 votes.label[kept])  # fmt: skip


def _runs(name: str) -> bool:
    """Whether a peer is installed and works with the libraries that are installed beside it."""
    if peer_named(name) is None:
        return False
    try:
        _peer_accuracy(name, at_most(simulated(100), 5, 0), np.zeros(100, dtype=np.int64))
    except (AttributeError, TypeError, ValueError) as error:
        print(f"  crowd-kit's {name} left out, it fails with these libraries: {str(error)[:120]}")
        return False
    return True


def _installed(method: str) -> bool:
    try:
        make_fuser(method)
    except SettingsError as error:
        print(f"  {method} left out: {error}")
        return False
    return True


def _peer_accuracy(name: str, votes: Votes, truth: np.ndarray) -> float:
    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    labels = peer_named(name)().fit_predict(table)
    known = np.flatnonzero(truth >= 0)
    return float((labels.reindex(known).to_numpy() == truth[known]).mean())


def _calibration(votes: Votes, truth: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    told = rng.choice(np.flatnonzero(truth >= 0), GOLD, replace=False)
    gold = np.full(len(truth), -1)
    gold[told] = truth[told]
    fusion = make_fuser("auto")(votes, gold=gold)
    judged = (truth >= 0) & (gold < 0)
    sure, hit = fusion.posterior.max(axis=1)[judged], (fusion.label == truth)[judged]
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(sure[bins == one].sum() - hit[bins == one].sum()) for one in np.unique(bins)]
    return float(sum(gaps) / judged.sum())


def _area(sure: np.ndarray, hit: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(hit, sure)) if 0 < hit.sum() < len(hit) else float("nan")


if __name__ == "__main__":
    for one in measure(Path(), *sys.argv[1:2]):
        name, measured, aim, met, note = one.row
        print(f"{name:<64}{measured:>14}  {aim + ': ' + met if aim else ''}\n    {note}".rstrip())
