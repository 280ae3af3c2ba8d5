"""A uniform sample of rows that arrive shard by shard."""

from __future__ import annotations

import numpy as np


class Reservoir:
    """Keeps `size` rows of all that were offered, each with the same chance.

    Every row draws a number and the smallest stay, so the sample does not depend on how rows are cut into
    shards.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self._keys: np.ndarray = np.zeros(0)
        self._rows: np.ndarray | None = None

    def offer(self, shard: np.ndarray) -> None:
        """Consider the rows of `shard`; those kept are copied."""
        keys = self._random.random(len(shard))
        if len(self._keys) >= self._size:
            worst = self._keys.max()
            good = np.flatnonzero(keys < worst)
            keys, shard = keys[good], shard[good]
        rows = np.array(shard) if self._rows is None else np.concatenate([self._rows, shard])
        keys = np.concatenate([self._keys, keys])
        if len(keys) > self._size:
            kept = np.sort(np.argpartition(keys, self._size)[: self._size])
            keys, rows = keys[kept], rows[kept]
        self._keys, self._rows = keys, rows

    def sample(self) -> np.ndarray:
        """The rows kept, in the order they were offered."""
        return np.zeros(0) if self._rows is None else self._rows
