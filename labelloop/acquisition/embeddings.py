"""What a strategy may ask of what is too large to hold: its size, and some of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


class IdReader(Protocol):
    """Ids of the pool's items that are read when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        """Ids of rows by an array of row numbers or a slice: shape (k,), object array of str."""
        ...

    def find(self, names: Sequence[str]) -> np.ndarray:
        """Rows of these ids, shape (k,), int64; -1 for one that is not there."""
        ...


Ids = np.ndarray | IdReader
"""Shape (n,), object array of str, or what reads those that are asked for."""


def rows_with(ids: Ids, names: Sequence[str]) -> np.ndarray:
    """Rows of these ids, shape (k,), int64; -1 for one that is not there."""
    if not isinstance(ids, np.ndarray):
        return ids.find(names)
    rows = {name: row for row, name in enumerate(ids.tolist())}
    return np.array([rows.get(name, -1) for name in names], dtype=np.int64)


class Embeddings(Protocol):
    """A NumPy array, or what makes the rows that are asked for of something that lies elsewhere.

    Built-in strategies do no more with embeddings than this, so those of a large pool need never be written.
    A picker of the user's own always gets an array.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        ...

    @property
    def ndim(self) -> int:
        """2."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Any float type."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> np.ndarray:
        """Rows by an array of row numbers or a slice: shape (k, d)."""
        ...
