"""Whether a large array holds what it should: a quick look at every block, a close one where that fails."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.embeddings import Embeddings
from labelloop.acquisition.streaming import rows_of
from labelloop.errors import DataError

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from 1 in sum: what float16 rounding can do."""
LARGEST_SQUARE = np.float32(1e30)
"""Squared length of the longest embedding: squared distances of such fit float32, and so do sums of many."""
_NUMBERS = 1 << 18


def check_values(name: str, array: Embeddings, rows: np.ndarray) -> None:
    """Refuse what is not a finite number, rows that are no probabilities, and embeddings that are too long.

    Args:
        name: of the array, for the message; `embeddings` may be any numbers up to `LARGEST_SQUARE`.
        array: shape (n, columns), any float type, may be memory-mapped.
        rows: shape (m,), int64: the rows to look at.

    Raises:
        DataError: names the first row that is wrong, and what it holds.
    """
    step = max(256, _NUMBERS // array.shape[1])
    ones = np.ones(array.shape[1], dtype=np.float32)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        # One number that is not finite makes a sum so; what only their number makes large is cleared by the
        # close look.
        with np.errstate(over="ignore", invalid="ignore"):
            block = np.asarray(rows_of(array, part), dtype=np.float32)
            if name == "embeddings":
                sound = np.vdot(block, block) <= LARGEST_SQUARE
            else:
                sums = block @ ones
                sound = (np.abs(sums - 1) <= SUM_TOLERANCE / 2).all() and block.min() >= 0
        if not sound:
            # As they were given: what float32 cannot hold may be a number all the same.
            _look_closely(name, part, np.asarray(rows_of(array, part)))


def _look_closely(name: str, rows: np.ndarray, block: np.ndarray) -> None:
    wrong = ~np.isfinite(block).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{name} of row {rows[wrong.argmax()]} are not all finite numbers: "
            f"{_shown(block[wrong.argmax()])}; the model may have diverged"
        )
    if name == "embeddings":
        with np.errstate(over="ignore"):
            wrong = np.square(block, dtype=np.float64).sum(axis=1) > LARGEST_SQUARE
        if wrong.any():
            raise DataError(
                f"embeddings of row {rows[wrong.argmax()]} are too large: {_shown(block[wrong.argmax()])}; "
                "squared distances of such do not fit float32. Scale them, such as each column to a standard "
                "deviation of 1"
            )
        return
    sums = block.sum(axis=1, dtype=np.float64)
    wrong = (np.abs(sums - 1) > SUM_TOLERANCE) | (block < 0).any(axis=1)
    if wrong.any():
        place = wrong.argmax()
        raise DataError(
            f"{name} of row {rows[place]} must be 0 or more and sum to 1, but are "
            f"{_shown(block[place])} (sum {sums[place]:.6g}); does predict_proba give scores instead?"
        )


def _shown(row: np.ndarray) -> str:
    return np.array2string(row, precision=4, threshold=8, edgeitems=3)
