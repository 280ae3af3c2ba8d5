"""Where images lie before any label: their leading principal components."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError
from labelloop.models.reservoir import Reservoir
from labelloop.one_thread import one_thread

SAMPLE_IMAGES = 4096
"""Images of the pool that the components are fitted on."""

_SIDE = 32
"""Longest side in pixels of the thumbnails that are decomposed; bounds memory for large images."""


@dataclass(frozen=True)
class PrincipalComponents:
    """The plane in which the pool's thumbnails vary most."""

    mean: np.ndarray
    """Shape (d,), float32: the mean thumbnail."""
    directions: np.ndarray
    """Shape (d, size), float32, each divided by the pool's overall spread."""

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Shape (n, size), float32."""
        small = thumbnails(images)
        flat = small.reshape(len(images), math.prod(small.shape[1:]))
        return (flat - self.mean) @ self.directions


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Shrink images by averaging whole blocks of pixels.

    Args:
        images: shape (n, height, width) or (n, height, width, channels), uint8.

    Returns:
        Shape (n, h, w, channels), float32 in [0, 1], h and w at most 32; what does not fill a block at the
        right and the bottom is left out.
    """
    if images.ndim not in (3, 4) or images.dtype != np.uint8:
        raise DataError(f"expected uint8 images of shape (n, height, width[, channels]), not {images.dtype} "
                        f"of shape {images.shape}")  # fmt: skip
    images = images[..., None] if images.ndim == 3 else images
    n, height, width, channels = images.shape
    block = max(1, -(-max(height, width) // _SIDE))
    h, w = max(1, height // block), max(1, width // block)
    cut = images[:, : h * block, : w * block].astype(np.float32)
    rows, columns = cut.shape[1] // h, cut.shape[2] // w
    return cut.reshape(n, h, rows, w, columns, channels).mean(axis=(2, 4)) / np.float32(255)


def principal_components(shards: Iterable[np.ndarray], size: int, seed: int) -> PrincipalComponents:
    """Fit the leading components on a bounded sample of the pool.

    Raises:
        DataError: there is no image.
    """
    from sklearn.utils.extmath import randomized_svd

    reservoir = Reservoir(SAMPLE_IMAGES, seed)
    for shard in shards:
        reservoir.offer(shard)
    images = reservoir.sample()
    if len(images) == 0:
        raise DataError("there is no image to learn from; the pool is empty")
    flat = thumbnails(images).reshape(len(images), -1)
    mean = flat.mean(axis=0)
    flat -= mean
    spread = float(np.sqrt(np.mean(flat**2))) or 1.0
    possible = min(size, *flat.shape)
    # One thread, for the same last bit whatever the number of cores.
    with one_thread():
        directions = randomized_svd(flat, n_components=possible, random_state=seed)[2]
    return PrincipalComponents(
        mean, np.ascontiguousarray(directions.T, dtype=np.float32) / np.float32(spread)
    )
