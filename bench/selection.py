"""Strategies on plain arrays: seconds and memory, beside the plain way to compute the same.

k-center is compared with the textbook greedy (one matrix-vector product over the pool a pick), which must
give the same picks; BADGE with k-means++ on the outer products themselves, at a size where these fit in
memory; both in the same run on the same arrays. Where scikit-activeml or small-text are installed, their
core-sets run too, from the same labeled rows. The pools are made of Gaussian clouds of unequal size, so that
there is something to cover.

Seconds are of one call, after a small one that imports and warms up; "times as long" compares processor
seconds, which a busy machine changes little. Memory is the peak of resident pages
over what the process held before the call; the pool lies in memory already.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench import memory
from bench.figures import Figure
from bench.label_peers import pick_by_peer
from labelloop.acquisition import select

LABELED = np.arange(10)
CENTER_AIMS = {"scikit-activeml": 10.0, "small-text": 30.0}
HERDING_AIM, HERDING_MEMORY_AIM = 60.0, 1000.0


@dataclass(frozen=True)
class Call:
    """What one call took."""

    rows: np.ndarray
    seconds: float
    processor: float
    """Seconds of all threads: on a busy machine what one idle core would need, at most."""
    megabytes: float


def measure(folder: Path) -> list[Figure]:
    """Time the strategies; nothing is written to `folder`."""
    return [*_k_center(), *_badge(), *_coverage()]


def pool(rows: int, width: int, seed: int = 0) -> np.ndarray:
    """Clouds whose sizes fall off as 1, 1/2, 1/3 ...: shape (rows, width), float32."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 201)
    member = random.choice(200, size=rows, p=shares / shares.sum())
    points = random.standard_normal((rows, width), dtype=np.float32)
    points += 2 * random.standard_normal((200, width), dtype=np.float32)[member]
    return points


def probabilities_of(rows: int, classes: int, seed: int = 1) -> np.ndarray:
    """Rows from certain to doubtful: shape (rows, classes), float32."""
    random = np.random.default_rng(seed)
    logits = random.standard_normal((rows, classes), dtype=np.float32)
    logits *= random.uniform(0.5, 6, size=(rows, 1)).astype(np.float32)
    found = np.exp(logits - logits.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    return np.asarray(found)


def _timed(call: Callable[[], np.ndarray]) -> Call:
    before = memory.resident()
    memory.forget_peak()
    begun, processor = time.perf_counter(), time.process_time()
    rows = call()
    took, worked = time.perf_counter() - begun, time.process_time() - processor
    return Call(np.asarray(rows), took, worked, memory.peak() - before)


def _k_center(size: int = 100_000, width: int = 128, batch: int = 500) -> list[Figure]:
    points = pool(size, width)
    select("k_center", batch_size=5, embeddings=points[:1000], labeled=LABELED)
    ours = _timed(lambda: select("k_center", batch_size=batch, embeddings=points, labeled=LABELED))
    plain = _timed(lambda: plain_k_center(points, LABELED, batch))
    same = int((ours.rows == plain.rows).sum())
    name = f"k-center, {size:,} x {width}, {batch} picks"
    figures = [
        _alone(name, ours),
        Figure(f"{name}: picks of the plain greedy", same, "picks", at_least=batch),
        _ratio(f"{name}: plain numpy", plain, ours, None),
    ]
    for peer, (module, call) in PEERS.items():
        if importlib.util.find_spec(module) is not None:
            theirs = _timed(lambda call=call: call(points, LABELED, batch))  # type: ignore[misc]
            agreed = len(np.intersect1d(theirs.rows, ours.rows))
            title = f"{name}: {peer} {version(peer)}"
            figures.append(_ratio(title, theirs, ours, CENTER_AIMS[peer], f"{agreed} of our picks"))
    return figures


def plain_k_center(points: np.ndarray, labeled: np.ndarray, batch: int) -> np.ndarray:
    """The textbook: squared distances to the newest row, for all rows, at every pick."""
    centred = points - points.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    picks: list[int] = []
    for row in labeled:
        np.minimum(nearest, norms + norms[row] - 2 * (centred @ centred[row]), out=nearest)
    nearest[labeled] = -1
    while len(picks) < batch:
        picks.append(int(nearest.argmax()))
        newest = picks[-1]
        np.minimum(nearest, norms + norms[newest] - 2 * (centred @ centred[newest]), out=nearest)
        nearest[newest] = -1
    return np.array(picks)


def _scikit_activeml(points: np.ndarray, labeled: np.ndarray, batch: int) -> np.ndarray:
    from skactiveml.pool import CoreSet  # type: ignore[import-not-found]

    known = np.full(len(points), np.nan)
    known[labeled] = 0
    return np.asarray(CoreSet(random_state=0).query(points, known, batch_size=batch))


def _small_text(points: np.ndarray, labeled: np.ndarray, batch: int) -> np.ndarray:
    from small_text.query_strategies.coresets import greedy_coreset  # type: ignore[import-not-found]

    unlabeled = np.setdiff1d(np.arange(len(points)), labeled)
    # What it returns are places among the unlabeled.
    return unlabeled[np.asarray(greedy_coreset(points, unlabeled, labeled, batch, "euclidean"))]


PEERS: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]]] = {
    "scikit-activeml": ("skactiveml", _scikit_activeml),
    "small-text": ("small_text", _small_text),
}
"""Distribution, and its module and core-set."""


