"""Rows of ids in a column of millions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MOST_KEPT = 100_000
"""Ids whose rows are kept in memory."""


@dataclass(eq=False)
class RowLookup:
    """Finds ids in a column, each pass over it only for ids that were not asked for before.

    A stage asks for the same labeled items again and again.
    """

    column: pa.ChunkedArray
    """Shape (n,), text; each value once."""
    _kept: dict[str, int] = field(default_factory=dict)

    def rows(self, ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """Shape (len(ids),), int64, in their order; -1 for an id that is not there."""
        codes, distinct = pd.factorize(np.asarray(ids, dtype=object), use_na_sentinel=False)
        if len(distinct) > MOST_KEPT:
            return self._search(distinct)[codes]
        new = [name for name in distinct if name not in self._kept]
        if len(self._kept) + len(new) > MOST_KEPT:
            self._kept, new = {}, list(distinct)
        if new:
            self._kept.update(zip(new, self._search(new).tolist(), strict=True))
        return np.array([self._kept[name] for name in distinct], dtype=np.int64)[codes]

    def _search(self, distinct: Sequence[str] | np.ndarray) -> np.ndarray:
        # The few ids wanted are hashed, and the column's looked up in them: a table of the column's own would
        # be many times its size.
        found = pc.index_in(self.column, value_set=pa.array(distinct, pa.string()))
        places = np.flatnonzero(pc.is_valid(found).to_numpy())
        row_of = np.full(len(distinct), -1, dtype=np.int64)
        row_of[pc.drop_null(found).to_numpy()] = places
        return row_of
