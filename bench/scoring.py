"""Pool scoring: items a second and memory, at 100,000 and 1,000,000 rows of 256 features.

The pool is a float32 .npy of class centres with noise, read by the dataset kind `arrays`. The stage `score`
itself is called, in a process of its own that has imported everything and loaded the model before, so what
is measured is reading the pool in shards, the model, and writing the probabilities. Memory is the peak of
resident pages (mapped files included) over what the process held before scoring; it must not grow with the
pool, so the figure to look at is the ratio of the two sizes, with what the interpreter's allocator does by
itself as noise of a few MB. The bare product is what NumPy needs, in the same process, for the model's
matrix products alone over as many rows that all lie in memory: the speed of light. The learner alone, over
the same rows, and the stage are compared with it by processor seconds, all three on one thread and in turns:
the median of the turns' ratios is told.

Then a whole round of the same campaign (no MLflow, no DVC), step by step: what a round costs apart from
training, and the peak memory of the process that drives it.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench import campaign, memory, rounds
from bench.figures import Figure
from labelloop.datasets.array_file import start_array

SIZES = (100_000, 1_000_000)
FEATURES = 256
CLASSES = 10
GROWTH_AIM = 1.1
RATE_AIM = 0.8
REPEATS = 3
TURNS = 9
# r000 trains the learner that r001 scores the pool with; in r002 the other learner takes over.
SCORED_WITH = {"logistic": "r001", "mlp": "r003"}


def measure(folder: Path) -> list[Figure]:
    """Make a campaign of each size, let it play four rounds, then score its pool again and again."""
    scored: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in SCORED_WITH}
    driven: dict[int, list[dict[str, Any]]] = {}
    for size in SIZES:
        made, driven[size] = _play(folder / f"rows-{size}", size)
        for name, round_id in SCORED_WITH.items():
            scored[name][size] = _score_apart(made, round_id)
    figures = [figure for name, found in scored.items() for figure in _scoring_figures(name, found)]
    return figures + [_round_figure(size, events) for size, events in driven.items()]


def _scoring_figures(name: str, found: dict[int, dict[str, Any]]) -> list[Figure]:
    small, large = SIZES
    figures = [
        Figure(
            f"scoring {size:,} rows, {name}",
            size / one["seconds"],
            "items/s",
            note=f"{one['seconds']:.2f} s; the bare products take {one['product_seconds']:.2f} s",
            details=one,
        )
        for size, one in found.items()
    ]
    alone, stage = found[large]["learner_rate"], found[large]["stage_rate"]
    rate = Figure(
        f"{name} over {large:,} rows: rate of the bare products",
        alone,
        "times",
        at_least=RATE_AIM,
        note=f"by processor seconds on one thread, median of {TURNS} turns; the stage, which reads and "
        f"writes files, {stage:.2f} times",
    )
    ratio = found[large]["memory"] / found[small]["memory"]
    shown = f"{found[large]['memory']:.0f} MB against {found[small]['memory']:.0f} MB"
    growth = Figure(
        f"memory of scoring with {name}, 10 times the rows", ratio, "times", at_most=GROWTH_AIM, note=shown
    )
    return [*figures, rate, growth]


def _round_figure(size: int, events: list[dict[str, Any]]) -> Figure:
    found = rounds.rounds_of(events)[1]
    peaks = {event["stage"]: event["peak"] for event in events if event["event"] == "done"}
    largest = max(peaks, key=lambda stage: peaks[stage])
    return Figure(
        f"a whole round over {size:,} rows, logistic",
        found.wall,
        "s",
        note=f"{rounds.shown(found.steps)}; at most {peaks[largest]:.0f} MB in memory, in {largest}",
        details={"steps": found.steps, "events": events},
    )


def _play(folder: Path, size: int) -> tuple[Path, list[dict[str, Any]]]:
    folder.mkdir(parents=True)
    _write_pool(folder, size)
    params = campaign.SMALL | campaign.UNRECORDED
    params |= {
        "dataset": {
            "kind": "arrays", "path": str(folder / "pool.npy"), "labels_path": str(folder / "labels.npy"),
            "test_path": str(folder / "test.npy"), "test_labels_path": str(folder / "test_labels.npy"),
        },
        "acquisition": {
            "strategy": "margin", "cold_start": "random", "first_batch_size": 200, "batch_size": 100,
        },
        "annotation": {"tool": "simulated", "overlap": 1},
        "stopping": {"max_rounds": 2},
    }  # fmt: skip
    made = campaign.make(folder / "campaign", params)
    events = campaign.drive(made)
    params |= {"model": {"name": "mlp", "pool": "none"}, "stopping": {"max_rounds": 4}}
    (made / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    campaign.drive(made)
    return made, events


def _write_pool(folder: Path, size: int) -> None:
    """Class centres with noise, a block at a time: the pool may be larger than memory."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((CLASSES, FEATURES), dtype=np.float32)
    for name, rows in (("pool", size), ("test", 2000)):
        labels = random.integers(0, CLASSES, rows)
        names = np.array([f"class {code}" for code in range(CLASSES)])
        np.save(folder / ("labels.npy" if name == "pool" else "test_labels.npy"), names[labels])
        with (folder / f"{name}.npy").open("wb") as stream:
            start_array(stream, (rows, FEATURES), np.dtype("<f4"))
            for start in range(0, rows, 50_000):
                block = centres[labels[start : start + 50_000]]
                block += 4 * random.standard_normal(block.shape, dtype=np.float32)
                stream.write(block.tobytes())


