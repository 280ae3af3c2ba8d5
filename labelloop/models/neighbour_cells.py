"""Nearest neighbours among many points, approximately: only the cells nearest to a query are searched.

An inverted file: k-means cuts the points into cells of some hundred, and a query is compared with the members
of its nearest cells alone. All queries of a cell are compared with it in one matrix product. Memory grows
with the number of points; the same points give the same bytes, on however many cores.

Source: Jegou, Douze and Schmid (2011), Product quantization for nearest neighbor search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.one_thread import on_all_cores

PROBES = 32
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
_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Cells:
    """Points by cell."""

    turned: np.ndarray
    """Shape (n, d + 1), float32: -2 times each point, and its squared norm, cell after cell. Its product with
    a query and a 1 is their squared distance, less what is the same for all points."""
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
        best = _packed(np.full((len(queries), count), np.inf, np.float32), np.zeros(count, np.int64))
        # One turn after the other, nearest cells first: then most of the later cells hold nothing nearer.
        for turn in wanted.T:
            order = np.argsort(turn, kind="stable")
            bounds = np.searchsorted(turn[order], np.arange(len(self.centroids) + 1))
            # Every query is in one cell's list a turn, so lists may be worked through at the same time.
            parts = np.split(order, bounds[1:-1])

            def search(cell: int, parts: list[np.ndarray] = parts) -> None:
                self._search(queries, parts[cell], cell, best)

            on_all_cores(search, range(len(self.centroids)))
        return self.places[best & 0xFFFFFFFF], _distances(best)

    def _search(self, queries: np.ndarray, rows: np.ndarray, cell: int, best: np.ndarray) -> None:
        """Put what the cell holds for the queries `rows` into `best`; see `_packed`."""
        first = self.starts[cell]
        last = min(self.starts[cell + 1], first + _MOST * MEMBERS)
        if first == last or len(rows) == 0:
            return
        members, count = self.turned[first:last], best.shape[1]
        step = max(1, _BLOCK_NUMBERS // (last - first))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            block = np.ones((len(some), members.shape[1]), dtype=np.float32)
            block[:, :-1] = queries[some]
            own = np.einsum("ij,ij->i", block[:, :-1], block[:, :-1])
            squared = block @ members.T
            nearer = squared < (_distances(best[some, -1]) - own)[:, None]
            crowded = np.flatnonzero(np.count_nonzero(nearer, axis=1) > count)
            if len(crowded):
                last_of = np.partition(squared[crowded], count - 1, axis=1)[:, count - 1 : count]
                nearer[crowded] = squared[crowded] <= last_of
            found = np.flatnonzero(nearer)
            row, member = np.divmod(found, squared.shape[1])
            changed, begin, hits = np.unique(row, return_index=True, return_counts=True)
            if len(changed) == 0:
                continue
            distances = np.maximum(squared.ravel()[found] + own[row], 0)
            widened = np.full((len(changed), count + hits.max()), _NONE)
            widened[:, :count] = best[some[changed]]
            place = count + np.arange(len(found)) - np.repeat(begin, hits)
            widened[np.repeat(np.arange(len(changed)), hits), place] = _packed(distances, first + member)
            widened.sort(axis=1)
            best[some[changed]] = widened[:, :count]


def _packed(distances: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Distances, float32 and at least 0, with places below 2^32 as one int64 each: sorted by distance, equal
    ones by place, in a fraction of the time that sorting one by the other takes."""
    return (distances.view(np.int32).astype(np.int64) << 32) | places


def _distances(packed: np.ndarray) -> np.ndarray:
    return (packed >> 32).astype(np.int32).view(np.float32)


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

    on_all_cores(join, range(0, len(points), step))
    return joined, distances


def make_cells(points: np.ndarray, *, members: int = MEMBERS) -> Cells:
    """Cut points into cells.

    Args:
        points: shape (n, d), float32, n at least 1.
        members: points in a cell, on average.

    Memory: a copy of the points, and 8 bytes a point.
    """
    wanted = max(1, len(points) // members)
    centroids = _centroids(points, wanted)
    cell = _probed(points, centroids, 1)[:, 0]
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(wanted + 1))
    turned = np.empty((len(points), points.shape[1] + 1), dtype=np.float32)
    turned[:, :-1] = points[order]
    turned[:, -1] = np.einsum("ij,ij->i", turned[:, :-1], turned[:, :-1])
    turned[:, :-1] *= -2
    return Cells(turned, order.astype(np.int32), starts, centroids)


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
        if probes == 1:
            found[start : start + step, 0] = squared.argmin(axis=1)
            return
        near = np.argpartition(squared, probes - 1, axis=1)[:, :probes]
        order = np.argsort(np.take_along_axis(squared, near, axis=1), axis=1, kind="stable")
        found[start : start + step] = np.take_along_axis(near, order, axis=1)

    on_all_cores(look, range(0, len(queries), step))
    return found
