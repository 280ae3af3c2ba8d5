"""TypiClust picks the densest place of each cloud without a label."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, make_strategy, select_rows, typiclust


def clouds(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Well separated clouds; embeddings and cloud of each row."""
    rng = np.random.default_rng(seed)
    member = np.repeat(np.arange(len(sizes)), sizes)
    return (100 * np.eye(len(sizes))[member] + rng.normal(size=(len(member), len(sizes)))).astype(
        "f4"
    ), member


def run(embeddings: np.ndarray, labeled: np.ndarray, batch: int, **options: int) -> np.ndarray:
    candidates = np.setdiff1d(np.arange(len(embeddings)), labeled)
    context = Context(candidates, labeled, None, embeddings, seed=1)
    return select_rows(make_strategy("typiclust", options), context, batch).rows


def most_typical(points: np.ndarray, neighbours: int) -> int:
    distances = np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)
    count = min(neighbours, len(points) // 2)
    return int(np.sort(distances, axis=1)[:, 1 : count + 1].mean(axis=1).argmin())


@pytest.mark.parametrize("neighbours", [3, 20])
def test_each_pick_is_the_most_typical_of_its_cloud(neighbours: int) -> None:
    """Largest cloud first, by the definition over all pairs of the cloud."""
    embeddings, member = clouds([30, 90, 60])
    expected = [
        np.flatnonzero(member == cloud)[most_typical(embeddings[member == cloud], neighbours)]
        for cloud in (1, 2, 0)
    ]
    assert run(embeddings, np.arange(0), 3, neighbours=neighbours).tolist() == expected


def test_clouds_with_a_label_come_last() -> None:
    embeddings, member = clouds([80, 40, 60, 50])
    labeled = np.array([0, 130])
    assert member[run(embeddings, labeled, 4, max_clusters=4)].tolist() == [3, 1, 0, 2]


def test_no_more_clusters_than_the_cap() -> None:
    """The second picks of a cloud follow when clusters have run out."""
    embeddings, member = clouds([40, 60])
    assert len(set(run(embeddings, np.arange(0), 2, max_clusters=2).tolist())) == 2
    labeled = np.flatnonzero(member == 0)[:10]
    assert member[run(embeddings, labeled, 2, max_clusters=2)].tolist() == [1, 0]


def test_a_huge_cluster_is_judged_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pick is still nearer to the middle than three of four."""
    monkeypatch.setattr(typiclust, "MAX_MEMBERS", 100)
    embeddings = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    pick = run(embeddings, np.arange(0), 1)[0]
    distances = np.linalg.norm(embeddings - embeddings.mean(axis=0), axis=1)
    assert distances[pick] < np.quantile(distances, 0.25)
