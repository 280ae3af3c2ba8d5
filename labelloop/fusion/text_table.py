"""Tables of any format with every value as text.

A label is a name even where it looks like a number: '1' must not come back as '1.0' because some row was
empty, nor 'NA' as nothing. So no reader here guesses a type.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import pandas as pd

from labelloop.errors import DataError

FORMATS = ".csv, .csv.gz, .tsv, .tsv.gz, .parquet, .jsonl, .jsonl.gz"


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a table with all values as text, stripped of surrounding blanks; what is missing is ''.

    Numbers of Parquet and JSON lines are written without a needless '.0', truth values as 'true', 'false'.

    Raises:
        DataError: the file is not there, empty, of an unknown format or broken.
    """
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the path of a file ({FORMATS})")
    if not path.is_file():
        raise DataError(f"{path} is not there; give the path of a file ({FORMATS})")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; it needs a header and at least one row")
    try:
        if name.endswith((".csv", ".tsv")):
            table = _read_separated(path, "\t" if name.endswith(".tsv") else ",")
        elif name.endswith(".parquet"):
            table = _read_parquet(path)
        elif name.endswith((".jsonl", ".ndjson")):
            table = _read_json_lines(path)
        else:
            raise DataError(f"{path}: its format is not known by its name; known: {FORMATS}")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error}); save it as UTF-8") from None
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise DataError(f"{path} has more than one column {repeated[0]!r}; rename all but one")
    return table


def _read_separated(path: Path, separator: str) -> pd.DataFrame:
    try:
        # Without header=None pandas renames a repeated column, and takes the first column for an index
        # where rows are longer than the header.
        table = pd.read_csv(
            path, sep=separator, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty; it needs a header and at least one row") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path} is not a table: {str(error).strip()}; quote text that holds "
                        f"{'tabs' if separator == chr(9) else 'commas'}") from None  # fmt: skip
    header, rows = table.iloc[0], table.iloc[1:].reset_index(drop=True)
    rows.columns = pd.Index([str(name).strip() for name in header])
    return rows.apply(lambda column: column.fillna("").str.strip())


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    columns = {}
    for name in table.column_names:
        if not pa.types.is_nested(table.schema.field(name).type):
            # A float column's NaN is what pandas writes for nothing.
            text = pd.Series(table[name].cast(pa.string()).to_pylist(), dtype="str").fillna("")
            floating = pa.types.is_floating(table.schema.field(name).type)
            columns[name] = (text.where(text != "nan", "") if floating else text).str.strip()
    return pd.DataFrame(columns)


def _read_json_lines(path: Path) -> pd.DataFrame:
    import gzip

    opened = gzip.open if path.name.lower().endswith(".gz") else open
    rows = []
    with opened(path, "rt", encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise DataError(f"{path}, line {number} is not JSON: {error}") from None
                if not isinstance(row, dict):
                    raise DataError(f"{path}, line {number} must be an object such as "
                                    f'{{"item": ...}}, not {line.strip()[:60]}')  # fmt: skip
                rows.append({name: _as_text(value) for name, value in row.items()})
    if not rows:
        raise DataError(f"{path} is empty; it needs at least one line")
    return pd.DataFrame(rows).fillna("").astype(str)


def _as_text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
