"""What a reader of the user's data hands to `prepare`, and what the stages read afterwards.

`prepare` turns any kind of dataset into one shape in the campaign's `data/` folder:

    data/pool.parquet        item, split (pool or test), and the columns people may be shown
    data/known.parquet       item, label: what the data says; null where it says nothing
    data/test.parquet        a given test set: item and columns (split is test); absent otherwise
    data/test_known.parquet  its labels
    data/pool.npy, test.npy  features (float32) or images (uint8), memory-mapped; absent for text
    data/dataset.json        input kind, classes, shapes, where the arrays are, what was folded or skipped

Rows of pool.parquet and of pool.npy correspond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import numpy as np

from labelloop.datasets.array_file import RowsOnDisk

InputKind = Literal["text", "features", "images"]


class Items(Protocol):
    """One set of items, in a fixed order; nothing here loads all of them at once."""

    input_kind: InputKind

    def __len__(self) -> int: ...

    @property
    def ids(self) -> np.ndarray:
        """Shape (n,), object array of str."""
        ...

    def ids_of(self, rows: np.ndarray) -> np.ndarray:
        """Ids of some rows, without making those of all; shape (k,), object array of str.

        Here and below rows are row numbers; a mask is refused.
        """
        ...

    def inputs(self, rows: np.ndarray | slice) -> np.ndarray:
        """What a learner sees of `rows`; see labelloop/models/base.py."""
        ...

    def sliced(self, rows: slice) -> AbstractContextManager[np.ndarray | RowsOnDisk]:
        """`inputs` of neighbouring rows, read when they are sliced where that can be, else at once."""
        ...

    def reader(self) -> Callable[[np.ndarray | slice], np.ndarray]:
        """`inputs` for rows in any order, again and again; what it has read stays in memory until it goes."""
        ...

    def payload(self, rows: np.ndarray, columns: Sequence[str] = ()) -> list[dict[str, object]]:
        """What people are shown of `rows`: JSON-like, by column name; `columns` empty means the default."""
        ...

    def values(self, column: str, setting: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A column of the data, shape (n,), object: text, numbers or booleans, None or NaN where empty.

        Args:
            rows: shape (k,), int64: only theirs, shape (k,), without making those of all.

        Raises:
            DataError: there is no such column, or it is the label; names the setting.
        """
        ...

    def distinct(self, column: str, setting: str) -> np.ndarray:
        """Each of a column's `values` once, in the order in which they come first; object."""
        ...

    def find(self, ids: Sequence[str]) -> np.ndarray:
        """Rows of these ids, int64; -1 for one that is not there. No id of others is made for it."""
        ...

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        """Rows of these ids, int64.

        Raises:
            DataError: an id is unknown; names it.
        """
        ...


class Prepared(Protocol):
    """A campaign's data, opened. A column is read when it is first asked for: scoring a pool needs none."""

    @property
    def pool(self) -> Items: ...

    @property
    def splits(self) -> np.ndarray:
        """Shape (len(pool),), bool: True where the pool's item is in the sampled test set."""
        ...

    @property
    def known(self) -> np.ndarray:
        """Shape (len(pool),), object: the label the data gives, or None."""
        ...

    @property
    def test(self) -> Items | None:
        """The given test set, if there is one."""
        ...

    @property
    def test_known(self) -> np.ndarray | None: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of `pool.inputs`, where the data is a table of numbers; else empty."""
        ...
