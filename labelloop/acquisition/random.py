"""Random: a simple random sample of the candidates; what every other strategy has to beat."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.keys import chunks, id_keys, lowest, row_keys


@needs()
def pick_random(context: Context, batch_size: int) -> Picks:
    """Pick every candidate with the same chance, ``batch_size / n_candidates``.

    The draw is keyed by id: the same items whatever the order of the pool. Without ids it is by row.

    Source: bottom-k sampling by hash, Cohen and Kaplan (2007), Summarizing data using bottom-k sketches.
    """
    ids, seed = context.ids, context.seed

    def keys(rows: np.ndarray) -> np.ndarray:
        return row_keys(rows, seed, "random") if ids is None else id_keys(ids[rows], seed, "random")

    rows = lowest(chunks(context.candidates), batch_size, keys)
    chance = batch_size / len(context.candidates)
    draws = 1 / (len(context.candidates) - np.arange(batch_size))
    return Picks(rows, np.full(batch_size, np.nan), np.full(batch_size, chance), draws=draws)
