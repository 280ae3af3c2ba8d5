"""A sample of the pool as points: where graph smoothing looks for neighbours."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from labelloop.models.graph_smoothing import NEIGHBOURS, Graph, build_graph
from labelloop.models.neighbours import SAME, nearest

DIMENSIONS = 128
"""Leading principal components in which distances are taken; what is left out hardly moves neighbours."""

WIDE = 512
"""Widths above this are decomposed by iteration, which finds only the components that are wanted."""
_EXTRA = 16
_PASSES = 8

_built: OrderedDict[str, Graph] = OrderedDict()
_KEPT = 2


@dataclass(frozen=True)
class Projection:
    """Embeddings in their leading principal components."""

    mean: np.ndarray
    """Shape (d,), float32."""
    directions: np.ndarray
    """Shape (d, k), float32, orthonormal; k = d where d is small."""

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Shape (n, k), float32."""
        return np.asarray((embeddings.astype(np.float32) - self.mean) @ self.directions, dtype=np.float32)


def project(embeddings: np.ndarray) -> Projection:
    """The components that hold most of the variance; all of them, unturned, up to `DIMENSIONS`.

    Args:
        embeddings: shape (n, d), float32.

    Time: O(n d^2) in one matrix product, and O(d^3) up to `WIDE`, O(d^2 `DIMENSIONS`) above.
    """
    width = embeddings.shape[1]
    mean = embeddings.mean(axis=0, dtype=np.float64)
    if width <= DIMENSIONS:
        return Projection(mean.astype(np.float32), np.eye(width, dtype=np.float32))
    if width <= WIDE:
        points = embeddings.astype(np.float64) - mean
        _, vectors = np.linalg.eigh(points.T @ points)
        directions = vectors[:, ::-1][:, :DIMENSIONS]
    else:
        points = embeddings.astype(np.float32) - mean.astype(np.float32)
        directions = _leading((points.T @ points).astype(np.float64))
    # An eigenvector has no sign of its own; its largest number is made positive.
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(DIMENSIONS)])
    return Projection(mean.astype(np.float32), np.ascontiguousarray(directions, dtype=np.float32))


def _leading(gram: np.ndarray) -> np.ndarray:
    """The leading `DIMENSIONS` eigenvectors of a positive semidefinite matrix, shape (d, `DIMENSIONS`).

    Directions of almost equal variance may come out mixed, which moves no distance.

    Source: Halko, Martinsson and Tropp (2011), Finding structure with randomness, algorithm 4.4.
    """
    start = np.random.default_rng(0).standard_normal((len(gram), DIMENSIONS + _EXTRA))
    basis, _ = np.linalg.qr(start)
    for _ in range(_PASSES):
        basis, _ = np.linalg.qr(gram @ basis)
    _, vectors = np.linalg.eigh(basis.T @ gram @ basis)
    return np.asarray((basis @ vectors)[:, ::-1][:, :DIMENSIONS])


def graph_of(points: np.ndarray, neighbours: int = NEIGHBOURS) -> Graph:
    """`build_graph`, kept for the next call with the same points: a round fits on one pool many times."""
    digest = hashlib.blake2b(np.ascontiguousarray(points).tobytes(), digest_size=16).hexdigest()
    key = f"{neighbours} {digest}"
    if key not in _built:
        _built[key] = build_graph(points, neighbours)
        while len(_built) > _KEPT:
            _built.popitem(last=False)
    _built.move_to_end(key)
    return _built[key]


def join(sample: np.ndarray, labeled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sample with the labeled points in it.

    Args:
        sample: shape (n, k), float32.
        labeled: shape (l, k), float32.

    Returns:
        All points, shape (n + new, k), and the place of each labeled point among them, shape (l,), int64: a
        labeled point that lies on one of the sample is that one.
    """
    places, squared = nearest(labeled, sample, 1)
    norms = np.einsum("ij,ij->i", labeled, labeled)
    new = squared[:, 0] > SAME * np.maximum(norms, np.finfo(np.float32).tiny)
    where = places[:, 0].astype(np.int64)
    where[new] = len(sample) + np.arange(int(new.sum()))
    return np.concatenate([sample, labeled[new]]), where
