"""What the reader of one kind of dataset hands over, before anything is dropped, sampled or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from pathlib import Path

    from labelloop.campaign import Dataset
    from labelloop.datasets.base import InputKind

Strings: TypeAlias = Any
"""A text column: pyarrow Array or ChunkedArray of strings (pyarrow has no types to check against)."""


@dataclass(frozen=True)
class ArrayFile:
    """A .npy with the inputs of items."""

    path: Path
    in_place: bool = False
    """Whether it is the user's own file: used where it lies, never copied, never changed."""
    stored_as: str = ""
    """How dataset.json names a file that is used in place: as the user wrote it, where that is relative."""


@dataclass(frozen=True)
class Part:
    """Items of one set (the pool, or a given test set), in the order of their source."""

    name: str
    """What messages call the source: its path as the user wrote it."""
    ids: Strings
    labels: Strings
    """What the data says; null where it says nothing."""
    content: np.ndarray
    """Shape (n,), uint64: equal content, equal number; see content.py."""
    rows: np.ndarray
    """Shape (n,), int64, ascending: the item's row in its source, and in `array`."""
    columns: Mapping[str, Strings] = field(default_factory=dict)
    """What people may be shown."""
    array: ArrayFile | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def keep(self, mask: np.ndarray) -> Part:
        """The items where `mask` (shape (n,), bool) holds."""
        if mask.all():
            return self
        wanted = pa.array(mask)
        return replace(
            self,
            ids=self.ids.filter(wanted),
            labels=self.labels.filter(wanted),
            content=self.content[mask],
            rows=self.rows[mask],
            columns={name: values.filter(wanted) for name, values in self.columns.items()},
        )


@dataclass(frozen=True)
class Source:
    """A dataset as it was read."""

    input_kind: InputKind
    pool: Part
    test: Part | None = None
    text_columns: tuple[str, ...] = ()
    """Columns that make up the text a learner sees."""
    payload_columns: tuple[str, ...] = ()
    """What people are shown unless the user asks for something else."""
    withheld: tuple[str, ...] = ()
    """Columns that nobody may be shown, such as the label."""
    picture: Mapping[str, int] | None = None
    """Height, width and white level of features that are the pixels of a picture."""
    skipped: Sequence[str] = ()
    """Images that could not be read."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows that belong to neither set, counted by their value of the split column."""
    notes: Sequence[str] = ()
    feature_names: Sequence[str] = ()
    """Columns of the features, in their order, where they have names."""


class Reader(Protocol):
    """A module that reads one kind of dataset: digits.py, table.py, images.py, arrays.py."""

    def read(self, dataset: Dataset, root: Path, out: Path) -> Source:
        """Read everything; arrays that are made go into `out`."""
        ...

    def files(self, dataset: Dataset, root: Path) -> list[Path]:
        """The user's files that `read` reads."""
        ...


def row_ids(stem: str, rows: np.ndarray, width: int) -> pa.Array:
    """Ids such as `letters-0000012`, made without a loop over rows."""
    digits = pc.utf8_lpad(pa.array(rows).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(stem), digits, "-")


def as_text(values: Any) -> Strings:
    """Any column as text: whole numbers without a decimal point, null and NaN as null."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
        whole = pc.and_(pc.is_finite(values), pc.equal(values, pc.floor(values)))
        if pc.all(whole).as_py() is not False:
            values = values.cast(pa.int64(), safe=False)
    return values.cast(pa.string())


def as_labels(values: Any) -> Strings:
    """A label column as text without surrounding blanks; null where there is no label."""
    text = pc.utf8_trim_whitespace(as_text(values))
    return pc.if_else(pc.equal(text, ""), None, text)


def no_labels(count: int) -> pa.Array:
    """Labels of items about which the data says nothing."""
    return pa.nulls(count, pa.string())
