"""k-center gives the picks of the plain greedy, without its passes."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, farthest, make_strategy, select_rows


def plain_greedy(embeddings: np.ndarray, labeled: np.ndarray, batch: int) -> list[int]:
    """The definition: all distances in float64, all again after every pick."""
    points = embeddings.astype(np.float64)
    covered, picks = list(labeled), []
    for _ in range(batch):
        distances = np.linalg.norm(points[:, None] - points[None, covered], axis=2).min(axis=1)
        distances[covered] = -1
        picks.append(int(distances.argmax()))
        covered.append(picks[-1])
    return picks


def run(embeddings: np.ndarray, labeled: np.ndarray, batch: int, **options: int) -> list[int]:
    candidates = np.setdiff1d(np.arange(len(embeddings)), labeled)
    context = Context(candidates, np.sort(labeled).astype(np.int64), None, embeddings, seed=1)
    return select_rows(make_strategy("k_center", options), context, batch).rows.tolist()


@pytest.mark.parametrize("shortlist", [1, 7, 60, 4096])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_picks_are_those_of_the_plain_greedy(shortlist: int, offset: float) -> None:
    """Whatever the length of the shortlist, and also far from the origin."""
    rng = np.random.default_rng(5)
    embeddings = (offset + rng.normal(size=(500, 6))).astype(np.float32)
    labeled = np.array([3, 77, 400, 12, 9])
    assert run(embeddings, labeled, 60, shortlist=shortlist) == plain_greedy(embeddings, labeled, 60)


@pytest.mark.parametrize("shortlist", [1, 5, 4096])
def test_ties_do_not_depend_on_the_shortlist(shortlist: int) -> None:
    """On a grid nearly all distances are tied, and the first by key wins inside and outside alike."""
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(-1, 2).astype(np.float32)
    assert run(grid, np.array([0]), 100, shortlist=shortlist) == run(grid, np.array([0]), 100)


def test_duplicates_of_what_is_covered_come_last() -> None:
    rng = np.random.default_rng(2)
    distinct = (1e3 + rng.normal(size=(30, 64))).astype(np.float32)
    picks = run(np.repeat(distinct, 4, axis=0), np.array([0]), 29)
    assert sorted(row // 4 for row in picks) == list(range(1, 30))


def test_the_pool_is_read_a_few_times_and_not_once_a_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    real = farthest.lower_minimum
    monkeypatch.setattr(farthest, "lower_minimum", lambda *given: (passes.append(1), real(*given))[1])
    embeddings = np.random.default_rng(0).normal(size=(20_000, 16)).astype(np.float32)
    run(embeddings, np.array([0]), 100)
    assert len(passes) <= 8
