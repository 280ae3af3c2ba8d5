"""Where a round's strategy finds the pool's embeddings: in `scores/`, or made when it asks for them.

Writing them for the whole pool, round after round, would be a copy of the data for a few rows that are
picked. The embedding of some learners is the inputs, moved and scaled column by column: `scores/` then keeps
what happens to each column, and the rows that a strategy asks for are made of the prepared pool where it
lies, bit for bit what `embed` gives. What other learners embed is written, unless the strategy looks at some
candidates only (`acquisition.candidates`): then `select` has the model embed those and the labeled items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelloop.acquisition import STRATEGIES
from labelloop.acquisition.base import Strategy
from labelloop.acquisition.embeddings import Embeddings
from labelloop.datasets.base import Items
from labelloop.datasets.columns import refuse_mask
from labelloop.errors import DamagedFileError
from labelloop.models.standardisation import Standardisation, as_features, embedding_columns
from labelloop.models.storage import read_arrays, write_arrays
from labelloop.one_thread import one_thread

WRITTEN = "embeddings.npy"
COLUMNS = "embedding_columns.safetensors"
_TRIED = 64
_EMBEDDED_ROWS = 4096


@dataclass(frozen=True, eq=False)
class IdsInPlace:
    """Ids of a pool as `labelloop.acquisition.embeddings.Ids`: ten million str are a gigabyte."""

    pool: Items

    def __len__(self) -> int:
        return len(self.pool)

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        return self.pool.ids_of(rows)

    def find(self, names: Sequence[str]) -> np.ndarray:
        return self.pool.find(names)


@dataclass(frozen=True, eq=False)
class EmbeddedInPlace:
    """Embeddings of a pool as `labelloop.acquisition.embeddings.Embeddings`; rows are made when asked for."""

    read: Callable[[np.ndarray | slice], np.ndarray]
    """Inputs of rows of the pool."""
    columns: Standardisation
    length: int
    """Rows of the pool."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.length, len(self.columns.mean)

    @property
    def ndim(self) -> int:
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, rows: np.ndarray | slice, /) -> np.ndarray:
        return self.columns.apply(as_features(self.read(rows)))


class EmbeddedByModel:
    """Embeddings of a pool of which the model embeds some rows at once; others when they are asked for.

    Args:
        embed: the model's.
        read: inputs of rows of the pool.
        rows: shape (m,), int64, ascending: what will be asked for, at least one.
        length: rows of the pool.

    Memory: that of the embeddings of `rows`.
    """

    def __init__(
        self,
        embed: Callable[[np.ndarray], np.ndarray],
        read: Callable[[np.ndarray], np.ndarray],
        rows: np.ndarray,
        length: int,
    ) -> None:
        self._embed, self._read, self._rows, self._length = embed, read, rows, length
        self._values = self._embedded(rows)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._length, self._values.shape[1]

    @property
    def ndim(self) -> int:
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._values.dtype

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: np.ndarray | slice, /) -> np.ndarray:
        refuse_mask(rows)
        wanted = np.arange(*rows.indices(self._length)) if isinstance(rows, slice) else np.asarray(rows)
        places = np.minimum(np.searchsorted(self._rows, wanted), len(self._rows) - 1)
        found = self._values[places]
        unknown = self._rows[places] != wanted
        if unknown.any():
            found[unknown] = self._embedded(wanted[unknown])
        return found

    def _embedded(self, rows: np.ndarray) -> np.ndarray:
        values = None
        # On one thread: last bits would depend on the number of them.
        with one_thread():
            for start in range(0, len(rows), _EMBEDDED_ROWS):
                part = np.asarray(self._embed(self._read(rows[start : start + _EMBEDDED_ROWS])), dtype="<f4")
                if values is None:
                    values = np.empty((len(rows), part.shape[1]), dtype="<f4")
                values[start : start + len(part)] = part
        assert values is not None
        return values


def columns_in_place(learner: object, pool: Items) -> Standardisation | None:
    """What makes embeddings of the pool's columns, where that is all that the learner's `embed` does.

    Believed only after a look: a learner of the user's may inherit the claim and embed otherwise.
    """
    columns = embedding_columns(learner)
    if columns is None:
        return None
    some = pool.inputs(slice(0, _TRIED))
    made, given = columns.apply(as_features(some)), np.asarray(learner.embed(some))  # type: ignore[attr-defined]
    return columns if given.dtype == made.dtype and np.array_equal(made, given) else None


def read_in_place(strategies: Iterable[Strategy]) -> bool:
    """Whether all of them may be given rows that are made when asked for; a picker of the user's own may do
    with an array what it likes, so it gets one."""
    return all(strategy.name in STRATEGIES for strategy in strategies)


def keep_columns(columns: Standardisation, scores: Path) -> None:
    """Write into the folder `scores` what `pool_embeddings` makes the embeddings of."""
    write_arrays(scores / COLUMNS, {"mean": columns.mean, "scale": columns.scale})


def pool_embeddings(scores: Path, pool: Items) -> Embeddings | None:
    """The embeddings that the folder `scores` speaks of; None where the round's strategy reads none.

    Raises:
        DamagedFileError: what is kept of the columns is damaged, or not of this pool's columns.
    """
    if (scores / WRITTEN).exists():
        return np.asarray(np.load(scores / WRITTEN, mmap_mode="r", allow_pickle=False))
    path = scores / COLUMNS
    if not path.exists():
        return None
    kept = read_arrays(path, ("mean", "scale"))
    width = as_features(pool.inputs(slice(0, 1))).shape[1]
    if kept["mean"].shape != (width,) or kept["scale"].shape != (width,):
        raise DamagedFileError(
            f"{path} is of {kept['mean'].size} columns, but the pool has {width}; delete the folder {scores} "
            "and run the round again"
        )
    return EmbeddedInPlace(pool.reader(), Standardisation(kept["mean"], kept["scale"]), len(pool))
