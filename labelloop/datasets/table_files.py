"""CSV, TSV, Parquet and JSON lines as Arrow tables; text stays the text it was.

No value is guessed at: '007' does not become 7, and 'NA' is two letters. Numbers are parsed where a
column is used as a feature (numbers.py), and nowhere else.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from labelloop.datasets.source import as_text
from labelloop.errors import DataError

READERS = {
    ".csv": ",",
    ".tsv": "\t",
    ".parquet": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
_CSV_BLOCK = 1 << 26
"""Bytes; one row, however long its text, must fit in a block."""


def format_of(path: Path) -> str:
    """The ending that says what is in the file, without a last `.gz`.

    Raises:
        DataError: it is none of those that can be read.
    """
    ending = path.with_suffix("").suffix if path.suffix.lower() == ".gz" else path.suffix
    if ending.lower() not in READERS:
        raise DataError(
            f"{path}: a table must be one of {', '.join(READERS)} (CSV and JSON also with .gz), not "
            f"{ending or 'a file without an ending'!r}"
        )
    return ending.lower()


def read_table(path: Path, name: str) -> pa.Table:
    """Read a whole table; columns are text, numbers or booleans.

    Args:
        path: the file.
        name: what messages call it.

    Raises:
        DataError: the file type is not supported, or the content is not what the type promises.
    """
    reader = READERS[format_of(path)]
    try:
        if reader == "parquet":
            table = _read_parquet(path)
        elif reader == "json":
            table = _read_json(path, name)
        else:
            table = _read_csv(path, name, reader)
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
        hint = "; save it as UTF-8" if "utf" in str(error).lower() else ""
        raise DataError(f"{name} cannot be read: {error}{hint}") from None
    repeated = sorted({column for column in table.column_names if table.column_names.count(column) > 1})
    if repeated:
        raise DataError(f"{name} has more than one column {repeated[0]!r}; give each column its own name")
    return table


def _read_csv(path: Path, name: str, delimiter: str) -> pa.Table:
    from pyarrow import csv

    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = csv.ReadOptions(block_size=_CSV_BLOCK)
    with _opened(path) as stream:
        if not stream.read(1):
            raise DataError(f"{name} is empty; its first line must name the columns")
    with csv.open_csv(path, read_options=read, parse_options=parse) as stream:
        names = stream.schema.names
    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return csv.read_csv(path, read_options=read, parse_options=parse, convert_options=convert)


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = {}
    for column in table.column_names:
        values = table[column]
        if pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        elif not (pa.types.is_boolean(values.type) or is_number(values.type)):
            values = _shown(values)
        columns[column] = values
    return pa.table(columns)


def _shown(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Anything that is neither text nor number (times, lists, bytes) as text."""
    try:
        return as_text(values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.chunked_array([_texts(values.to_pylist())])


def _read_json(path: Path, name: str) -> pa.Table:
    with _opened(path) as stream:
        content = stream.read().decode("utf-8-sig")
    if content.lstrip().startswith("["):
        objects = _parsed(content, name, "")
    else:
        # Not str.splitlines: it also breaks at characters that JSON allows within a string.
        lines = enumerate(content.split("\n"), start=1)
        objects = [_parsed(line, name, f", line {number}") for number, line in lines if line.strip()]
    for row, one in enumerate(objects):
        if not isinstance(one, dict):
            raise DataError(f"{name}, row {row}: {one!r} must be an object with a value a column")
    columns = dict.fromkeys(column for one in objects for column in one)
    return pa.table({column: _json_column([one.get(column) for one in objects]) for column in columns})


def _parsed(content: str, name: str, where: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise DataError(f"{name}{where} is not JSON: {error}; write one object a line") from None


def _json_column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.array(values, pa.int64()) if _fit_in_64_bits(values) else _texts(values)
    if kinds <= {int, float}:
        return pa.array(values, pa.float64())
    if kinds <= {bool}:
        return pa.array(values, pa.bool_())
    return _texts(values)


def _fit_in_64_bits(values: list[int | None]) -> bool:
    return all(value is None or -(2**63) <= value < 2**63 for value in values)


def _texts(values: list[Any]) -> pa.Array:
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _opened(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def is_blank(values: Any) -> Any:
    """Where a text column holds nothing but white space, or null; a boolean column."""
    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(values), ""), True)
