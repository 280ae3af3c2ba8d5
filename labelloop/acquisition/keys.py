"""Keyed hashes: chance and ties that belong to items, not to their place in the pool.

A draw by position changes when somebody sorts the pool; a draw by hash(seed, item) does not. Every use has
its own `purpose`, so that the order of one says nothing about the order of another: the control arm must
not be correlated with how a strategy breaks its ties.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from labelloop.acquisition.base import Context

CHUNK = 16_384
"""Rows that are hashed at a time."""
_PIECE_NUMBERS = 1 << 17


def derived_seed(seed: int, purpose: str) -> int:
    """A 32-bit seed for a library's generator."""
    return int.from_bytes(_salt(seed, purpose)[:4], "little")


def id_keys(ids: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Hash ids; about a million a second.

    Args:
        ids: shape (n,), str.

    Returns:
        Shape (n,), uint64: uniform and independent for distinct ids, the same for the same id wherever it is.

    Source: BLAKE2b (RFC 7693), salted, 64 bits of it.
    """
    salt, blake2b = _salt(seed, purpose), hashlib.blake2b
    digests = [
        blake2b(str(name).encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest() for name in ids
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def content_keys(content: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Hash rows of numbers, as float32; equal rows have equal keys.

    Args:
        content: shape (n, d).

    Returns:
        Shape (n,), uint64.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), chained over the columns.
    """
    # Adding zero makes -0.0 and 0.0, which are equal, the same bits.
    columns = np.ascontiguousarray(content.T, dtype=np.float32) + np.float32(0)
    keys = np.full(len(content), int.from_bytes(_salt(seed, purpose)[:8], "little"), dtype=np.uint64)
    for column in columns.view(np.uint32):
        keys = _mix(keys ^ column)
    return keys


def row_keys(rows: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Hash row numbers; shape (n,), uint64."""
    start = np.uint64(int.from_bytes(_salt(seed, purpose)[:8], "little"))
    return _mix(_mix(rows.astype(np.uint64)) ^ start)


def item_keys(context: Context, rows: np.ndarray, purpose: str) -> np.ndarray:
    """Keys of `rows` by id; without ids by all content there is; without content by row."""
    if context.ids is not None:
        return id_keys(context.ids[rows], context.seed, purpose)
    present = [array for array in (context.probabilities, context.embeddings) if array is not None]
    if not present and context.members is not None:
        present = list(context.members)
    if not present:
        return row_keys(rows, context.seed, purpose)
    keys = np.empty(len(rows), dtype=np.uint64)
    step = max(64, _PIECE_NUMBERS // sum(array.shape[1] for array in present))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        content = np.concatenate([array[part] for array in present], axis=1)
        keys[start : start + step] = content_keys(content, context.seed, purpose)
    return keys


def chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Cut rows into pieces of at most `CHUNK`."""
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def lowest(
    pieces: Iterable[np.ndarray], count: int, key_of: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The `count` rows with the lowest keys, in the order of their keys; equal keys in the order of rows.

    Keys are made piece by piece and forgotten, so memory grows with `count`, not with the number of rows.

    Args:
        pieces: rows, shape (k,) each, int64.
        key_of: gives the keys of a piece, shape (k,), uint64.
    """
    kept: np.ndarray = np.empty(0, dtype=np.int64)
    keys: np.ndarray = np.empty(0, dtype=np.uint64)
    for piece in pieces:
        kept, keys = np.concatenate([kept, piece]), np.concatenate([keys, key_of(piece)])
        if len(kept) > 2 * count + CHUNK:
            order = np.argpartition(keys, count)[:count]
            kept, keys = kept[order], keys[order]
    return kept[np.lexsort((kept, keys))[:count]]


def _mix(keys: np.ndarray) -> np.ndarray:
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def _salt(seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{purpose}\0{seed}".encode(), digest_size=16).digest()
