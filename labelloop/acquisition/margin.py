"""Margin: ask where the two likeliest classes are close."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.streaming import score_in_chunks
from labelloop.acquisition.top import pick_top


def margin(probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score how close the two likeliest classes are: ``1 - (p_first - p_second)``; higher means less certain.

    Args:
        probabilities: shape (n, n_classes), rows sum to 1, may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.

    Returns:
        Shape (m,), float32, in [0, 1].

    Source: Scheffer, Decomain and Wrobel (2001), Active hidden Markov models for information extraction.
    """
    return score_in_chunks(_margin, probabilities, rows)


@needs("probabilities")
def pick_margin(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `margin` score."""
    return pick_top(margin, context, batch_size)


def _margin(chunk: np.ndarray, room: np.ndarray, out: np.ndarray) -> None:
    n, even = len(chunk), chunk.shape[1] // 2 * 2
    if not even:
        np.subtract(np.float32(1), chunk[:, 0], out=out)
        return
    # Turning the chunk takes most of the time, and less when numbers are moved two at a time, as one complex
    # number: a row of `turned` is a class of even number and one of odd number, in turns.
    turned = room[:even].reshape(-1, 2 * n)
    np.copyto(turned.view(np.complex64), chunk[:, :even].view(np.complex64).T)
    first, (second, smaller) = turned[0], room[-4:].reshape(2, 2 * n)
    if len(turned) > 1:
        np.minimum(first, turned[1], out=second)
        np.maximum(first, turned[1], out=first)
    else:
        second.fill(0)
    for column in turned[2:]:
        _take_in(column, first, second, smaller)
    largest, smaller = first[::2], smaller[:n]
    np.maximum(second[::2], second[1::2], out=out)
    _take_in(first[1::2], largest, out, smaller)
    if even < chunk.shape[1]:
        _take_in(chunk[:, -1], largest, out, smaller)
    np.subtract(out, largest, out=out)
    out += np.float32(1)


def _take_in(column: np.ndarray, first: np.ndarray, second: np.ndarray, smaller: np.ndarray) -> None:
    """Update the two largest numbers so far, `first` and `second`, by a further class; all of one shape."""
    np.minimum(first, column, out=smaller)
    np.maximum(second, smaller, out=second)
    np.maximum(first, column, out=first)
