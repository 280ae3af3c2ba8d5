"""Points that are read a block at a time, and squared distances between them by matrix products.

A point may be an outer product of several vectors (its factors). Inner products of outer products are
products of inner products, so the outer product itself is never made:
``<a (x) b, c (x) d> = <a, c> <b, d>``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from labelloop.acquisition.embeddings import Embeddings

Block = tuple[np.ndarray, ...]
"""The factors of k points: shapes (k, d_1), (k, d_2) ..., float32."""

ZERO = np.float32(4e-6)
"""Squared distances below this share of the squared norm are rounding of float32, not distance."""
_BLOCK_NUMBERS = 1 << 19
_BLOCK_ROWS = 2048
_CENTRES = 256
_CENTRE_SAMPLE = 16_384


@dataclass(frozen=True)
class Points:
    """Rows of a pool as points."""

    rows: np.ndarray
    """Shape (n,), int64, in the order in which they are worked through."""
    read: Callable[[np.ndarray], Block]
    """Makes a block of rows of the pool."""
    norms: np.ndarray
    """Shape (n,), float32: squared norms."""
    step: int
    """Points in a block."""

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """All points, a block at a time, with where they are."""
        for start in range(0, len(self.rows), self.step):
            part = slice(start, min(start + self.step, len(self.rows)))
            yield part, self.read(self.rows[part])

    def at(self, places: np.ndarray) -> Block:
        """The points at some places; shape of `places` (k,), int64."""
        return self.read(self.rows[places])


def points_of(rows: np.ndarray, read: Callable[[np.ndarray], Block], width: int) -> Points:
    """Points with their squared norms, which takes one pass.

    Args:
        rows: shape (n,), int64, rows of the pool.
        read: makes a block of rows.
        width: numbers a point in all factors.
    """
    step = max(64, min(_BLOCK_ROWS, _BLOCK_NUMBERS // width))
    norms = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), step):
        norms[start : start + step] = squared_norms(read(rows[start : start + step]))
    return Points(rows, read, norms, step)


def centred_reader(embeddings: Embeddings, rows: np.ndarray) -> Callable[[np.ndarray], Block]:
    """Read embeddings as float32 with the pool's middle at 0.

    Distances by matrix products lose their digits when the points are far from 0; moving all of them changes
    no distance. The middle is rounded to a power of two below the spread: points on a grid stay on it, so
    that their distances stay exactly tied.

    Args:
        embeddings: shape (n, d), any float type, may be memory-mapped.
        rows: shape (m,), int64, in a random order: the middle is the mean of the first of them.
    """
    sample = rows[:_CENTRE_SAMPLE]
    total, squares = np.zeros((2, embeddings.shape[1]), dtype=np.float64)
    for start in range(0, len(sample), _BLOCK_ROWS):
        block = embeddings[sample[start : start + _BLOCK_ROWS]].astype(np.float64)
        total += block.sum(axis=0)
        squares += (block**2).sum(axis=0)
    mean = total / max(1, len(sample))
    spread = np.sqrt(max(0.0, float((squares / max(1, len(sample)) - mean**2).mean())))
    unit = 2.0 ** np.floor(np.log2(max(spread, np.finfo(np.float32).tiny)))
    centre = (np.round(mean / unit) * unit).astype(np.float32)

    def read(some: np.ndarray) -> Block:
        return (np.subtract(embeddings[some], centre, dtype=np.float32),)

    return read


def squared_norms(block: Block) -> np.ndarray:
    """Shape (k,), float32."""
    norms = np.einsum("ij,ij->i", block[0], block[0])
    for factor in block[1:]:
        norms *= np.einsum("ij,ij->i", factor, factor)
    return norms


def squared_distances(
    block: Block, norms: np.ndarray, centres: Block, centre_norms: np.ndarray
) -> np.ndarray:
    """Squared distances of k points to c centres: shape (k, c), float32; rounding below `ZERO` is 0."""
    distances = _minus_twice_products(block, centres)
    distances += centre_norms
    distances += norms[:, None]
    distances[distances <= ZERO * norms[:, None]] = 0
    return distances


def lower_minimum(points: Points, minimum: np.ndarray, centres: Block) -> None:
    """Lower `minimum`, each point's squared distance to its nearest centre, in place, by more centres.

    Args:
        minimum: shape (n,), float32.
        centres: c points. One pass over the pool, and one matrix product a block, for all of them.
    """
    norms = squared_norms(centres)
    if len(norms) == 0:
        return
    for part, block in points.blocks():
        nearest = np.full(part.stop - part.start, np.inf, dtype=np.float32)
        for start in range(0, len(norms), _CENTRES):
            some = tuple(factor[start : start + _CENTRES] for factor in centres)
            distances = _minus_twice_products(block, some)
            distances += norms[start : start + _CENTRES]
            np.minimum(nearest, distances.min(axis=1), out=nearest)
        nearest += points.norms[part]
        nearest[nearest <= ZERO * points.norms[part]] = 0
        np.minimum(minimum[part], nearest, out=minimum[part])


def _minus_twice_products(block: Block, centres: Block) -> np.ndarray:
    products = block[0] @ (centres[0] * np.float32(-2)).T
    for factor, other in zip(block[1:], centres[1:], strict=True):
        products *= factor @ other.T
    return products
