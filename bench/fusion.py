"""Fusion: which labels are right, and whether confidence means what it says, beside other packages.

Crowds are the folders `crowd_*` under `--data` with labels.csv (item, worker, label) and truth.csv (item,
truth), once with every vote and once with at most three votes an item drawn at random, `DRAWS` times (a crowd
that has no more anyway once; slow methods of other packages `SLOW_DRAWS` times); further real crowds that
nothing here was chosen on (`crowds.further_crowds`); and simulated ones that err in ways no method assumes
(`crowds_simulated`). Measured are

- right: share of the labels that are right, of items with a known truth;
- found: area under the curve of telling right labels from wrong ones by their confidence; and for the labels
  of `auto` the same by the plain share of the votes that a label has;
- error: expected calibration error (ten bins) on the other items after 50 random items of gold, for
  labelloop's own methods;
- seconds: processor seconds.

A method that fails on a crowd is left out there, and the reason is kept. `constants` are `auto` with other
weights of its priors, from which a choice is made that leaves out the set it is judged on.

    python -m bench.fusion --data FOLDER [--workers 2] [--table-only]

Results are appended to a file of JSON lines, one a crowd, draw and method; a run that was stopped goes on
from there. `python -m bench fusion` does what is missing with the folder that `LABELLOOP_DATA` names, and
gives the figures with their aims. `bench.fusion_speed` measures seconds and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench import fusion_peers
from bench.crowds import Crowd, at_most, further_crowds, real_crowds
from bench.crowds_simulated import CROWDS
from bench.figures import Figure
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes

RESULTS = Path(__file__).parent / "results" / "fusion.jsonl"
DRAWS = 20
SIMULATED_DRAWS = 10
SLOW_DRAWS = 5
SLOW = (
    "crowd-kit GLAD", "crowd-kit OneCoinDawidSkene", "crowd-kit ZeroBasedSkill", "snorkel LabelModel",
)  # fmt: skip
MOST_VOTES = 3
GOLD = 50
GOLD_DRAWS = 20
OWN = ("majority", "one_coin", "dawid_skene", "map_dawid_skene", "pooled_dawid_skene", "auto")
WEIGHTS = (0.3, 1.0, 3.0, 10.0, 30.0)
CONSTANTS = {
    f"constants {skill:g} {crowd:g}": {"skill_weight": skill, "crowd_weight": crowd, "blend_votes": True}
    for skill in WEIGHTS for crowd in WEIGHTS
}  # fmt: skip

Job = tuple[str, str, str, int]
"""Kind (real, further, simulated), name, votes (every or 3) and draw."""


@lru_cache(maxsize=1)
def _real(data: str) -> dict[str, Crowd]:
    return real_crowds(Path(data))


@lru_cache(maxsize=1)
def _further(data: str) -> dict[str, Crowd]:
    return further_crowds(Path(data))


def crowd_of(job: Job, data: str) -> Crowd:
    """The votes and the truth of a job."""
    kind, name, votes, draw = job
    if kind == "simulated":
        return CROWDS[name](draw)
    crowd = (_real if kind == "real" else _further)(data)[name]
    return crowd if votes == "every" else Crowd(at_most(crowd.votes, MOST_VOTES, draw), crowd.truth)


def jobs_of(data: str) -> list[Job]:
    """Everything there is to do, draw by draw."""
    jobs: list[Job] = [("real", name, "every", 0) for name in _real(data)]
    jobs += [("further", name, "every", 0) for name in _further(data)]
    for draw in range(DRAWS):
        for name in _real(data):
            job = ("real", name, "3", draw)
            jobs += [job] if not draw or _drawn_again(job, data) else []
        jobs += [("simulated", name, "every", draw) for name in CROWDS if draw < SIMULATED_DRAWS]
    return jobs


def _drawn_again(job: Job, data: str) -> bool:
    """Whether another draw gives other votes."""
    kind, name, votes, _ = job
    if kind != "real" or votes == "every":
        return kind == "simulated"
    return bool(np.bincount(_real(data)[name].votes.item).max() > MOST_VOTES)


def methods_of(job: Job) -> dict[str, Callable[[Votes], fusion_peers.Answer]]:
    """Name to a function of votes that gives labels and how sure they are."""
    own = {name: partial(_own, name, {}) for name in OWN}
    if job[0] == "further":
        return own | _named("crowd-kit DawidSkene", "crowd-kit MajorityVote")
    if job[0] == "simulated":
        return own | _named(
            "crowd-kit DawidSkene", *(("crowd-kit GLAD", "crowd-kit MACE") if job[3] < SLOW_DRAWS else ())
        )
    constants = {name: partial(_own, "pooled_dawid_skene", options) for name, options in CONSTANTS.items()}
    peers = _named(*(name for name in fusion_peers.PEERS if job[3] < SLOW_DRAWS or name not in SLOW))
    return own | constants | peers


def _named(*names: str) -> dict[str, Callable[[Votes], fusion_peers.Answer]]:
    return {name: fusion_peers.PEERS[name] for name in names if name in fusion_peers.PEERS}


def _own(name: str, options: dict[str, Any], votes: Votes) -> fusion_peers.Answer:
    fusion = make_fuser(name, options)(votes)
    return fusion.label, fusion.posterior.max(axis=1)


def run_job(job: Job, methods: Sequence[str], data: str, results: Path) -> float:
    """Some methods on one crowd; appends a line each. Returns the seconds it took."""
    import warnings

    from threadpoolctl import threadpool_limits

    begun = time.perf_counter()
    warnings.simplefilter("ignore")
    crowd = crowd_of(job, data)
    calls = methods_of(job)
    gold_seeds = [job[3]] if _drawn_again(job, data) else range(GOLD_DRAWS)
    with threadpool_limits(limits=1):
        for name in methods:
            line = dict(zip(("kind", "set", "votes", "draw"), job, strict=True)) | {"method": name}
            spent = time.process_time()
            try:
                label, sure = calls[name](crowd.votes)
            except Exception as error:
                if name in OWN:
                    raise
                line["failed"] = f"{type(error).__name__}: {error}"[:200]
            else:
                line["seconds"] = round(time.process_time() - spent, 3)
                line |= score(crowd, label, sure)
                if name in OWN and (crowd.truth >= 0).sum() > 2 * GOLD:
                    line["error"] = calibration_error(crowd, name, gold_seeds)
                if name == "auto":
                    line["found_by_share"] = area(*_shares_of(crowd, label))
            # One write a line: several workers append to the file.
            with results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
    return time.perf_counter() - begun


def score(crowd: Crowd, label: np.ndarray, sure: np.ndarray | None) -> dict[str, float | None]:
    """`right` and `found`."""
    known = crowd.truth >= 0
    hit = (label == crowd.truth)[known]
    return {"right": float(hit.mean()), "found": None if sure is None else area(sure[known], hit)}


def area(sure: np.ndarray, hit: np.ndarray) -> float | None:
    """Area under the curve of telling hits by how sure they are; None where all hit, or none."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(hit, sure)) if 0 < hit.sum() < len(hit) else None