def _badge(size: int = 20_000, classes: int = 100, width: int = 768, batch: int = 200) -> list[Figure]:
    points, chances = pool(size, width), probabilities_of(size, classes)
    select("badge", batch_size=5, embeddings=points[:500], probabilities=chances[:500])
    ours = _timed(lambda: select("badge", batch_size=batch, embeddings=points, probabilities=chances))
    small = size // 20
    part = points[:small].copy(), chances[:small].copy()
    few = _timed(lambda: select("badge", batch_size=batch, embeddings=part[0], probabilities=part[1]))
    outer = _timed(lambda: outer_badge(*part, batch))
    name = f"BADGE, {size:,} x {width}, {classes} classes, {batch} picks"
    figures = [_alone(name, ours), _ratio(f"BADGE at {small:,} rows: outer products", outer, few, None)]
    if importlib.util.find_spec("skactiveml") is not None:
        figures += _badge_peer(name, ours, size, batch, part)
    return figures


def _badge_peer(
    name: str, ours: Call, size: int, batch: int, part: tuple[np.ndarray, np.ndarray]
) -> list[Figure]:
    """scikit-activeml on a part of the rows: of all, its outer products alone are 12 GB in double precision.

    Each of its picks goes through all outer products once, so seconds and memory grow with the rows.
    """
    points, chances = part
    codes = chances[LABELED].argmax(axis=1)
    theirs = _timed(lambda: pick_by_peer("skactiveml:Badge", LABELED, codes, chances, points, batch, 0))
    times = size / len(points)
    said = f"at {len(points):,} rows {theirs.seconds:.1f} s ({theirs.processor:.1f} processor seconds) and "
    said += f"{theirs.megabytes:.0f} MB; times {times:g}"
    title = f"{name}: scikit-activeml {version('scikit-activeml')}, extrapolated"
    return [
        Figure(title, times * theirs.processor / ours.processor, "times as long", at_least=50, note=said),
        Figure(title, times * theirs.megabytes / ours.megabytes, "times the memory", at_least=100),
    ]


def outer_badge(points: np.ndarray, chances: np.ndarray, batch: int) -> np.ndarray:
    """k-means++ on the outer products themselves, with a matrix-vector product over all of them a pick."""
    random = np.random.default_rng(0)
    pulls = chances - np.eye(chances.shape[1], dtype=np.float32)[chances.argmax(axis=1)]
    gradients = (pulls[:, :, None] * points[:, None, :]).reshape(len(points), -1)
    norms = np.einsum("ij,ij->i", gradients, gradients)
    picks = [int(norms.argmax())]
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    while len(picks) < batch:
        newest = picks[-1]
        distances = norms + norms[newest] - 2 * (gradients @ gradients[newest])
        np.minimum(nearest, np.maximum(distances, 0), out=nearest)
        nearest[picks] = 0
        picks.append(int(random.choice(len(points), p=nearest / nearest.sum(dtype=np.float64))))
    return np.array(picks)


def _coverage(size: int = 100_000, width: int = 128, batch: int = 200) -> list[Figure]:
    points, chances = pool(size, width), probabilities_of(size, 10)
    figures = []
    for name in ("uherding", "max_herding", "typiclust"):
        select(name, batch_size=5, embeddings=points[:1000], probabilities=chances[:1000], labeled=LABELED)
        ours = _timed(
            lambda name=name: select(  # type: ignore[misc]
                name, batch_size=batch, embeddings=points, probabilities=chances, labeled=LABELED
            )
        )
        title = f"{name}, {size:,} x {width}, {batch} picks"
        figures.append(Figure(title, ours.seconds, "s", at_most=HERDING_AIM))
        figures.append(Figure(f"{title}: memory", ours.megabytes, "MB", at_most=HERDING_MEMORY_AIM))
    return figures


def _ratio(name: str, theirs: Call, ours: Call, aim: float | None, note: str = "") -> Figure:
    took = f"{theirs.seconds:.2f} s and {theirs.megabytes:.0f} MB against {ours.seconds:.2f} s and "
    said = f"{took}{ours.megabytes:.0f} MB" + (f"; {note}" if note else "")
    return Figure(name, theirs.processor / ours.processor, "times as long", at_least=aim, note=said)


def _alone(name: str, ours: Call) -> Figure:
    said = f"{ours.processor:.2f} processor seconds, {ours.megabytes:.0f} MB over the pool"
    return Figure(name, ours.seconds, "s", note=said)
