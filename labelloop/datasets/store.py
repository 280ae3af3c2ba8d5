"""The prepared data, opened: columns from Parquet and rows of arrays, read when they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelloop import files
from labelloop.datasets.array_file import RowsOnDisk
from labelloop.datasets.base import InputKind, Prepared
from labelloop.datasets.columns import (
    damaged,
    in_one,
    mapped,
    objects,
    read_column,
    refuse_mask,
    schema_of,
    taken,
)
from labelloop.datasets.picture import png_uri
from labelloop.datasets.row_lookup import RowLookup
from labelloop.datasets.table import joined_text
from labelloop.errors import DamagedFileError, DataError
from labelloop.hints import there_is


@dataclass(eq=False)
class StoredItems:
    """Items of `<name>.parquet` and its array; see `Items` in base.py."""

    folder: Path
    name: str
    summary: dict[str, Any]
    input_kind: InputKind

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:
        # From the footer: the ids of a large pool are only read by those who want them.
        path = self.folder / f"{self.name}.parquet"
        try:
            return int(pq.read_metadata(path).num_rows)
        except (pa.ArrowException, OSError) as error:
            raise damaged(path, error) from None

    @cached_property
    def ids(self) -> np.ndarray:
        """Shape (n,), object array of str."""
        return objects(self._column("item"))

    def ids_of(self, rows: np.ndarray) -> np.ndarray:
        """Ids of some rows, without making those of all; shape (k,), object array of str."""
        return objects(taken(self._column("item"), rows))

    def inputs(self, rows: np.ndarray | slice) -> np.ndarray:
        """What a learner sees of `rows`: texts, float32 features or uint8 images."""
        if self.input_kind == "text":
            return objects(taken(self._text, rows))
        return self._rows_of(self._array, rows)

    @contextmanager
    def sliced(self, rows: slice) -> Iterator[np.ndarray | RowsOnDisk]:
        """`inputs` of neighbouring rows, read when they are sliced where that can be, else at once."""
        start, stop, _ = rows.indices(len(self))
        readable = self.input_kind == "features" and self._array_rows is None
        array = self._mapped if readable else None
        if array is not None and array.flags.c_contiguous:
            with RowsOnDisk(array, start, stop) as on_disk:
                yield on_disk
        else:
            yield self.inputs(slice(start, stop))

    def reader(self) -> Callable[[np.ndarray | slice], np.ndarray]:
        """`inputs`, with the array mapped once: for rows in any order, again and again.

        Pages that were read count as this process's memory for as long as the function is kept.
        """
        if self.input_kind == "text":
            return self.inputs
        return functools.partial(self._rows_of, self._array)

    def _rows_of(self, array: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
        refuse_mask(rows)
        if self._array_rows is not None:
            rows = self._array_rows[rows]
        if self.input_kind == "images":
            return np.array(array[rows])
        if isinstance(rows, slice):
            # Neighbouring rows are not copied: a learner that reads them once reads the file's own pages.
            # They are mapped copy-on-write: whoever changes rows changes no file.
            return np.asarray(array[rows], dtype=np.float32)
        return np.array(array[rows], dtype=np.float32)

    def payload(self, rows: np.ndarray, columns: Sequence[str] = ()) -> list[dict[str, object]]:
        """What people are shown of `rows`: the columns asked for and no other.

        Raises:
            DataError: there is no such column, or it is one that would tell the answer.
        """
        refuse_mask(rows)
        rows = np.asarray(rows, dtype=np.int64)
        names = list(columns) or self.summary["payload_columns"]
        shown = {name: self._shown(name, rows) for name in names}
        return [{name: values[place] for name, values in shown.items()} for place in range(len(rows))]

    def values(self, column: str, setting: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A column as it was read: shape (n,), object; or what it has in `rows`.

        Raises:
            DataError: there is no such column, or it is one that would tell the answer.
        """
        stored = self._askable(column, setting)
        return objects(stored if rows is None else taken(stored, rows))

    def distinct(self, column: str, setting: str) -> np.ndarray:
        """Each of a column's `values` once; object."""
        return objects(pc.unique(self._askable(column, setting)))

    def _askable(self, column: str, setting: str) -> pa.ChunkedArray:
        if column in self.summary["withheld_columns"]:
            raise DataError(
                f"{setting}: column {column!r} is the label or split column; what is asked about must not "
                "depend on it"
            )
        known = [name for name in self._stored if name not in ("item", "split")]
        if column not in known:
            raise DataError(f"{setting}: the data has no column {column!r}; {there_is(column, known)}")
        return self._column(column)

    def find(self, ids: Sequence[str]) -> np.ndarray:
        """Rows of these ids, int64, in their order; -1 for one that is not there."""
        return self._lookup.rows(ids)

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        """Rows of these ids, int64, in their order.

        Raises:
            DataError: an id is unknown; names it.
        """
        rows = self.find(ids)
        if (rows < 0).any():
            unknown = np.asarray(ids, dtype=object)[rows < 0]
            raise DataError(
                f"item {unknown[0]!r} is not in {self.name}.parquet ({len(unknown)} of {len(rows)} are "
                "not); was the campaign's data changed?"
            )
        return rows

    @cached_property
    def _lookup(self) -> RowLookup:
        return RowLookup(self._column("item"))

    @cached_property
    def _columns(self) -> dict[str, pa.ChunkedArray]:
        return {}

    def _column(self, name: str) -> pa.ChunkedArray:
        if name not in self._columns:
            self._columns[name] = in_one(read_column(self.folder / f"{self.name}.parquet", name))
        return self._columns[name]

    @cached_property
    def _text(self) -> pa.ChunkedArray:
        # large_string: taking rows of more than 2 GB of text would overflow the offsets of string.
        columns = [self._column(name).cast(pa.large_string()) for name in self.summary["text_columns"]]
        return joined_text(columns)

    @cached_property
    def _array_path(self) -> Path:
        described = self.summary["arrays"][self.name]
        return (self._root if described["in_place"] else self.folder) / described["path"]

    @cached_property
    def _root(self) -> Path:
        return (self.folder / self.summary["root"]).resolve()

    @property
    def _array(self) -> np.ndarray:
        return np.asarray(self._mapped)

    @property
    def _mapped(self) -> np.memmap:
        # Mapped anew for every request: pages that were read count as this process's memory for as long
        # as they are mapped, and a pass over the pool would end with all of it.
        described = self.summary["arrays"][self.name]
        expected = ([described["length"], *described["shape"][1:]], described["dtype"])
        array = mapped(self._array_path, "c")
        if (list(array.shape), str(array.dtype)) != expected:
            raise DamagedFileError(
                f"{self._array_path} has shape {list(array.shape)} and type {array.dtype}, but the data was "
                f"prepared with {expected[0]} and {expected[1]}; bring that file back or start a new campaign"
            )
        return array

    @cached_property
    def _array_rows(self) -> np.ndarray | None:
        rows = self.summary["arrays"][self.name]["rows"]
        return np.asarray(mapped(self.folder / rows)) if rows else None

    @cached_property
    def _stored(self) -> list[str]:
        return schema_of(self.folder / f"{self.name}.parquet").names

    def _shown(self, name: str, rows: np.ndarray) -> list[object]:
        if name in self.summary["withheld_columns"]:
            raise DataError(
                f"annotation.payload_columns names {name!r}, which is the label or split column; annotators "
                "must not see it"
            )
        if name == "image" and self.summary["kind"] == "images" and name in self._stored:
            return [str(self._root / path) for path in taken(self._column(name), rows).to_pylist()]
        if name in self._stored and name != "split":
            return list(taken(self._column(name), rows).to_pylist())
        if name == "features" and self.input_kind == "features":
            return [[float(f"{value:.6g}") for value in row] for row in self.inputs(rows).tolist()]
        if name == "image" and (self.input_kind == "images" or self.summary["picture"]):
            return [png_uri(self._pixels(row)) for row in self.inputs(rows)]
        raise DataError(
            f"annotation.payload_columns: the data has no column {name!r}; {there_is(name, self._showable())}"
        )

    def _pixels(self, row: np.ndarray) -> np.ndarray:
        picture = self.summary["picture"]
        if picture is None:
            return row
        grey = np.rint(row.reshape(picture["height"], picture["width"]) * (255 / picture["white"]))
        return grey.clip(0, 255).astype(np.uint8)

    def _showable(self) -> list[str]:
        return list(dict.fromkeys([*self.summary["payload_columns"], *self._stored[2:]]))


