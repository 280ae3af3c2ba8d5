"""Approximate neighbours: nearly those of the exact search, in memory that grows with the points alone."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from labelloop import one_thread
from labelloop.models import graph_smoothing, neighbour_cells
from labelloop.models.graph_smoothing import SmoothedPool, build_graph
from labelloop.models.neighbour_cells import make_cells
from labelloop.models.neighbours import nearest


def clouds(count: int, width: int = 16, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = 3 * random.standard_normal((40, width))
    points = centres[random.integers(0, 40, count)] + random.standard_normal((count, width))
    return points.astype(np.float32)


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    shared = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
    return float(np.mean(shared) / exact.shape[1])


def test_with_every_cell_searched_the_neighbours_are_the_exact_ones() -> None:
    points = clouds(3000)
    exact, squared = nearest(points, points, 8)
    places, found = make_cells(points, members=100).nearest(points, 8, probes=1000)
    assert recall(places, exact) > 0.9999
    np.testing.assert_allclose(found[:, 1:], squared[:, 1:], rtol=1e-3, atol=1e-3)


def test_a_few_cells_hold_nearly_all_neighbours() -> None:
    points = clouds(6000)
    queries = clouds(500, seed=1)[:200]
    exact, _ = nearest(queries, points, 15)
    cells = make_cells(points, members=100)
    near = [recall(cells.nearest(queries, 15, probes=probes)[0], exact) for probes in (1, 4, 12)]
    assert near[0] < near[1] < near[2]
    assert near[2] > 0.95


def test_distances_are_those_of_the_points_that_were_found() -> None:
    points = clouds(2000)
    places, squared = make_cells(points, members=100).nearest(points[:300], 5, probes=3)
    told = ((points[:300, None] - points[places]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared, told, rtol=1e-3, atol=1e-3)
    assert (np.diff(squared, axis=1) >= 0).all()
    assert all(len(set(row)) == 5 for row in places.tolist())


def test_the_number_of_cores_changes_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    points = clouds(3000)
    found = []
    for number in (1, 4):
        monkeypatch.setattr(one_thread, "cores", lambda number=number: number)
        found.append(make_cells(points, members=100).nearest(points, 8))
    assert found[0][0].tobytes() == found[1][0].tobytes()
    assert found[0][1].tobytes() == found[1][1].tobytes()


def test_a_pool_of_copies_is_no_quadratic_one() -> None:
    """All in one cell, of which only a part is looked at; a copy still is at distance 0."""
    points = np.ones((20_000, 4), dtype=np.float32)
    places, squared = make_cells(points).nearest(points, 3)
    assert np.abs(squared).max() < 1e-4
    assert places.min() >= 0


def test_fewer_points_than_neighbours_are_told_by_their_distance() -> None:
    points = clouds(3)
    _, squared = make_cells(points).nearest(points, 5)
    assert (np.isfinite(squared).sum(axis=1) == 3).all()


def test_memory_of_the_graph_grows_with_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_smoothing, "EXACT", 100)
    # How many blocks are there at a time would else be a matter of luck.
    monkeypatch.setattr(one_thread, "cores", lambda: 1)
    build_graph(clouds(2000))

    def peak(count: int) -> int:
        points = clouds(count)
        tracemalloc.start()
        build_graph(points)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # Four times the points; beside what grows with them there are blocks of a fixed size.
    assert peak(40_000) < 4.4 * peak(10_000)


def test_smoothing_is_nearly_the_same_on_both_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for points that lie on one of the pool, which `skip_same` leaves out."""
    points, queries = clouds(4000), clouds(4000)[:100]
    exact = build_graph(points)
    monkeypatch.setattr(graph_smoothing, "EXACT", 100)
    near = build_graph(points)
    shared = exact.transitions.astype(bool).multiply(near.transitions.astype(bool)).sum()
    assert shared > 0.95 * exact.transitions.nnz

    random = np.random.default_rng(0)
    pool = SmoothedPool(points, exact.scales, random.dirichlet(np.ones(3), 4000).astype(np.float32))
    base = np.full((100, 3), 1 / 3, dtype=np.float32)
    approximate = pool.predict(queries, base, skip_same=True)
    monkeypatch.setattr(graph_smoothing, "EXACT", 10_000)
    left_out = np.abs(approximate - pool.predict(queries, base, skip_same=True)).mean()
    assert left_out < 0.1 * np.abs(approximate - pool.predict(queries, base)).mean()


def test_joining_neighbours_of_neighbours_finds_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, with its own distance, nearest first."""
    points = clouds(6000)
    exact, _ = nearest(points, points, 10)
    monkeypatch.setattr(neighbour_cells, "make_cells", lambda points: make_cells(points, members=4))
    cells = neighbour_cells.make_cells(points).nearest(points, 10)[0]
    places, squared = neighbour_cells.neighbour_graph(points, 10)
    assert 1 - recall(places, exact) < (1 - recall(cells, exact)) / 2
    assert all(len(set(row)) == 10 for row in places.tolist())
    told = ((points[:, None] - points[places]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared, told, rtol=1e-3, atol=1e-2)
    assert (np.diff(squared, axis=1) >= 0).all()
