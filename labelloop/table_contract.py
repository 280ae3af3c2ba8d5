"""What a table must be like, and how it is read and written.

A table is a pandas DataFrame in memory and Parquet on disk. The bytes on disk depend on the content
alone: no timestamps, no index, no library's metadata.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from labelloop import files
from labelloop.errors import DamagedFileError, DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One column of a contract: its type, and what must hold for every value."""

    type: pa.DataType
    nullable: bool = False
    unique: bool = False
    among: tuple[str, ...] = ()
    holds: Callable[[Any], Any] | None = None
    """Vectorised predicate over the column's non-null values."""
    says: str = ""
    """What `holds` demands, in words."""


@dataclass(frozen=True)
class Contract:
    """A table's name and columns, in their order on disk."""

    name: str
    columns: dict[str, Column]
    extra: bool = False
    """Whether further columns are welcome."""

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, column.type) for name, column in self.columns.items()])

    def empty(self) -> pd.DataFrame:
        """A table with the right columns and no row."""
        return self.schema.empty_table().to_pandas()

    def check(self, table: pd.DataFrame, source: str) -> pd.DataFrame:
        """Return `table` with exactly the contract's columns and types, or say what is wrong where.

        Args:
            table: any column order; further columns are dropped unless the contract welcomes them.
            source: the file's name, for messages.

        Raises:
            DataError: names source, column, row (0-based) and value.
        """
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise DataError(f"{source}: column {missing[0]!r} is missing from the {self.name} table; "
                            f"it has {list(table.columns)}")  # fmt: skip
        for name, column in self.columns.items():
            self._check_column(table[name], name, column, source)
        names = list(self.columns)
        if self.extra:
            names += [name for name in table.columns if name not in self.columns]
        return table[names]

    def _check_column(self, values: pd.Series, name: str, column: Column, source: str) -> None:
        missing = values.isna()
        if not column.nullable and missing.any():
            self._refuse(values, missing, name, source, "must not be empty")
        present = values[~missing]
        if column.unique and present.duplicated().any():
            repeated = values.notna() & values.duplicated(keep="first")
            self._refuse(values, repeated, name, source, "appears more than once")
        if pa.types.is_string(column.type):
            wrong = values.notna() & ~values.map(lambda value: isinstance(value, str)).astype(bool)
            if wrong.any():
                self._refuse(values, wrong, name, source, "must be text")
        if column.among and not present.isin(column.among).all():
            wrong = values.notna() & ~values.isin(column.among)
            self._refuse(values, wrong, name, source, f"must be one of {', '.join(column.among)}")
        if column.holds is not None and len(present):
            good = column.holds(present)
            if not good.all():
                wrong = values.notna() & ~good.reindex(values.index, fill_value=True)
                self._refuse(values, wrong, name, source, column.says)

    def _refuse(self, values: pd.Series, wrong: pd.Series, name: str, source: str, says: str) -> None:
        row = int(wrong.to_numpy().argmax())
        more = int(wrong.sum()) - 1
        also = f" (and {more} more rows)" if more else ""
        value = values.iloc[row]
        value = value.item() if hasattr(value, "item") else value  # 1.5, not np.float64(1.5)
        raise DataError(f"{source}, row {row}, column {name!r}: {value!r} {says}{also}")

    def write(self, table: pd.DataFrame, path: Path) -> None:
        """Check `table` and write it atomically as Parquet; equal tables give equal bytes."""
        checked = self.check(table, str(path))
        arrays = pa.Table.from_pandas(checked, preserve_index=False).replace_schema_metadata(None)
        fields = [
            self.schema.field(n) if n in self.columns else arrays.schema.field(n) for n in checked.columns
        ]
        write_arrow(arrays.cast(pa.schema(fields)), path)

    def read(self, path: Path) -> pd.DataFrame:
        """Read and check a Parquet file that labelloop wrote.

        Raises:
            DamagedFileError: it is not Parquet any more.
        """
        try:
            table = pq.read_table(path, page_checksum_verification=True).to_pandas()
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise DamagedFileError(f"{path} is damaged: {error}") from None
        return self.check(table, str(path))


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write an Arrow table atomically, without any metadata that varies from run to run."""
    with files.atomic_path(path) as temporary:
        # Votes have no other record of what they were while their round is open: pages carry checksums.
        pq.write_table(
            table.replace_schema_metadata(None), temporary, compression="zstd", store_schema=False,
            write_page_checksum=True,
        )  # fmt: skip
