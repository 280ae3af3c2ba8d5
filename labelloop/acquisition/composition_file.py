"""A composition from files, for arrays without a campaign: settings in YAML, columns in a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from pydantic import ValidationError

from labelloop.acquisition.composition import Composition
from labelloop.acquisition.composition_columns import composition_from
from labelloop.datasets.table_files import format_of, read_table
from labelloop.errors import DataError, SettingsError
from labelloop.hints import there_is
from labelloop.settings.composition import Composition as Asked


def composition_from_files(settings: Path, table: Path | None, money: float | None) -> Composition:
    """Read and check both.

    Args:
        settings: YAML with the keys of acquisition.compose.
        table: CSV, Parquet or JSON lines, one row an item; needed where the settings name columns.
        money: what a batch may cost; needs a cost_column.

    Raises:
        SettingsError: a key is unknown, or a value is wrong.
        DataError: a file is not there, or has no such column.
    """
    asked = _settings(settings)
    if money is not None and asked.cost_column is None:
        raise SettingsError(f"--money {money:g} needs cost_column in {settings}, or nothing has a cost")
    columns = None
    if table is not None:
        if not table.exists():
            raise DataError(f"--table {table}: there is no such file")
        format_of(table)
        columns = read_table(table, str(table))

    def read(column: str, setting: str) -> np.ndarray:
        if columns is None:
            raise SettingsError(f"{setting} names column {column!r}; give the table that has it with --table")
        if column not in columns.column_names:
            raise DataError(
                f"{setting}: {table} has no column {column!r}; {there_is(column, columns.column_names)}"
            )
        return np.asarray(columns[column].to_numpy(), dtype=object)

    return composition_from(asked, read, money=money)


def _settings(path: Path) -> Asked:
    try:
        return Asked.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except FileNotFoundError:
        raise DataError(f"--compose {path}: there is no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        said = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}".removeprefix(": ")
            for one in error.errors()
        ]
        raise SettingsError(f"{path}: " + "; ".join(said)) from None
