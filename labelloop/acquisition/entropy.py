"""Entropy: ask where the probabilities are spread over many classes."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.streaming import score_in_chunks
from labelloop.acquisition.top import pick_top

_TINY = np.finfo(np.float32).tiny
_WIDE = 32
"""Columns from which on NumPy's sum of a row is quicker than one operation for each pair of columns."""


def entropy(probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score the entropy over its largest value: ``-sum_c p_c log p_c / log n_classes``.

    Args:
        probabilities: shape (n, n_classes), rows sum to 1, may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.

    Returns:
        Shape (m,), float32, in [0, 1]: 0 where one class is certain, 1 where all are equally likely.

    Source: Shannon (1948); as a strategy Dagan and Engelson (1995), Committee-based sampling.
    """
    return score_in_chunks(_entropy, probabilities, rows)


@needs("probabilities")
def pick_entropy(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `entropy` score."""
    return pick_top(entropy, context, batch_size)


def _entropy(chunk: np.ndarray, room: np.ndarray, out: np.ndarray) -> None:
    if chunk.shape[1] == 1:
        out.fill(0)
        return
    terms, sums = room[:-4].reshape(chunk.shape), room[-2:].reshape(-1).view(np.complex64)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.log(chunk, out=terms)
        terms *= chunk
    _sum_rows(terms, sums, out)
    # 0 log 0 is 0, but came out as not a number. The logarithm of the smallest normal number is finite, and
    # times 0 it is gone; added to a larger number it is lost in the rounding.
    zeros = np.isnan(out)
    if zeros.any():
        some = chunk[zeros]
        some_out = np.empty(len(some), dtype=np.float32)
        _sum_rows(np.log(some + _TINY) * some, sums[: len(some)], some_out)
        out[zeros] = some_out
    out *= np.float32(-1 / np.log(chunk.shape[1]))


def _sum_rows(terms: np.ndarray, sums: np.ndarray, out: np.ndarray) -> None:
    """Sum the rows of `terms`, in an order that depends on their length alone.

    A complex number is two columns side by side, so an addition of complex columns does two at once.
    """
    width = terms.shape[1]
    if width >= _WIDE:
        terms.sum(axis=1, out=out)
        return
    pairs = terms[:, : width - width % 2].view(np.complex64).T
    np.copyto(sums, pairs[0])
    for pair in pairs[1:]:
        sums += pair
    np.add(sums.real, sums.imag, out=out)
    if width % 2:
        out += terms[:, -1]
