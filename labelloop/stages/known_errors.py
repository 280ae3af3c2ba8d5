"""Errors that are known from elsewhere (users' complaints, production logs): a file for `error_based`.

The file is read when a round is opened, and the round keeps the ids: the file may change, or grow, between
rounds and no round depends on what it says later. A backtest reads it once.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from labelloop import datasets
from labelloop.campaign import CampaignSettings
from labelloop.datasets.source import as_text
from labelloop.datasets.table_files import format_of, read_table
from labelloop.errors import DataError, SettingsError
from labelloop.hints import there_is

log = logging.getLogger(__name__)

STRATEGY = "error_based"
MOST_KEPT = 2000
"""Ids that a round's settings.yaml holds; of more the last in the file, which is where logs grow."""


def with_known_errors(
    settings: CampaignSettings, root: Path, data: Path, *, strict: bool = True
) -> CampaignSettings:
    """`settings` with the ids that a file named by error_based's `wrong` holds now.

    Ids that are not in the pool, which production has many of, are left out, and so are test items.

    Args:
        root: folder that the file's path starts from.
        data: folder of the prepared data.
        strict: without it, a file that cannot be followed leaves the settings as they are.

    Raises:
        SettingsError: the file is not there, has no column of ids, or none of its ids is of the pool.
        DataError: it cannot be read.
    """
    try:
        return _with_known_errors(settings, root, data)
    except (SettingsError, DataError):
        if strict:
            raise
        return settings


def _with_known_errors(settings: CampaignSettings, root: Path, data: Path) -> CampaignSettings:
    acquisition = settings.acquisition
    if acquisition.strategy == STRATEGY:
        options = _read(acquisition.options, root, data, "acquisition.options.wrong")
        acquisition = acquisition.model_copy(update={"options": options})
    mixed = acquisition.compose.mix_options.get(STRATEGY)
    if mixed:
        where = f"acquisition.compose.mix_options.{STRATEGY}.wrong"
        options = {**acquisition.compose.mix_options, STRATEGY: _read(mixed, root, data, where)}
        compose = acquisition.compose.model_copy(update={"mix_options": options})
        acquisition = acquisition.model_copy(update={"compose": compose})
    return settings.model_copy(update={"acquisition": acquisition})


def _read(options: dict[str, Any], root: Path, data: Path, where: str) -> dict[str, Any]:
    wrong = options.get("wrong")
    if not isinstance(wrong, str):
        return options  # what a list names, `named_options` looks up
    prepared = datasets.open_prepared(data)
    path = root / Path(wrong).expanduser()
    if not path.exists():
        raise SettingsError(f"{where}: {wrong!r} is not there (looked for {path}); give a table of ids")
    format_of(path)
    table = read_table(path, wrong)
    column = "item" if "item" in table.column_names else table.column_names[0]
    if column != "item" and len(table.column_names) > 1:
        raise SettingsError(
            f"{where}: {wrong} has no column 'item' with the ids; {there_is('item', table.column_names)}"
        )
    named = list(dict.fromkeys(pc.drop_null(as_text(table[column])).to_pylist()))
    rows = prepared.pool.find(named)
    kept = [
        name for name, row in zip(named, rows.tolist(), strict=True) if row >= 0 and not prepared.splits[row]
    ]
    if not kept:
        (some,) = prepared.pool.ids_of(np.array([0]))
        raise SettingsError(
            f"{where}: none of the {len(named)} ids in {wrong} is of the pool (test items left out)"
            + (f"; the first is {named[0]!r}, ids look like {some!r}" if named else "")
        )
    if len(kept) < len(named):
        log.warning("%s: %d of %d ids in %s are not in the pool or are test items, and are left out", where,
                    len(named) - len(kept), len(named), wrong)  # fmt: skip
    return {**options, "wrong": kept[-MOST_KEPT:]}
