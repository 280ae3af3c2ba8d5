"""Picks against those of other libraries, where these are installed: pip install -e '.[peers]'."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bench.label_peers import pick_by_peer
from labelloop.acquisition import select

N, CLASSES = 120, 4
RNG = np.random.default_rng(11)
POINTS = RNG.normal(size=(N, 2)).astype(np.float32)
POINTS /= np.linalg.norm(POINTS, axis=1, keepdims=True)  # small-text's k-center scales them so by itself
SAID = RNG.dirichlet(np.ones(CLASSES), size=N).astype(np.float32)
KNOWN = np.arange(0, N, 12)
CODES = KNOWN % CLASSES


def theirs(name: str, wanted: int, seed: int = 0) -> set[int]:
    package = name.partition(":")[0]
    pytest.importorskip(package, reason=f"{package} is not installed; it is among the extra peers")
    return set(pick_by_peer(name, KNOWN, CODES, SAID, POINTS, wanted, seed).tolist())


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("margin", "skactiveml:UncertaintySampling"),
        ("margin", "small_text:BreakingTies"),
        ("entropy", "small_text:PredictionEntropy"),
        ("k_center", "skactiveml:CoreSet"),
        ("k_center", "small_text:GreedyCoreset"),
    ],
)
def test_batches_are_those_of_others(name: str, peer: str) -> None:
    """The same rows for every size of a batch, so in the same order."""
    reads = {"embeddings": POINTS} if name == "k_center" else {"probabilities": SAID}
    ours = select(name, batch_size=15, labeled=KNOWN, **reads).tolist()
    for size in (1, 2, 7, 15):
        assert set(ours[:size]) == theirs(peer, size)


def by_ours(seed: int) -> set[int]:
    given = {"embeddings": POINTS, "probabilities": SAID, "labeled": KNOWN}
    return set(select("badge", batch_size=2, seed=seed, **given).tolist())


def by_theirs(seed: int) -> set[int]:
    return theirs("skactiveml:Badge", 2, seed)


@pytest.mark.parametrize(("draw", "from_origin"), [(by_ours, False), (by_theirs, True)])
def test_badge_draws_by_squared_distance(draw: Callable[[int], set[int]], from_origin: bool) -> None:
    """The second of two picks, the first being the longest gradient.

    The distance is to the first pick, as in the paper's own code. scikit-activeml takes the origin for picked
    too, so that a gradient's own length bounds its distance: there the two differ, and ours stays with the
    paper.
    """
    pulls = SAID.astype(np.float64) - np.eye(CLASSES)[SAID.argmax(axis=1)]
    gradients = (pulls[:, :, None] * POINTS[:, None]).reshape(N, -1)
    left = np.setdiff1d(np.arange(N), KNOWN)
    first = int(left[np.linalg.norm(gradients[left], axis=1).argmax()])
    squared = ((gradients[left] - gradients[first]) ** 2).sum(axis=1)
    groups = np.argsort(np.argsort(squared)) * 8 // len(left)  # eight of about equal size
    chances = np.minimum(squared, (gradients[left] ** 2).sum(axis=1)) if from_origin else squared
    expected = 1000 * np.bincount(groups, weights=chances) / chances.sum()
    counts = np.zeros(8)
    for seed in range(1000):
        rows = draw(seed)
        assert first in rows
        (second,) = rows - {first}
        counts[groups[left == second]] += 1
    # The 99.9% quantile at 7 degrees of freedom. By plain distance it would be about 49, by the other's 80.
    assert ((counts - expected) ** 2 / expected).sum() < 24.3
