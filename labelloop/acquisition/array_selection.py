"""Selection from files: `labelloop select` on .npy arrays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from labelloop import files
from labelloop.acquisition.arrays import select_picks
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
) -> np.ndarray:
    """Read arrays, memory-mapped, choose rows and write them to `out`.

    The CSV has the columns row, score (empty where a strategy has none) and probability of selection, in
    the order of choice.

    Returns:
        Shape (batch_size,), int64: the rows.

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
    )
    text = io.StringIO()
    text.write("row,score,probability\n")
    for row, score, chance in zip(picks.rows, picks.scores, picks.probabilities, strict=True):
        text.write(f"{row},{'' if np.isnan(score) else repr(float(score))},{float(chance)!r}\n")
    files.write_text(out, text.getvalue())
    return picks.rows


def _opened(path: Path, option: str) -> np.ndarray:
    if not path.exists():
        raise DataError(f"--{option} {path}: there is no such file; write one with numpy.save")
    return open_array(path, f"--{option} {path}")
