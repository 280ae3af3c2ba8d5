"""The first items of an order that is fixed before a campaign begins, such as the control arm's.

Such an order is a function of a seed and the items' ids, so every stage of every round would hash the same
ids again, which takes longer than all else in a round over millions of items. Only the order's beginning is
ever looked at; it is noted in `.labelloop/orders/`, and made anew where the note is gone or of other data.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from labelloop import files
from labelloop.acquisition.keys import CHUNK, id_keys, lowest
from labelloop.datasets.base import Items
from labelloop.workspace import Workspace

NOTED_FROM = 100_000
"""Items of a pool from which on a note is quicker than hashing."""
_NOTED = 1 << 16
_FURTHER = 4


def first_rows(
    workspace: Workspace, pool: Items, eligible: np.ndarray, count: int, *, seed: int, purpose: str
) -> np.ndarray:
    """The `count` eligible rows with the lowest `id_keys`, in the order of their keys.

    Args:
        eligible: shape (len(pool),), bool.
        count: more than there are gives all.
        seed, purpose: see `labelloop.acquisition.keys`.

    Returns:
        Shape (k,), int64, rows of the pool.

    Memory: grows with `count`, and a byte a row of the pool.
    """
    n = len(pool)
    if count == 0:
        return np.empty(0, dtype=np.int64)
    if n < NOTED_FROM:
        return _lowest(pool, eligible, count, seed, purpose)
    note = _notes(workspace) / f"{files.digest_of([purpose, seed])[:24]}.npy"
    known = _read(note)
    reach = max(_NOTED, 2 * count)
    while True:
        if known is not None:
            found = known[eligible[known]]
            if len(found) >= count or len(known) == n:
                return found[:count]
            reach = max(reach, _FURTHER * len(known))
        known = _lowest(pool, np.ones(n, dtype=bool), min(reach, n), seed, purpose)
        _write(note, known)


def _lowest(pool: Items, among: np.ndarray, count: int, seed: int, purpose: str) -> np.ndarray:
    def pieces() -> Iterator[np.ndarray]:
        for start in range(0, len(among), CHUNK):
            yield start + np.flatnonzero(among[start : start + CHUNK])

    return lowest(pieces(), count, lambda rows: id_keys(pool.ids_of(rows), seed, purpose))


def _notes(workspace: Workspace) -> Path:
    """The folder of this preparation's notes, named by what tells its ids from those of an earlier one."""
    stat = (workspace.data / "pool.parquet").stat()
    return workspace.state / "orders" / files.digest_of([stat.st_size, stat.st_mtime_ns, stat.st_ino])[:24]


def _read(note: Path) -> np.ndarray | None:
    try:
        return np.asarray(np.load(note, allow_pickle=False))
    except (OSError, ValueError, EOFError):
        return None


def _write(note: Path, rows: np.ndarray) -> None:
    if not note.parent.exists():
        # Notes of an earlier preparation: nobody asks for them again.
        shutil.rmtree(note.parent.parent, ignore_errors=True)
    with files.atomic_path(note) as temporary, temporary.open("wb") as stream:
        np.save(stream, rows)