def calibration_error(crowd: Crowd, method: str, seeds: Iterable[int]) -> float:
    """Expected calibration error on what is not gold, mean of a draw of gold for each seed."""
    known, found = np.flatnonzero(crowd.truth >= 0), []
    for seed in seeds:
        told = np.random.default_rng(seed).choice(known, GOLD, replace=False)
        gold = np.full(len(crowd.truth), -1)
        gold[told] = crowd.truth[told]
        fusion = make_fuser(method)(crowd.votes, gold=gold)
        judged = (crowd.truth >= 0) & (gold < 0)
        sure, hit = fusion.posterior.max(axis=1)[judged], (fusion.label == crowd.truth)[judged]
        bins = np.minimum((sure * 10).astype(int), 9)
        gaps = [abs(sure[bins == one].sum() - hit[bins == one].sum()) for one in np.unique(bins)]
        found.append(sum(gaps) / judged.sum())
    return float(np.mean(found))


def _shares_of(crowd: Crowd, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each label's plain share of the votes, and whether the label is right, of items with a known truth."""
    votes, n_items = crowd.votes, len(crowd.votes.items)
    total = np.bincount(votes.item, minlength=n_items)
    agreeing = np.bincount(votes.item[votes.label == label[votes.item]], minlength=n_items)
    known = crowd.truth >= 0
    return (agreeing / np.maximum(total, 1))[known], (label == crowd.truth)[known]


def run_missing(data: str, workers: int, results: Path, only: Sequence[str] = ()) -> None:
    """Do what `results` does not have yet, of all methods or of those whose names begin as one of `only`."""
    for package in fusion_peers.MISSING:
        print(f"  {package} left out: it is not installed", file=sys.stderr)
    results.parent.mkdir(parents=True, exist_ok=True)
    done = {_key(line) for line in read_results(results)}
    wanted = tuple(only) or ("",)
    left = {
        job: [name for name in methods_of(job) if name.startswith(wanted) and (*job, name) not in done]
        for job in jobs_of(data)
    }
    jobs = [(job, names) for job, names in left.items() if names]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_job, job, names, data, results): job for job, names in jobs}
        for number, future in enumerate(as_completed(futures), start=1):
            told = f"{number} of {len(jobs)}: {' '.join(map(str, futures[future]))}, {future.result():.0f} s"
            print(told, file=sys.stderr, flush=True)


def _key(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("kind", "set", "votes", "draw", "method"))


def read_results(path: Path) -> list[dict[str, Any]]:
    """One line a crowd, draw and method; the last where two runs at once did the same."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return list({_key(line): line for line in map(json.loads, lines)}.values())


def measure(folder: Path) -> list[Figure]:
    """What is missing in `RESULTS` is run; `folder` is not needed."""
    from bench.fusion_table import figures_of

    data = os.environ.get("LABELLOOP_DATA", "")
    if not data or not _real(data):
        print(f"  left out: no crowd_*/labels.csv under LABELLOOP_DATA ({data or 'not set'})")
        return []
    run_missing(data, 1, RESULTS)
    return figures_of(read_results(RESULTS))


def main(arguments: Sequence[str]) -> int:
    """Run what is missing and print the tables."""
    from bench.fusion_table import print_tables

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("LABELLOOP_DATA", ""), help="folder with the crowds")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--methods", nargs="+", default=[], help="names, or how they begin; default all")
    parser.add_argument("--table-only", action="store_true", help="run nothing; print what there is")
    chosen = parser.parse_args(arguments)
    if not chosen.table_only:
        if not _real(chosen.data):
            parser.error(f"no crowd_*/labels.csv with a truth.csv under --data {chosen.data!r}")
        run_missing(chosen.data, chosen.workers, chosen.results, chosen.methods)
    print_tables(read_results(chosen.results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
