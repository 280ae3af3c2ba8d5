"""Selection from files: `labelloop select` on .npy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.acquisition.arrays import any_rows, require_arrays, select_picks
from labelloop.acquisition.composition_file import composition_from_files
from labelloop.acquisition.registry import make_strategy
from labelloop.datasets.array_file import open_array
from labelloop.errors import DataError, SettingsError


def select_from_files(
    strategy: str,
    *,
    batch_size: int,
    out: Path,
    embeddings: Path | None = None,
    probabilities: Path | None = None,
    labeled: Path | None = None,
    seed: int = 0,
    members: Path | None = None,
    labels: Path | None = None,
    beliefs: Path | None = None,
    held_out: Path | None = None,
    compose: Path | None = None,
    table: Path | None = None,
    money: float | None = None,
    ids: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Read arrays, memory-mapped, choose rows and write them to `out`.

    The CSV has the columns row, item (with ids), score (empty where a strategy has none), probability of
    selection and draw_probability (see `Picks.draws`; both empty where they are not known), in the order of
    choice.

    Args:
        compose: YAML with the keys of acquisition.compose; columns are those of `table`.
        table: CSV, Parquet or JSON lines, one row an item, in the order of the arrays.
        money: what the batch may cost, with compose's cost_column.
        ids: .npy of text, or a text file with one id a line.
        options: of the strategy.

    Returns:
        Shape (batch_size,), int64: the rows; fewer where the money ends first.

    Raises:
        SettingsError, DataError: see `labelloop.acquisition.select`; a file is missing or is no .npy array.
    """
    if out.suffix != ".csv":
        raise SettingsError(
            f"the picks are written as CSV, but --out is {out}; give it a name that ends in .csv"
        )
    # First of all, because an option called as an argument of select is to be told as unknown.
    wanted = make_strategy(strategy, options)
    if compose is None:
        given = {"embeddings": embeddings, "probabilities": probabilities, "members": members,
                 "labels": labels, "beliefs": beliefs}  # fmt: skip
        any_labeled = labeled is not None and any_rows(_opened(labeled, "labeled"))
        require_arrays(wanted, [name for name, path in given.items() if path], any_labeled, "--{}")
    names = None if ids is None else _read_ids(ids)
    picks = select_picks(
        strategy,
        batch_size=batch_size,
        embeddings=None if embeddings is None else _opened(embeddings, "embeddings"),
        probabilities=None if probabilities is None else _opened(probabilities, "probabilities"),
        labeled=() if labeled is None else _opened(labeled, "labeled"),
        seed=seed,
        members=None if members is None else _opened(members, "members"),
        labels=None if labels is None else _opened(labels, "labels"),
        beliefs=None if beliefs is None else _opened(beliefs, "beliefs"),
        held_out=None if held_out is None else _opened(held_out, "held-out"),
        composition=None if compose is None else composition_from_files(compose, table, money),
        ids=names,
        **(options or {}),
    )
    columns = {
        "row": picks.rows,
        "item": None if names is None else names[picks.rows],
        "score": picks.scores,
        "probability": picks.probabilities,
        "draw_probability": np.full(len(picks.rows), np.nan) if picks.draws is None else picks.draws,
    }
    table_of_picks = pd.DataFrame({name: column for name, column in columns.items() if column is not None})
    files.write_text(out, table_of_picks.to_csv(index=False, lineterminator="\n"))
    return picks.rows


def _read_ids(path: Path) -> np.ndarray:
    """Shape (n,), object array of str."""
    if path.suffix == ".npy":
        return np.asarray(_opened(path, "ids")).astype(str).astype(object)
    if not path.exists():
        raise DataError(f"--ids {path}: there is no such file; write one id a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise DataError(f"--ids {path} is no text in UTF-8; give one id a line, or a .npy of text") from None
    lines = [line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)]
    if "" in lines:
        raise DataError(f"--ids {path}: line {lines.index('') + 1} is empty; give one id a line")
    return np.array(lines, dtype=object)


def _opened(path: Path, option: str) -> np.ndarray:
    if not path.exists():
        raise DataError(f"--{option} {path}: there is no such file; write one with numpy.save")
    return open_array(path, f"--{option} {path}")
