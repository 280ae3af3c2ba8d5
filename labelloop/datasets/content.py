"""Content digests: which items are the very same thing.

Every item gets a 64-bit number made of what it holds: whitespace-normalised text, the bytes of a float32
row, decoded pixels. Two different items share a number with a chance of 2**-64, so among ten million
items one false pair is expected about once in 400,000 datasets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def of_texts(texts: Iterable[str]) -> np.ndarray:
    """Shape (n,), uint64. Texts that differ only in runs of white space are the same."""
    return np.fromiter((_of_bytes(" ".join(text.split()).encode()) for text in texts), dtype=np.uint64)


def of_pixels(pixels: np.ndarray) -> int:
    """A picture's digest: its shape and its pixels, shape (height, width[, channels]), uint8."""
    return _of_bytes(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes())


def of_rows(rows: np.ndarray) -> np.ndarray:
    """Digests of the rows of an array, all at once.

    Each 8-byte word of a row is offset by a constant of its position, mixed, and summed up.

    Args:
        rows: shape (n, ...), any type of fixed size; -0.0 counts as 0.0.

    Returns:
        Shape (n,), uint64.

    Source: the mixing step is that of Steele, Lea and Flood (2014), Fast splittable pseudorandom number
    generators (splitmix64).
    """
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    if np.issubdtype(flat.dtype, np.floating):
        flat = flat + flat.dtype.type(0)
    as_bytes = flat.view(np.uint8)
    if as_bytes.shape[1] % 8:
        as_bytes = np.pad(as_bytes, ((0, 0), (0, -as_bytes.shape[1] % 8)))
    words = as_bytes.view(np.uint64)
    positions = np.arange(1, words.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return _mixed(_mixed(words + positions).sum(axis=1, dtype=np.uint64))


def first_copies(content: np.ndarray) -> np.ndarray:
    """For each item the row of the first item with the same content; shape (n,), int64."""
    order = np.argsort(content, kind="stable")
    sorted_content = content[order]
    starts = np.ones(len(content), dtype=bool)
    starts[1:] = sorted_content[1:] != sorted_content[:-1]
    first = np.empty(len(content), dtype=np.int64)
    first[order] = order[starts][np.cumsum(starts) - 1]
    return first


def matches(content: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each item the first row of `others` with the same content, or -1; shape (n,), int64."""
    if not len(others):
        return np.full(len(content), -1, dtype=np.int64)
    distinct, rows = np.unique(others, return_index=True)
    place = np.minimum(np.searchsorted(distinct, content), len(distinct) - 1)
    return np.where(distinct[place] == content, rows[place], -1)


def _mixed(words: np.ndarray) -> np.ndarray:
    words ^= words >> np.uint64(30)
    words *= _MIX[0]
    words ^= words >> np.uint64(27)
    words *= _MIX[1]
    words ^= words >> np.uint64(31)
    return words


def _of_bytes(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