def _score_apart(made: Path, round_id: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.scoring", str(made), round_id]
    here = Path(__file__).parents[1]
    answer = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{answer.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def score_and_tell(made: str, round_id: str) -> dict[str, Any]:
    """What the process that scores finds out: best seconds of some calls, and MB over what it began with."""
    from labelloop import datasets, models
    from labelloop.stages.runner import Round
    from labelloop.stages.score import score
    from labelloop.workspace import Workspace

    current = Round(Workspace.at(made), round_id)
    learner = models.load_learner(current.previous.model)
    # Whatever a first call imports or starts belongs to the process, not to the pool.
    learner.predict_proba(np.zeros((4096, FEATURES), dtype=np.float32))
    datasets.open_prepared(current.workspace.data).pool.inputs(slice(0, 1))
    before, took = memory.resident(), []
    memory.forget_peak()
    for _ in range(REPEATS):
        # A round scores once: it has no older scores to delete.
        shutil.rmtree(current.folder.scores)
        begun = time.perf_counter()
        score(current)
        took.append(time.perf_counter() - begun)
    grown = memory.peak() - before
    rows = len(datasets.open_prepared(current.workspace.data).pool)
    widths = [FEATURES, *_hidden(learner), CLASSES]
    inputs = np.random.default_rng(0).standard_normal((rows, FEATURES), dtype=np.float32)
    products = [_seconds(lambda: _bare_products(inputs, widths))[0] for _ in range(REPEATS)]
    turns = _turns(current, learner, inputs, widths)
    return {
        "seconds": min(took),
        "calls": took,
        "memory": grown,
        "before": before,
        "product_seconds": min(products),
        "product_processor": statistics.median(bare for bare, _, _ in turns),
        "learner_rate": statistics.median(bare / alone for bare, alone, _ in turns),
        "stage_rate": statistics.median(bare / stage for bare, _, stage in turns),
        "turns": turns,
        "widths": widths,
    }


def _turns(
    current: Any, learner: Any, inputs: np.ndarray, widths: list[int]
) -> list[tuple[float, float, float]]:
    """Processor seconds of the bare products, the learner and the stage, in turns.

    On one thread: threads of a product that wait for each other count as work.
    """
    from labelloop.one_thread import one_thread
    from labelloop.stages.score import score, score_shard

    turns = []
    with one_thread():
        for _ in range(TURNS):
            shutil.rmtree(current.folder.scores)
            bare = _seconds(lambda: _bare_products(inputs, widths))[1]
            alone = _seconds(lambda: _ask(learner, inputs))[1]
            stage = _seconds(lambda: score(current, lambda shards: [score_shard(one) for one in shards]))[1]
            turns.append((bare, alone, stage))
    return turns


def _seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds and processor seconds of a call."""
    begun, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - processor


def _hidden(learner: Any) -> list[int]:
    return [int(width) for width in np.atleast_1d(learner.options.get("hidden", []))]


def _ask(learner: Any, inputs: np.ndarray, block: int = 16_384) -> None:
    for start in range(0, len(inputs), block):
        learner.predict_proba(inputs[start : start + block])


def _bare_products(inputs: np.ndarray, widths: list[int], block: int = 16_384) -> None:
    """The matrix products of the model's layers, block by block."""
    random = np.random.default_rng(0)
    layers = [random.standard_normal(pair, dtype=np.float32) for pair in pairwise(widths)]
    for start in range(0, len(inputs), block):
        values = inputs[start : start + block]
        for layer in layers:
            values = values @ layer


if __name__ == "__main__":
    print(json.dumps(score_and_tell(*sys.argv[1:])))
