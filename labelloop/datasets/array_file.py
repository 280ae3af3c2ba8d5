"""Arrays in .npy files, read block by block: a pool of ten million rows never lies in memory at once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from labelloop.datasets import content
from labelloop.errors import DamagedFileError, DataError

BLOCK_BYTES = 1 << 22
"""Small enough that a block and what is computed of it stay in the processor's cache."""


def open_array(path: Path, name: str) -> np.ndarray:
    """Memory-map a .npy file for reading.

    Raises:
        DataError: it is no .npy file, is cut short, or holds Python objects.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        what = "holds Python objects" if "object" in str(error).lower() else f"cannot be read ({error})"
        raise DataError(
            f"{name} {what}; save plain numbers or text with numpy.save(path, array, allow_pickle=False)"
        ) from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{name} is no .npy inside, but a .npz; give it that ending")
    return array


def blocks(path: Path, name: str) -> Iterator[tuple[int, np.ndarray]]:
    """First row and rows of each block, in order.

    The file is mapped anew for every block: pages that were read count as this process's memory for as
    long as they are mapped.
    """
    whole = open_array(path, name)
    step = max(1, BLOCK_BYTES // max(1, whole[:1].nbytes))
    count = len(whole)
    del whole
    for start in range(0, count, step):
        yield start, open_array(path, name)[start : start + step]


def scan_features(path: Path, name: str, columns: Sequence[str] = ()) -> np.ndarray:
    """Check that all features are finite as float32, and digest each row.

    Args:
        path: a .npy of shape (n, d), numbers.
        name: what messages call it.
        columns: names of the d columns; without them messages give numbers.

    Returns:
        Content digests, shape (n,), uint64.

    Raises:
        DataError: NaN, infinity, or a number beyond float32; names row and column.
    """
    digests = [np.empty(0, dtype=np.uint64)]
    for start, block in blocks(path, name):
        with np.errstate(over="ignore"):
            features = np.asarray(block, dtype=np.float32)
        finite = np.isfinite(features)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            more = int((~finite).sum()) - 1
            also = f" (and {more} more from there on)" if more else ""
            where = repr(columns[column]) if columns else str(column)
            raise DataError(
                f"{name}, row {start + row} (counted from 0), column {where}: {block[row, column]} is no "
                f"finite number{also}. Gaps count as nan, and beyond 3.4e38 float32 is infinite; fill in, "
                "scale or remove such rows"
            )
        digests.append(content.of_rows(features))
    return np.concatenate(digests)


def scan_images(path: Path, name: str) -> np.ndarray:
    """Content digests of images in a .npy of shape (n, height, width[, channels]); shape (n,), uint64."""
    digests = [content.of_rows(block) for _, block in blocks(path, name)]
    return np.concatenate([np.empty(0, dtype=np.uint64), *digests])


class RowsOnDisk:
    """Neighbouring rows of a .npy of numbers as float32, each read when it is sliced.

    By plain reads into memory that is used again: a slice of a few hundred KB is then still in the
    processor's cache when it is worked on, and no page of the file is ever mapped. A slice is good until the
    next one is taken, so it is for one thread. `numpy.asarray` reads everything. A context manager, which
    closes the file.

    Args:
        array: the file, mapped, C-contiguous.
        start, stop: the rows.
    """

    def __init__(self, array: np.memmap, start: int, stop: int) -> None:
        assert array.flags.c_contiguous
        self._path = Path(str(array.filename))
        self._stored, self._row_bytes = array.dtype, array[:1].nbytes
        self._offset = array.offset + start * self._row_bytes
        self.shape: tuple[int, ...] = (stop - start, *array.shape[1:])
        self.ndim, self.dtype = array.ndim, np.dtype(np.float32)
        self._raw = self._converted = np.empty((0, *self.shape[1:]), dtype=self.dtype)
        self._stream = self._path.open("rb", buffering=0)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Rows one after the other.

        Raises:
            DamagedFileError: the file ends before they do.
        """
        first, last, step = rows.indices(len(self))
        if step != 1:
            raise ValueError(f"rows on disk are read one after the other, not in steps of {step}")
        count = max(0, last - first)
        if count > len(self._raw):
            self._raw = np.empty((count, *self.shape[1:]), dtype=self._stored)
            plain = self._stored == self.dtype
            self._converted = self._raw if plain else np.empty(self._raw.shape, dtype=self.dtype)
        self._stream.seek(self._offset + first * self._row_bytes)
        _fill(self._raw[:count], self._stream, self._path)
        if self._converted is not self._raw:
            np.copyto(self._converted[:count], self._raw[:count])
        return self._converted[:count]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self[:], dtype=dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _fill(rows: np.ndarray, stream: io.FileIO, path: Path) -> None:
    room = memoryview(rows.reshape(-1).view(np.uint8).data)
    while room:
        # A read may bring less than was asked for: at most 2 GB at once, or what came before a signal.
        done = stream.readinto(room)
        if not done:
            raise DamagedFileError(f"{path} ends too early; bring that file back or start a new campaign")
        room = room[done:]


def data_offset(stream: BinaryIO | io.FileIO) -> int:
    """Where the rows of a .npy begin that `start_array` began; the stream stands at its beginning.

    Without reading what the header says, which takes longer than a shard of rows to write. See NEP 1.
    """
    head = stream.read(10)
    assert head[:7] == b"\x93NUMPY\x01"
    return 10 + int.from_bytes(head[8:10], "little")


def start_array(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Write the head of a .npy; the rows' bytes follow, so that no more than one row is ever in memory."""
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})


def place_rows(scratch: Path, rows: np.ndarray, destination: Path) -> None:
    """Make the .npy `destination` of the ascending `rows` of `scratch`, block by block.

    When that is all of them, `scratch` simply gets the new name.
    """
    source = open_array(scratch, scratch.name)
    if len(rows) == len(source):
        scratch.replace(destination)
        return
    step = max(1, BLOCK_BYTES // max(1, source[:1].nbytes))
    with destination.open("wb") as stream:
        start_array(stream, (len(rows), *source.shape[1:]), source.dtype)
        for start in range(0, len(rows), step):
            block = open_array(scratch, scratch.name)[rows[start : start + step]]
            stream.write(block.tobytes())
