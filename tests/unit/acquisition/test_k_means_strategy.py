"""k-means covers what is not covered yet."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, make_strategy, select_rows


def clusters(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Well separated clouds on a circle, with an offset far from 0; embeddings and cluster of each row."""
    rng = np.random.default_rng(seed)
    member = np.repeat(np.arange(len(sizes)), sizes)
    angle = 2 * np.pi * member / len(sizes)
    centres = 1000 + 50 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (centres + rng.normal(size=(len(member), 2))).astype(np.float32), member


def run(embeddings: np.ndarray, labeled: np.ndarray, batch: int, **options: int) -> np.ndarray:
    candidates = np.setdiff1d(np.arange(len(embeddings)), labeled)
    context = Context(candidates, np.sort(labeled).astype(np.int64), None, embeddings, seed=1)
    return select_rows(make_strategy("k_means", options), context, batch).rows


@pytest.mark.parametrize("options", [{}, {"mini_batch_above": 50}], ids=["full", "mini-batch"])
def test_each_cloud_gets_one_pick(options: dict[str, int]) -> None:
    embeddings, member = clusters([60, 30, 90, 20])
    assert sorted(member[run(embeddings, np.arange(0), 4, **options)].tolist()) == [0, 1, 2, 3]


def test_a_pick_is_near_the_middle_of_its_cloud() -> None:
    """Nearer to the mean than nine of ten members."""
    embeddings, member = clusters([100, 100, 100])
    for row in run(embeddings, np.arange(0), 3):
        cloud = embeddings[member == member[row]]
        distance = np.linalg.norm(cloud - cloud.mean(axis=0), axis=1)
        assert np.linalg.norm(embeddings[row] - cloud.mean(axis=0)) <= np.quantile(distance, 0.1)


def test_clouds_with_a_labeled_item_come_last() -> None:
    embeddings, member = clusters([80, 40, 40, 40])
    labeled = np.flatnonzero(np.isin(member, [0, 2]))[[0, 1, 85]]
    first = run(embeddings, labeled, 2, max_clusters=4)
    assert sorted(member[first].tolist()) == [1, 3]


def test_large_clouds_come_first() -> None:
    embeddings, member = clusters([20, 80, 40])
    assert member[run(embeddings, np.arange(0), 3)].tolist() == [1, 2, 0]


def test_duplicates_are_picked_only_when_distinct_points_have_run_out() -> None:
    embeddings = np.repeat(np.arange(5, dtype=np.float32), 10)[:, None]
    assert sorted(embeddings[run(embeddings, np.arange(0), 5), 0].tolist()) == [0, 1, 2, 3, 4]
    assert np.bincount(embeddings[run(embeddings, np.arange(0), 7), 0].astype(int)).max() == 2


def test_mini_batches_do_not_depend_on_the_order_of_the_pool() -> None:
    rng = np.random.default_rng(3)
    embeddings = rng.normal(size=(6000, 5)).astype(np.float32)
    order = rng.permutation(6000)
    one = run(embeddings, np.arange(0), 10, mini_batch_above=1000)
    other = run(embeddings[order], np.arange(0), 10, mini_batch_above=1000)
    assert one.tolist() == order[other].tolist()
