"""Nearest neighbours among many points, approximately: only the cells nearest to a query are searched.

An inverted file: k-means cuts the points into cells of some hundred, and a query is compared with the members
of its nearest cells alone. All queries of a cell are compared with it in one matrix product. Memory grows
with the number of points; the same points give the same bytes, on however many cores.

Source: Jegou, Douze and Schmid (2011), Product quantization for nearest neighbor search.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from labelloop.one_thread import cores, one_thread

PROBES = 16
"""Cells searched for each query."""
MEMBERS = 384
"""Points in a cell, on average."""
_MOST = 8
"""Times the average that a cell may be large; of larger ones, heaps of copies, the rest is left out."""
_JOINED = 8
"""Nearest neighbours whose nearest neighbours are looked at; their number enters squared."""
_TRAINED_ON = 48
"""Points for each centroid that k-means sees."""
_ITERATIONS = 6
_BLOCK_NUMBERS = 1 << 21


@dataclass(frozen=True)
class Cells:
    """Points by cell."""

    points: np.ndarray
    """Shape (n, d), float32: the points, cell after cell."""
    norms: np.ndarray
    """Shape (n,), float32: their squared norms."""
    places: np.ndarray
    """Shape (n,), int32: where each was among the points as they were given."""
    starts: np.ndarray
    """Shape (c + 1,), int64: where each cell begins."""
    centroids: np.ndarray
    """Shape (c, d), float32."""

    def nearest(
        self, queries: np.ndarray, count: int, *, probes: int = PROBES
    ) -> tuple[np.ndarray, np.ndarray]:
        """The nearest points of each query, as far as they lie in the cells that are searched.

        Args:
            queries: shape (m, d), float32.
            count: neighbours wanted.

        Returns:
            Places among the points as they were given, int32, and squared distances, float32: shapes (m,
            count), nearest first. Where too few were found, place 0 at infinite distance.
        """
        wanted = _probed(queries, self.centroids, min(probes, len(self.centroids)))
        near = np.zeros((len(queries), count), dtype=np.int32)
        far = np.full((len(queries), count), np.inf, dtype=np.float32)
        with one_thread(), ThreadPoolExecutor(cores()) as pool:
            # One turn after the other, nearest cells first: then most of the later cells hold nothing nearer.
            for turn in wanted.T:
                order = np.argsort(turn, kind="stable")
                bounds = np.searchsorted(turn[order], np.arange(len(self.centroids) + 1))
                # Every query is in one cell's list a turn, so lists may be worked through at the same time.
                for _ in pool.map(
                    lambda cell, order=order, bounds=bounds: self._search(
                        queries, order[bounds[cell] : bounds[cell + 1]], cell, near, far
                    ),
                    range(len(self.centroids)),
                    chunksize=1,
                ):
                    pass
        return self.places[near], far

    def _search(
        self, queries: np.ndarray, rows: np.ndarray, cell: int, near: np.ndarray, far: np.ndarray
    ) -> None:
        """Put what the cell holds for the queries `rows` into `near` and `far`."""
        first = self.starts[cell]
        last = min(self.starts[cell + 1], first + _MOST * MEMBERS)
        if first == last or len(rows) == 0:
            return
        members, norms, count = self.points[first:last], self.norms[first:last], near.shape[1]
        step = max(1, _BLOCK_NUMBERS // (last - first))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            block = queries[some]
            squared = block @ members.T
            squared *= np.float32(-2)
            squared += norms
            squared += np.einsum("ij,ij->i", block, block)[:, None]
            nearer = np.flatnonzero(squared.min(axis=1) < far[some, -1])
            if len(nearer) == 0:
                continue
            some, squared = some[nearer], squared[nearer]
            best: np.ndarray = np.broadcast_to(np.arange(squared.shape[1]), squared.shape)
            if squared.shape[1] > count:
                best = np.argpartition(squared, count - 1, axis=1)[:, :count]
            distances = np.concatenate([far[some], np.take_along_axis(squared, best, axis=1)], axis=1)
            where = np.concatenate([near[some], (best + first).astype(np.int32)], axis=1)
            order = np.argsort(distances, axis=1, kind="stable")[:, :count]
            far[some] = np.take_along_axis(distances, order, axis=1)
            near[some] = np.take_along_axis(where, order, axis=1)


def neighbour_graph(points: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of every point, approximately; itself, or one on top of it, is among them.

    What the cells find is joined once with the neighbours of the nearest of them: a neighbour's neighbour is
    often a neighbour, also across the border of a cell that was not searched.

    Args:
        points: shape (n, d), float32.
        count: neighbours wanted.

    Returns:
        As `Cells.nearest`.

    Source: Dong, Moses and Li (2011), Efficient k-nearest neighbor graph construction, for the joining.
    """
    near, far = make_cells(points).nearest(points, count)
    if near.shape[1] < 2:
        return near, far
    joined, distances = near.copy(), far.copy()
    norms = np.einsum("ij,ij->i", points, points)
    step = max(64, _BLOCK_NUMBERS // (_JOINED**2 * points.shape[1]))

    def join(start: int) -> None:
        part = slice(start, start + step)
        own = np.arange(len(points))[part]
        beyond = near[near[part, :_JOINED], :_JOINED].reshape(len(own), -1)
        beyond.sort(axis=1)
        squared = np.matmul(points[beyond], points[part, :, None])[:, :, 0]
        squared *= np.float32(-2)
        squared += norms[beyond]
        squared += norms[part, None]
        # Each once, and none that is there already.
        squared[:, 1:][beyond[:, 1:] == beyond[:, :-1]] = np.inf
        squared[(beyond[:, :, None] == near[part, None, :]).any(axis=2)] = np.inf
        where = np.concatenate([near[part], beyond], axis=1)
        found = np.concatenate([far[part], np.maximum(squared, 0)], axis=1)
        order = np.argsort(found, axis=1, kind="stable")[:, :count]
        joined[part] = np.take_along_axis(where, order, axis=1)
        distances[part] = np.take_along_axis(found, order, axis=1)

    with one_thread(), ThreadPoolExecutor(cores()) as pool:
        list(pool.map(join, range(0, len(points), step)))
    return joined, distances


def make_cells(points: np.ndarray, *, members: int = MEMBERS) -> Cells:
    """Cut points into cells.

    Args:
        points: shape (n, d), float32, n at least 1.
        members: points in a cell, on average.

    Memory: a copy of the points, and 12 bytes a point.
    """
    wanted = max(1, len(points) // members)
    centroids = _centroids(points, wanted)
    cell = _probed(points, centroids, 1)[:, 0]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(wanted + 1))
    sorted_points = np.ascontiguousarray(points[order], dtype=np.float32)
    norms = np.einsum("ij,ij->i", sorted_points, sorted_points)
    return Cells(sorted_points, norms, order.astype(np.int32), starts, centroids)


def _centroids(points: np.ndarray, wanted: int) -> np.ndarray:
    """Lloyd's k-means on a sample: shape (wanted, d), float32."""
    from scipy.sparse import csr_matrix

    size = min(len(points), _TRAINED_ON * wanted)
    sample = points[np.sort(np.random.default_rng(0).permutation(len(points))[:size])].astype(np.float32)
    centroids = sample[np.linspace(0, size - 1, wanted).astype(np.int64)].copy()
    for _ in range(_ITERATIONS):
        cell = _probed(sample, centroids, 1)[:, 0]
        sizes = np.bincount(cell, minlength=wanted)
        members = csr_matrix((np.ones(size, np.float32), (cell, np.arange(size))), shape=(wanted, size))
        sums = np.asarray(members @ sample)
        centroids = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centroids)
        centroids = np.ascontiguousarray(centroids, dtype=np.float32)
        # A cell without members takes a point of the largest, so that cells stay of one size.
        empty = np.flatnonzero(sizes == 0)
        if len(empty):
            crowded = np.argsort(sizes[cell], kind="stable")[::-1][: len(empty)]
            centroids[empty[: len(crowded)]] = sample[crowded]
    return centroids


def _probed(queries: np.ndarray, centroids: np.ndarray, probes: int) -> np.ndarray:
    """Cells by the distance of their centroid, nearest first: shape (m, probes), int32."""
    found = np.empty((len(queries), probes), dtype=np.int32)
    norms = np.einsum("ij,ij->i", centroids, centroids)
    turned = np.ascontiguousarray(centroids.T) * np.float32(-2)
    step = max(64, _BLOCK_NUMBERS // len(centroids))

    def look(start: int) -> None:
        squared = queries[start : start + step] @ turned
        squared += norms
        near = np.argpartition(squared, probes - 1, axis=1)[:, :probes]
        order = np.argsort(np.take_along_axis(squared, near, axis=1), axis=1, kind="stable")
        found[start : start + step] = np.take_along_axis(near, order, axis=1)

    with one_thread(), ThreadPoolExecutor(cores()) as pool:
        list(pool.map(look, range(0, len(queries), step)))
    return found
