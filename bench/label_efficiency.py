"""How many labels each strategy needs: `python -m bench.label_efficiency --data FOLDER [--seeds 0-19]`.

All strategies of a seed see the same pool, test set and learner (`label_replay`). An arm is a strategy and
what the learner makes of the unlabeled pool, such as `uherding+graph` or `random+co_training`; without a plus
sign the learner is plain. The measure is labels to reach 90, 95 and 98% of the accuracy that the plain
learner has with every label of the pool, between rounds by a straight line; see `label_table` for what is
told of it.

Results are appended to a file of JSON lines, one a set, arm and seed, as they come in. A run that was stopped
goes on from there, and a later run with more seeds or arms adds to it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.label_fresh_sets import FRESH
from bench.label_peers import PEERS
from bench.label_replay import Replay
from bench.label_sets import SETS, Labeled, split
from bench.label_table import print_tables

ARMS = (
    "random", "margin", "entropy", "badge", "typiclust", "max_herding", "uherding", "auto",
    "random+graph", "auto+graph",
)  # fmt: skip


@lru_cache(maxsize=1)
def _load(name: str, data: str, cache: str) -> Labeled:
    return (SETS | FRESH)[name](Path(data), Path(cache))


def run_job(
    name: str, seed: int, arms: Sequence[str], data: str, cache: str, most: int, results: str
) -> float:
    """All arms of one set and seed that are wanted; appends a line each. Returns the seconds it took."""
    from threadpoolctl import threadpool_limits

    begun = time.perf_counter()
    with threadpool_limits(limits=1):
        parts = split(_load(name, data, cache), seed)
        replays: dict[str, Replay] = {}
        full = Replay(parts, "", seed).full()
        for arm in arms:
            strategy, _, pool = arm.partition("+")
            if pool not in replays:
                replays[pool] = Replay(parts, pool, seed)
            arm_begun = time.perf_counter()
            # Plain random has to get to 98%, or nothing can be told as a share of it.
            points = replays[pool].run(strategy, most, aim=0.98 * full if arm == "random" else 0.0)
            line = {
                "set": name,
                "seed": seed,
                "arm": arm,
                "pool": len(parts.pool),
                "full": full,
                "points": points,
                "seconds": round(time.perf_counter() - arm_begun, 2),
            }
            # One write a line: several workers append to the file.
            with Path(results).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
    return time.perf_counter() - begun


def main(arguments: Sequence[str]) -> int:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--cache", type=Path, default=Path("bench/results/embeddings"))
    parser.add_argument("--results", type=Path, default=Path("bench/results/label_efficiency.jsonl"))
    parser.add_argument("--sets", default=",".join(SETS), help=f"also {', '.join(FRESH)}, or fresh for these")
    parser.add_argument("--arms", default=",".join(ARMS), help=f"also, if installed: {', '.join(PEERS)}")
    parser.add_argument("--seeds", default="0-4", help="first and last, such as 0-19")
    parser.add_argument("--labels", type=int, default=1200, help="labels at most, except for plain random")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table-only", action="store_true", help="run nothing; print what there is")
    chosen = parser.parse_args(arguments)
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    sets = list(FRESH) if chosen.sets == "fresh" else chosen.sets.split(",")
    if unknown := sorted(set(sets) - set(SETS | FRESH)):
        parser.error(f"no such set: {', '.join(unknown)}; there are {', '.join(SETS | FRESH)}")
    arms = chosen.arms.split(",")
    first, _, last = chosen.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if not chosen.table_only:
        done = read_results(chosen.results)
        files = (str(chosen.data), str(chosen.cache), chosen.labels, str(chosen.results))
        jobs = []
        for seed in seeds:
            for name in sets:
                missing = [arm for arm in arms if (name, seed, arm) not in done]
                if missing:
                    jobs.append((name, seed, missing, *files))
        _work(jobs, chosen.workers)
    wanted = read_results(chosen.results)
    print_tables(
        {key: wanted[key] for key in wanted if key[0] in sets and key[1] in seeds and key[2] in arms}, arms
    )
    return 0


def _work(jobs: Sequence[tuple[Any, ...]], workers: int) -> None:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_job, *job): job for job in jobs}
        for number, future in enumerate(as_completed(futures), start=1):
            name, seed, *_ = futures[future]
            told = f"{number} of {len(jobs)}: {name}, seed {seed}, {future.result():.0f} s"
            print(told, file=sys.stderr, flush=True)


def read_results(path: Path) -> dict[tuple[str, int, str], dict[str, Any]]:
    """By set, seed and arm: full (accuracy with every label), labels and accuracy by round, seconds."""
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        line = json.loads(text)
        labels, reached = zip(*line["points"], strict=True)
        found[line["set"], line["seed"], line["arm"]] = {
            "full": line["full"],
            "labels": np.array(labels),
            "accuracy": np.array(reached),
            "seconds": line["seconds"],
        }
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
