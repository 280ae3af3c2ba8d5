"""Large pools: seconds, processor seconds and memory of what a round does with millions of rows.

`python -m bench scale` runs all of it (10 GB of disk in TMPDIR, half an hour on two cores); `python -m
bench.scale NAME ...` only some: k_center, badge, scores, picks, neighbours, pool_sample, campaign. Pools are
memory-mapped files, so memory is what the process allocated itself (`RssAnon`, asked 20 times a second);
pages of the file are the cache's. Processor seconds are those of all threads: on a busy machine they are what
one idle core would need, at most.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import large_campaign
from bench.figures import Figure
from bench.selection import probabilities_of
from labelloop.acquisition import select
from labelloop.datasets.array_file import start_array
from labelloop.one_thread import cores, one_thread

LABELED = np.arange(10)
TURNS = 15


@dataclass(frozen=True)
class Cost:
    """What one call took."""

    seconds: float
    processor: float
    megabytes: float
    result: Any

    @property
    def note(self) -> str:
        return (
            f"{self.processor:.1f} processor seconds, {self.megabytes:.0f} MB beside the file; load "
            f"{os.getloadavg()[0]:.0f}"
        )


def measure(folder: Path) -> list[Figure]:
    """Everything, one after the other; files are deleted as soon as they are not needed."""
    return [figure for part in PARTS.values() for figure in part(folder)]


def k_center(folder: Path, rows: int = 1_000_000, width: int = 512, picks: int = 1000) -> list[Figure]:
    """The greedy over a file."""
    path = _write(folder / "k_center.npy", rows, width, np.float32)
    pool = np.load(path, mmap_mode="r")
    select("k_center", batch_size=5, embeddings=np.asarray(pool[:1000]), labeled=LABELED)
    cost = _timed(lambda: select("k_center", batch_size=picks, embeddings=pool, labeled=LABELED))
    path.unlink()
    return _figures(f"k-center, {rows:,} x {width}, {picks} picks", cost, 120, 1500)


def badge(folder: Path, rows: int = 1_000_000, width: int = 256, picks: int = 500) -> list[Figure]:
    """20 classes."""
    path = _write(folder / "badge.npy", rows, width, np.float32)
    pool, chances = np.load(path, mmap_mode="r"), probabilities_of(rows, 20)
    select("badge", batch_size=5, embeddings=np.asarray(pool[:1000]), probabilities=chances[:1000])
    cost = _timed(lambda: select("badge", batch_size=picks, embeddings=pool, probabilities=chances))
    path.unlink()
    return _figures(f"BADGE, {rows:,} x {width}, 20 classes, {picks} picks", cost, 120, 1500)


def scores(folder: Path, rows: int = 10_000_000, classes: int = 10) -> list[Figure]:
    """Margin and entropy beside the quickest plain copy of the probabilities, on all cores and on one.

    The copy is by one thread or by all, whichever is quicker: memory, not the processor, bounds it. They take
    turns, because a neighbour that takes a core or the memory for a second would decide otherwise.
    """
    from labelloop.acquisition.entropy import entropy
    from labelloop.acquisition.margin import margin

    chances = probabilities_of(rows, classes)
    copied = np.ones_like(chances)
    plain: list[float] = []
    took: dict[tuple[str, int], list[float]] = {}
    for _ in range(TURNS):
        copies = [_best(lambda threads=threads: _copy(chances, copied, threads)) for threads in _threads()]  # type: ignore[misc]
        plain.append(min(copies))
        for name, score in (("margin", margin), ("entropy", entropy)):
            for threads in _threads():
                # Who holds linear algebra to one thread keeps scores on one thread too.
                with one_thread() if threads == 1 else contextlib.nullcontext():
                    best = _best(lambda score=score: score(chances))  # type: ignore[misc]
                took.setdefault((name, threads), []).append(best)
    return [
        _rate(f"{name}, {rows:,} x {classes}, threads: {threads}; rate of a plain copy", plain, seconds)
        for (name, threads), seconds in took.items()
    ]


def _rate(title: str, plain: list[float], seconds: list[float]) -> Figure:
    ratios = sorted(copy / one for copy, one in zip(plain, seconds, strict=True))
    said = (
        f"median of {len(ratios)} turns, {ratios[0]:.2f} to {ratios[-1]:.2f}; {np.median(seconds):.3f} s "
        f"against {np.median(plain):.3f} s; load {os.getloadavg()[0]:.0f}"
    )
    return Figure(title, float(np.median(ratios)), "times", at_least=1 / 3, note=said)


def _threads() -> list[int]:
    return sorted({1, cores()})


def _copy(source: np.ndarray, target: np.ndarray, threads: int) -> None:
    """Copy an array, each thread a part of it."""
    bounds = np.linspace(0, len(source), threads + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda a, b: np.copyto(target[a:b], source[a:b]), bounds[:-1], bounds[1:]))


def _best(call: Callable[[], Any]) -> float:
    """Seconds of the quickest of three calls."""
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return min(took)


def picks(folder: Path, rows: int = 10_000_000, width: int = 16, classes: int = 10) -> list[Figure]:
    """Whole selections over memory-mapped float16 embeddings and float32 probabilities."""
    path = _write(folder / "embeddings.npy", rows, width, np.float16)
    with (folder / "probabilities.npy").open("wb") as stream:
        start_array(stream, (rows, classes), np.dtype("<f4"))
        for start in range(0, rows, 500_000):
            stream.write(probabilities_of(min(500_000, rows - start), classes, start).tobytes())
    pool = np.load(path, mmap_mode="r")
    chances = np.load(folder / "probabilities.npy", mmap_mode="r")
    figures = []
    for name, given in (("margin", {"probabilities": chances}), ("k_center", {"embeddings": pool})):
        cost = _timed(
            lambda name=name, given=given: select(name, batch_size=500, labeled=LABELED, **given)  # type: ignore[misc]
        )
        figures += _figures(f"{name}, {rows:,} rows, 500 picks, memory-mapped", cost, None, None)
    path.unlink()
    (folder / "probabilities.npy").unlink()
    return figures


def neighbours(folder: Path, rows: int = 1_000_000, width: int = 64, asked: int = 500) -> list[Figure]:
    """The graph of nearest neighbours, and the share of the true ones in it."""
    from bench.selection import pool as clouds
    from labelloop.models.graph_smoothing import NEIGHBOURS
    from labelloop.models.neighbour_cells import neighbour_graph
    from labelloop.models.neighbours import nearest

    figures = []
    for size in (20_000, rows):
        points = clouds(size, width)
        some = np.random.default_rng(1).choice(size, asked, replace=False)
        exact, _ = nearest(points[some], points, NEIGHBOURS + 1)
        cost = _timed(lambda points=points: neighbour_graph(points, NEIGHBOURS + 1)[0])  # type: ignore[misc]
        shared = [len(np.intersect1d(*pair)) for pair in zip(cost.result[some], exact, strict=True)]
        title = f"graph of {NEIGHBOURS + 1} neighbours, {size:,} x {width}"
        figures += _figures(title, cost, None, None)
        figures.append(Figure(f"{title}: true ones found", float(np.mean(shared)) / exact.shape[1], "share"))
    return figures


def pool_sample(
    folder: Path, sizes: tuple[int, ...] = (10_000, 100_000, 300_000), width: int = 64, labels: int = 2000
) -> list[Figure]:
    """A fit of `model.pool: graph` by `model.pool_options.sample`, and what it predicts of 20,000 new items.

    Items lie in 2,000 clouds, each of one of ten classes: straight lines tell little, and a sample has to be
    large to have several items of each cloud. So the accuracy is that of data that is made for large samples.
    """
    from labelloop.models import make_learner, save_learner, show_pool
    from labelloop.settings.pool import PoolOptions

    random = np.random.default_rng(0)
    centres = random.standard_normal((2000, width), dtype=np.float32)
    classes = random.integers(10, size=len(centres))

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        member = random.integers(len(centres), size=count)
        points = random.standard_normal((count, width), dtype=np.float32)
        return 0.7 * points + centres[member], classes[member]

    (pool, _), (known, codes), (new, true) = drawn(max(sizes)), drawn(labels), drawn(20_000)
    figures = []
    for size in (0, *sizes):
        learner: Any = make_learner(
            "logistic", n_classes=10, seed=0, options={}, input_kind="features",
            pool="graph" if size else "none", pool_options=PoolOptions(sample=size or sizes[0]),
        )  # fmt: skip
        learner.observe([pool[:100_000]])
        show_pool(learner, lambda rows: pool[rows], np.arange(len(pool)))
        title = f"model.pool: graph, a sample of {size:,} x {width}, {labels:,} labels" if size else "plain"
        cost = _timed(lambda learner=learner: learner.fit(known, codes))  # type: ignore[misc]
        figures += _figures(f"{title}: fit", cost, None, None)
        cost = _timed(lambda learner=learner: learner.predict_proba(new))  # type: ignore[misc]
        figures += _figures(f"{title}: {len(new):,} predictions", cost, None, None)
        right = float((cost.result.argmax(axis=1) == true).mean())
        chosen = learner.verdict.chosen if size else "plain"
        figures.append(Figure(f"{title}: accuracy", right, "share", note=f"{chosen} fit"))
        save_learner(learner, "logistic", folder / f"{size}")
        megabytes = sum(path.stat().st_size for path in (folder / f"{size}").rglob("*.*")) / 1e6
        figures.append(Figure(f"{title}: model", megabytes, "MB"))
        if size:
            learner.pool_options = PoolOptions(sample=size, alpha=0.9)
            right = float((learner.fit(known, codes).predict_proba(new).argmax(axis=1) == true).mean())
            figures.append(Figure(f"{title}: accuracy with alpha 0.9", right, "share"))
    return figures


PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "k_center": k_center,
    "badge": badge,
    "scores": scores,
    "picks": picks,
    "neighbours": neighbours,
    "pool_sample": pool_sample,
    "campaign": large_campaign.measure,
}


def _figures(name: str, cost: Cost, seconds: float | None, megabytes: float | None) -> list[Figure]:
    return [
        Figure(name, cost.seconds, "s", at_most=seconds, note=cost.note),
        Figure(f"{name}: processor", cost.processor, "s", at_most=seconds and 2 * seconds),
        Figure(f"{name}: memory", cost.megabytes, "MB", at_most=megabytes),
    ]


def _write(path: Path, rows: int, width: int, dtype: type) -> Path:
    """Clouds of unequal size, a block at a time: the pool may be larger than memory."""
    random = np.random.default_rng(0)
    centres = 2 * random.standard_normal((200, width), dtype=np.float32)
    shares = 1 / np.arange(1, 201)
    with path.open("wb") as stream:
        start_array(stream, (rows, width), np.dtype(dtype))
        for start in range(0, rows, 50_000):
            member = random.choice(200, size=min(50_000, rows - start), p=shares / shares.sum())
            block = centres[member] + random.standard_normal((len(member), width), dtype=np.float32)
            stream.write(block.astype(dtype).tobytes())
    return path


def _timed(call: Callable[[], Any]) -> Cost:
    before, most, done = _allocated(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], _allocated() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun, processor = time.perf_counter(), time.process_time()
    result = call()
    took, worked = time.perf_counter() - begun, time.process_time() - processor
    done.set()
    watcher.join()
    return Cost(took, worked, max(most[0], _allocated() - before), result)


def _allocated() -> float:
    """MB of this process's own pages; needs Linux."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024 / 1e6


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="labelloop-bench-scale-") as there:
            for found in PARTS[wanted](Path(there)):
                name, measured, aim, met, note = found.row
                print(f"{name}: {measured} {aim} {met}\n    {note}", flush=True)
