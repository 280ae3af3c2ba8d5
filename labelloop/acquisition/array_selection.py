"""Selection from files: `labelloop select` on .npy arrays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from labelloop import files
from labelloop.acquisition.arrays import select_picks
from labelloop.acquisition.composition_file import composition_from_files
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
    held_out: Path | None = None,
    compose: Path | None = None,
    table: Path | None = None,
    money: float | None = None,
) -> np.ndarray:
    """Read arrays, memory-mapped, choose rows and write them to `out`.

    The CSV has the columns row, score (empty where a strategy has none), probability of selection and
    draw_probability (see `Picks.draws`; both empty where they are not known), in the order of choice.

    Args:
        compose: YAML with the keys of acquisition.compose; columns are those of `table`.
        table: CSV, Parquet or JSON lines, one row an item, in the order of the arrays.
        money: what the batch may cost, with compose's cost_column.

    Returns:
        Shape (batch_size,), int64: the rows; fewer where the money ends first.

    Raises:
        SettingsError, DataError: see `labelloop.acquisition.select`; a file is missing or is no .npy array.
    """
    if out.suffix != ".csv":
        raise SettingsError(
            f"the picks are written as CSV, but --out is {out}; give it a name that ends in .csv"
        )
    picks = select_picks(
        strategy,
        batch_size=batch_size,
        embeddings=None if embeddings is None else _opened(embeddings, "embeddings"),
        probabilities=None if probabilities is None else _opened(probabilities, "probabilities"),
        labeled=() if labeled is None else _opened(labeled, "labeled"),
        seed=seed,
        members=None if members is None else _opened(members, "members"),
        labels=None if labels is None else _opened(labels, "labels"),
        held_out=None if held_out is None else _opened(held_out, "held-out"),
        composition=None if compose is None else composition_from_files(compose, table, money),
    )
    text = io.StringIO()
    text.write("row,score,probability,draw_probability\n")
    draws = np.full(len(picks.rows), np.nan) if picks.draws is None else picks.draws
    for row, *numbers in zip(picks.rows, picks.scores, picks.probabilities, draws, strict=True):
        text.write(
            ",".join([str(row), *("" if np.isnan(one) else repr(float(one)) for one in numbers)]) + "\n"
        )
    files.write_text(out, text.getvalue())
    return picks.rows


def _opened(path: Path, option: str) -> np.ndarray:
    if not path.exists():
        raise DataError(f"--{option} {path}: there is no such file; write one with numpy.save")
    return open_array(path, f"--{option} {path}")
