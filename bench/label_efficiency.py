"""How many labels each strategy needs: `python -m bench.label_efficiency --data FOLDER [--seeds 20]`.

All strategies of a seed see the same pool, test set and first random draw of the learner. An arm is a
strategy and what the learner makes of the unlabeled pool, such as `uherding+graph`; without a plus sign the
learner is plain. The measure is labels to reach 90, 95 and 98% of the accuracy that the plain learner has
with every label of the pool, between rounds by a straight line; the table gives them as a share of what
`random` needs with the plain learner (geometric mean over sets), the area under the curve less that of
`random`, and on how many sets that difference is surely above or below 0 (paired bootstrap over the seeds).

Results are appended to a file of JSON lines as they come in, and a run that was stopped goes on from there.
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

from bench.label_peers import PEERS, pick_by_peer
from bench.label_sets import SETS, Labeled, Split, split
from bench.label_table import print_tables

ARMS = (
    "random", "margin", "entropy", "badge", "typiclust", "uherding", "cluster_margin", "auto",
    "random+auto", "margin+auto", "uherding+auto", "auto+auto",
)  # fmt: skip
"""What is run unless told otherwise: with the plain learner, then with `model.pool: auto`."""
COLD_START = "max_herding"
"""First batch of strategies that need a model; `auto` and `random` have their own."""
GROWTH = 0.25
"""A batch is this part of the labels there are, and at least as many as there are classes."""


def sizes_of(classes: int, most: int) -> list[int]:
    """Labels after each round."""
    first = max(10, classes)
    sizes = [first]
    while sizes[-1] < most:
        sizes.append(min(most, sizes[-1] + max(first if classes < 50 else 50, int(GROWTH * sizes[-1]))))
    return sizes


def run_arm(parts: Split, arm: str, seed: int, most: int) -> list[tuple[int, float]]:
    """Labels and accuracy of one arm, round by round."""
    return run_rounds(parts, arm, seed, sizes_of(parts.classes, min(most, len(parts.pool))))


def run_rounds(parts: Split, arm: str, seed: int, sizes: Sequence[int]) -> list[tuple[int, float]]:
    """As `run_arm`, with the labels after each round given."""
    from labelloop.acquisition import Context, make_strategy, select_rows

    name, _, pool_kind = arm.partition("+")
    n = len(parts.pool)
    labeled = np.empty(0, dtype=np.int64)
    learner, points = None, []
    for number, size in enumerate(sizes):
        own = name in {"random", "auto"}
        wanted = size - len(labeled)
        chosen = COLD_START if learner is None and not own else name
        probabilities: np.ndarray | None = learner.predict_proba(parts.pool) if learner else None
        embeddings = _embedded(learner, parts)
        if chosen in PEERS:
            picked = pick_by_peer(chosen, parts, labeled, probabilities, embeddings, wanted, seed)
        else:
            context = Context(
                candidates=np.setdiff1d(np.arange(n), labeled),
                labeled=np.sort(labeled),
                probabilities=probabilities,
                embeddings=embeddings,
                seed=1000 * seed + number,
                labels=parts.pool_codes[np.sort(labeled)],
            )
            strategy = make_strategy(chosen)
            if probabilities is None:
                strategy = _without_model(strategy)
            picked = select_rows(strategy, context, wanted).rows
        labeled = np.sort(np.concatenate([labeled, picked]))
        learner = _learner(parts, pool_kind, seed)
        learner.fit(parts.pool[labeled], parts.pool_codes[labeled])
        points.append((len(labeled), accuracy(learner, parts)))
    return points


def _without_model(strategy: Any) -> Any:
    """`auto` asks for probabilities and does without them while there is no model."""
    import dataclasses

    return dataclasses.replace(strategy, needs=strategy.needs - {"probabilities"})


def accuracy(learner: Any, parts: Split) -> float:
    """Share of right answers on the test set."""
    return float((learner.predict_proba(parts.test).argmax(axis=1) == parts.test_codes).mean())


def full_accuracy(parts: Split) -> float:
    """Of the plain learner with every label of the pool."""
    return accuracy(_learner(parts, "", 0).fit(parts.pool, parts.pool_codes), parts)


_OBSERVED: dict[int, Any] = {}


def _learner(parts: Split, pool_kind: str, seed: int) -> Any:
    import copy

    from labelloop.models import make_learner
    from labelloop.models.pool_learner import PoolLearner

    if id(parts) not in _OBSERVED:
        _OBSERVED.clear()
        plain = make_learner(
            "logistic", n_classes=parts.classes, seed=seed, options={}, input_kind="features"
        )
        plain.observe([parts.pool])
        _OBSERVED[id(parts)] = plain
    plain = copy.deepcopy(_OBSERVED[id(parts)])
    if not pool_kind:
        return plain
    learner = PoolLearner(plain, pool=pool_kind, seed=seed)
    learner.see_pool(parts.pool)
    return learner


def _embedded(learner: Any, parts: Split) -> np.ndarray:
    return np.asarray((learner or _learner(parts, "", 0)).embed(parts.pool))


@lru_cache(maxsize=1)
def _load(name: str, data: str, cache: str) -> Labeled:
    return SETS[name](Path(data), Path(cache))


def run_job(name: str, seed: int, arms: Sequence[str], data: str, cache: str, most: int) -> dict[str, Any]:
    """All arms of one set and seed that are wanted, as one line of the results."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        parts = split(_load(name, data, cache), seed)
        begun = time.perf_counter()
        curves = {arm: run_arm(parts, arm, seed, most) for arm in arms}
        return {
            "set": name,
            "seed": seed,
            "pool": len(parts.pool),
            "full": full_accuracy(parts),
            "curves": curves,
            "seconds": time.perf_counter() - begun,
        }


def main(arguments: Sequence[str]) -> int:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--cache", type=Path, default=Path("bench/results/embeddings"))
    parser.add_argument("--results", type=Path, default=Path("bench/results/label_efficiency.jsonl"))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--arms", default=",".join(ARMS), help=f"also, if installed: {', '.join(PEERS)}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labels", type=int, default=2500, help="labels at most")
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args(arguments)
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    sets, arms = chosen.sets.split(","), chosen.arms.split(",")
    done = read_results(chosen.results)
    jobs = []
    for seed in range(chosen.seeds):
        for name in sets:
            missing = [arm for arm in arms if (name, seed, arm) not in done]
            if missing:
                jobs.append((name, seed, missing, str(chosen.data), str(chosen.cache), chosen.labels))
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as workers:
        for number, future in enumerate(
            as_completed([workers.submit(run_job, *job) for job in jobs]), start=1
        ):
            line = future.result()
            with chosen.results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
            told = f"{number} of {len(jobs)}: {line['set']}, seed {line['seed']}, {line['seconds']:.0f} s"
            print(told, file=sys.stderr, flush=True)
    wanted = read_results(chosen.results)
    print_tables({key: value for key, value in wanted.items() if key[0] in sets and key[2] in arms}, arms)
    return 0


def read_results(path: Path) -> dict[tuple[str, int, str], dict[str, Any]]:
    """By set, seed and arm: full (accuracy with every label), labels and accuracy."""
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        line = json.loads(text)
        for arm, points in line["curves"].items():
            labels, reached = zip(*points, strict=True)
            found[line["set"], line["seed"], arm] = {
                "full": line["full"],
                "labels": np.array(labels),
                "accuracy": np.array(reached),
            }
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