@dataclass(eq=False)
class StoredData:
    """The content of a campaign's data folder; see `Prepared` in base.py."""

    folder: Path
    summary: dict[str, Any]

    @cached_property
    def pool(self) -> StoredItems:
        return StoredItems(self.folder, "pool", self.summary, self.summary["input_kind"])

    @cached_property
    def splits(self) -> np.ndarray:
        splits = pc.equal(read_column(self.folder / "pool.parquet", "split"), "test")
        return np.asarray(splits.to_numpy(), dtype=bool)

    @cached_property
    def known(self) -> np.ndarray:
        return _labels(self.folder / "known.parquet")

    @cached_property
    def test(self) -> StoredItems | None:
        if self.summary["test_set"] != "given":
            return None
        return StoredItems(self.folder, "test", self.summary, self.summary["input_kind"])

    @cached_property
    def test_known(self) -> np.ndarray | None:
        return _labels(self.folder / "test_known.parquet") if self.test is not None else None

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.summary["classes"])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns that a learner sees; empty where they have none."""
        return tuple(self.summary.get("feature_names", ()))


def open_folder(folder: Path) -> Prepared:
    """See `labelloop.datasets.open_prepared`."""
    try:
        opened = StoredData(folder, files.read_json(folder / "dataset.json"))
    except FileNotFoundError:
        raise DamagedFileError(f"{folder / 'dataset.json'} is missing; run `prepare` again") from None
    len(opened.pool)  # A damaged or missing pool is told now, not by whoever first reads a column.
    return opened


def _labels(path: Path) -> np.ndarray:
    """Shape (n,), object: one str object a class, not one a row; None where unknown."""
    encoded = read_column(path, "label").combine_chunks().dictionary_encode()
    names = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    codes = pc.fill_null(encoded.indices, len(names) - 1)
    return np.asarray(names[codes.to_numpy(zero_copy_only=False)], dtype=object)
