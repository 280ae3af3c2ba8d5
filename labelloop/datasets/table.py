"""Tables: rows of text or of numbers in CSV, Parquet or JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labelloop.campaign import Dataset
from labelloop.datasets import content
from labelloop.datasets.array_file import scan_features
from labelloop.datasets.numbers import as_numbers, is_numeric
from labelloop.datasets.paths import locate, stem_of
from labelloop.datasets.source import ArrayFile, Part, Source, Strings, as_labels, as_text, no_labels, row_ids
from labelloop.datasets.split import split_parts
from labelloop.datasets.table_files import format_of, is_blank, read_table
from labelloop.errors import DataError
from labelloop.hints import there_is

RESERVED = ("item", "split")
"""Columns of pool.parquet itself."""


@dataclass(frozen=True)
class Sheet:
    """A table file, read."""

    path: Path
    name: str
    table: pa.Table

    def column(self, column: str, setting: str) -> pa.ChunkedArray:
        """A column that a setting names.

        Raises:
            DataError: the file has no such column; names the nearest.
        """
        if column not in self.table.column_names:
            raise DataError(
                f"dataset.{setting}: {self.name} has no column {column!r}; "
                f"{there_is(column, self.table.column_names)}"
            )
        return self.table[column]


def files(dataset: Dataset, root: Path) -> list[Path]:
    """The table, and the table of a given test set."""
    written = [("path", dataset.path), ("test_path", dataset.test_path)]
    return [locate(path, root, setting) for setting, path in written if path]


def read(dataset: Dataset, root: Path, out: Path) -> Source:
    """Read a table of texts or of features."""
    if dataset.text_columns and dataset.numeric_columns:
        raise DataError(
            f"dataset.text_columns {dataset.text_columns} and dataset.numeric_columns "
            f"{dataset.numeric_columns} are both set; a model sees texts or numbers, so remove one of them"
        )
    sheet = open_sheet(dataset.path or "", root, "path")
    test_sheet = open_sheet(dataset.test_path, root, "test_path") if dataset.test_path else None
    if dataset.text_columns:
        return _texts(dataset, sheet, test_sheet)
    return _features(dataset, sheet, test_sheet, out)


def open_sheet(written: str, root: Path, setting: str) -> Sheet:
    """Read the table that a setting names.

    Raises:
        DataError: it is not there, is no table, or has no rows.
    """
    path = locate(written, root, setting)
    if path.is_dir():
        raise DataError(
            f"dataset.{setting}: {written!r} is a folder; name a file, or set dataset.kind to images"
        )
    format_of(path)
    sheet = Sheet(path, written, read_table(path, written))
    if not len(sheet.table):
        raise DataError(f"{written} has no rows; a pool needs at least one item")
    return sheet


def withheld_columns(dataset: Dataset) -> tuple[str, ...]:
    """Columns that would tell annotators what they are asked."""
    return tuple(name for name in (dataset.label_column, dataset.split_column) if name)


def ids_of(dataset: Dataset, sheet: Sheet, suffix: str = "") -> Strings:
    """Ids from the id column as they are written there, or made of file name and row."""
    if dataset.id_column:
        return as_text(sheet.column(dataset.id_column, "id_column"))
    return row_ids(stem_of(sheet.path) + suffix, np.arange(len(sheet.table)), 7)


def labels_of(dataset: Dataset, sheet: Sheet) -> Strings:
    """Known labels, null where the table says nothing."""
    if not dataset.label_column:
        return no_labels(len(sheet.table))
    return as_labels(sheet.column(dataset.label_column, "label_column"))


def shown_columns(dataset: Dataset, sheet: Sheet) -> tuple[dict[str, Strings], list[str]]:
    """Columns that people may be shown, and notes about those that they cannot."""
    hidden = {*withheld_columns(dataset), dataset.id_column}
    columns = {name: sheet.table[name] for name in sheet.table.column_names if name not in hidden}
    notes = [
        f"{sheet.name}: column {name!r} cannot be shown to annotators, because pool.parquet has a column of "
        "that name itself; rename it if you need it"
        for name in RESERVED
        if columns.pop(name, None) is not None
    ]
    return columns, notes


def _texts(dataset: Dataset, sheet: Sheet, test_sheet: Sheet | None) -> Source:
    reserved = [name for name in dataset.text_columns if name in RESERVED]
    if reserved:
        raise DataError(
            f"dataset.text_columns: column {reserved[0]!r} has a name that pool.parquet uses itself; rename "
            f"the column in {sheet.name}"
        )
    hidden = [name for name in dataset.text_columns if name in withheld_columns(dataset)]
    if hidden:
        raise DataError(
            f"dataset.text_columns names {hidden[0]!r}, which is also the label or split column; the model "
            "must not see it"
        )
    whole, notes = _text_part(dataset, sheet, "")
    pool, test, left_out = split_parts(dataset, whole, sheet.table)
    if test_sheet is not None:
        suffix = _test_suffix(dataset, sheet, test_sheet)
        test, more = _text_part(dataset, test_sheet, suffix)
        notes += more
    for part in (pool, test):
        if part is not None:
            _refuse_empty(part, dataset.text_columns)
    columns = tuple(dataset.text_columns)
    return Source(
        "text", pool, test, columns, columns, withheld_columns(dataset), left_out=left_out, notes=notes
    )


def _text_part(dataset: Dataset, sheet: Sheet, suffix: str) -> tuple[Part, list[str]]:
    columns, notes = shown_columns(dataset, sheet)
    for name in dataset.text_columns:
        # The id column may also be the text.
        columns[name] = pc.fill_null(as_text(sheet.column(name, "text_columns")), "")
    joined = joined_text([columns[name] for name in dataset.text_columns])
    part = Part(
        name=sheet.name,
        ids=ids_of(dataset, sheet, suffix),
        labels=labels_of(dataset, sheet),
        content=content.of_texts(joined.to_pylist()),
        rows=np.arange(len(sheet.table)),
        columns=columns,
    )
    return part, notes


def joined_text(columns: list[Strings]) -> Strings:
    """Text columns joined by a line break, as a learner sees them."""
    if len(columns) == 1:
        return columns[0]
    return pc.binary_join_element_wise(*columns, pa.scalar("\n", columns[0].type))


def _refuse_empty(part: Part, text_columns: list[str]) -> None:
    blank = np.ones(len(part), dtype=bool)
    for name in text_columns:
        blank &= np.asarray(is_blank(part.columns[name]).to_pylist(), dtype=bool)
    if blank.any():
        row = int(part.rows[blank.argmax()])
        more = int(blank.sum()) - 1
        also = f" (and {more} more rows)" if more else ""
        where = "column" if len(text_columns) == 1 else "columns"
        raise DataError(
            f"{part.name}, row {row} (counted from 0), {where} {', '.join(map(repr, text_columns))}: the "
            f"text is empty{also}; remove such rows or name the columns that hold the text"
        )


def _features(dataset: Dataset, sheet: Sheet, test_sheet: Sheet | None, out: Path) -> Source:
    names, notes = _numeric_columns(dataset, sheet)
    whole, more = _feature_part(dataset, sheet, names, out / "table-features.npy", "")
    pool, test, left_out = split_parts(dataset, whole, sheet.table)
    if test_sheet is not None:
        suffix = _test_suffix(dataset, sheet, test_sheet)
        test, extra = _feature_part(dataset, test_sheet, names, out / "test-features.npy", suffix)
        more += extra
    return Source("features", pool, test, (), ("features",), withheld_columns(dataset), left_out=left_out,
                  notes=[*notes, *more], feature_names=names)  # fmt: skip


def _numeric_columns(dataset: Dataset, sheet: Sheet) -> tuple[list[str], list[str]]:
    if dataset.numeric_columns:
        for name in dataset.numeric_columns:
            if name in withheld_columns(dataset):
                raise DataError(
                    f"dataset.numeric_columns names {name!r}, which is also the label or split column; the "
                    "model must not see it"
                )
            sheet.column(name, "numeric_columns")
        return dataset.numeric_columns, []
    apart = {dataset.id_column, *withheld_columns(dataset)}
    candidates = [name for name in sheet.table.column_names if name not in apart]
    names = [name for name in candidates if is_numeric(sheet.table[name])]
    if not names:
        raise DataError(
            f"{sheet.name} has no numeric column besides id and label; name the columns with text in "
            f"dataset.text_columns. It has: {', '.join(sheet.table.column_names)}"
        )
    others = [name for name in candidates if name not in names]
    notes = (
        [f"{sheet.name}: columns that are not numeric are no features: {', '.join(others)}"] if others else []
    )
    return names, notes


def _feature_part(
    dataset: Dataset, sheet: Sheet, names: list[str], path: Path, suffix: str
) -> tuple[Part, list[str]]:
    features = np.empty((len(sheet.table), len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        with np.errstate(over="ignore"):
            features[:, place] = as_numbers(sheet.column(name, "numeric_columns"), name, sheet.name)
    np.save(path, features)
    columns, notes = shown_columns(dataset, sheet)
    part = Part(
        name=sheet.name,
        ids=ids_of(dataset, sheet, suffix),
        labels=labels_of(dataset, sheet),
        content=scan_features(path, sheet.name, names),
        rows=np.arange(len(sheet.table)),
        columns=columns,
        array=ArrayFile(path),
    )
    return part, notes


def _test_suffix(dataset: Dataset, sheet: Sheet, test_sheet: Sheet) -> str:
    """Made-up ids of pool/data.csv and test/data.csv must differ."""
    return "-test" if stem_of(sheet.path) == stem_of(test_sheet.path) else ""
