"""How `store` reads a campaign's Parquet columns and arrays: as a whole or some rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelloop.errors import DamagedFileError, DataError

_MOST_BYTES = 1 << 31
"""Of text in one chunk of Arrow's."""


def read_column(path: Path, name: str) -> pa.ChunkedArray:
    """One column of a Parquet file.

    Raises:
        DamagedFileError: the file is missing or damaged, or has no such column.
    """
    try:
        return pq.read_table(path, columns=[name])[name]
    except (pa.ArrowException, OSError, KeyError) as error:
        raise damaged(path, error) from None


def in_one(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in one chunk: of several, Arrow makes one each time some rows are taken."""
    if column.num_chunks < 2 or column.nbytes >= _MOST_BYTES:
        return column
    return pa.chunked_array([column.combine_chunks()])


def schema_of(path: Path) -> pa.Schema:
    """Names and types of a Parquet file's columns; errors as for `read_column`."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None


def mapped(path: Path, mode: Literal["r", "c"] = "r") -> np.memmap:
    """The array of a .npy, memory-mapped; errors as for `read_column`."""
    try:
        array: np.memmap = np.load(path, mmap_mode=mode, allow_pickle=False)
        return array
    except (ValueError, OSError, EOFError) as error:
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> DamagedFileError:
    """What to raise about a file that cannot be read."""
    return DamagedFileError(f"{path} is missing or damaged: {error}; bring it back or run `prepare` again")


def refuse_mask(rows: np.ndarray | slice) -> None:
    """Raise DataError for rows as booleans: Arrow would take True and False for rows 1 and 0."""
    if not isinstance(rows, slice) and np.asarray(rows).dtype == bool:
        raise DataError("rows are asked for by their numbers, not by a mask; give np.flatnonzero(mask)")


def taken(values: pa.ChunkedArray, rows: np.ndarray | slice) -> Any:
    """Values of some rows, by their numbers."""
    refuse_mask(rows)
    if isinstance(rows, slice):
        start, stop, step = rows.indices(len(values))
        if step == 1:
            return values.slice(start, max(0, stop - start))
        rows = np.arange(start, stop, step)
    return values.take(pa.array(rows, pa.int64()))


def objects(values: Any) -> np.ndarray:
    """Arrow's values as an object array."""
    if isinstance(values, pa.ChunkedArray):
        return np.asarray(values.to_numpy(), dtype=object)
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=object)
