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
from labelloop.acquisition.embeddings import Embeddings

CHUNK = 16_384
"""Rows that are hashed at a time."""
_PIECE_NUMBERS = 1 << 17
_PIECE_IDS = 2048


def derived_seed(seed: int, purpose: str) -> int:
    """A 32-bit seed for a library's generator."""
    return int.from_bytes(_salt(seed, purpose)[:4], "little")


def id_keys(ids: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Hash ids; about a million a second.

    Args:
        ids: shape (n,), str.

    Returns:
        Shape (n,), uint64: uniform and independent for distinct ids, the same for the same id wherever it is.

    Memory: 8 bytes an id, which are the result.

    Source: BLAKE2b (RFC 7693), salted, 64 bits of it.
    """
    salt, blake2b = _salt(seed, purpose), hashlib.blake2b
    keys = np.empty(len(ids), dtype=np.uint64)
    for start in range(0, len(ids), _PIECE_IDS):
        digests = [
            blake2b(str(name).encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
            for name in ids[start : start + _PIECE_IDS]
        ]
        keys[start : start + _PIECE_IDS] = np.frombuffer(b"".join(digests), dtype="<u8")
    return keys


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
    """Keys of `rows` by id; without ids by all content there is; without content by row.

    Rows of equal content are different items all the same, so the first of them among `rows`, the second and
    so on have keys of their own, as independent as those of any others. The order of the pool then decides
    which of the equals it is, but not how many.

    Args:
        rows: shape (m,), int64: all that are compared with each other.

    Returns:
        Shape (m,), uint64.

    Memory: 8 bytes a row, which are the result; with content 40 while it is made.
    """
    ids = context.ids
    present: list[Embeddings] = [
        array for array in (context.probabilities, context.embeddings) if array is not None
    ]
    if not present and context.members is not None:
        present = list(context.members)
    if ids is None and not present:
        return row_keys(rows, context.seed, purpose)
    keys = np.empty(len(rows), dtype=np.uint64)
    step = CHUNK if ids is not None else max(64, _PIECE_NUMBERS // sum(array.shape[1] for array in present))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        if ids is not None:
            keys[start : start + step] = id_keys(ids[part], context.seed, purpose)
        else:
            content = np.concatenate([array[part] for array in present], axis=1)
            keys[start : start + step] = content_keys(content, context.seed, purpose)
    if ids is None:
        _tell_apart(keys)
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


def lowest_items(context: Context, pieces: Iterable[np.ndarray], count: int, purpose: str) -> np.ndarray:
    """A simple random sample of `count` rows: those with the lowest `item_keys`, in their order.

    Args:
        pieces: rows, shape (k,) each, int64, ascending throughout.

    Memory: grows with `count` where there are ids; without them 60 bytes a row.
    """
    ids = context.ids
    if ids is not None:
        return lowest(pieces, count, lambda rows: id_keys(ids[rows], context.seed, purpose))
    rows = np.concatenate([np.empty(0, dtype=np.int64), *pieces])
    return rows[np.argsort(item_keys(context, rows, purpose), kind="stable")[:count]]


def _tell_apart(keys: np.ndarray) -> None:
    """Mix a rank among equals into equal keys, in place; the first keeps its key."""
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]
    again = np.flatnonzero(in_order[1:] == in_order[:-1]) + 1
    if len(again) == 0:
        return
    del in_order
    # Runs of neighbouring places are the equals of one key; a run begins where the place before is no repeat.
    begins = np.flatnonzero(np.diff(again, prepend=-1) > 1)
    lengths = np.diff(begins, append=len(again))
    ranks = np.arange(1, len(again) + 1) - np.repeat(begins, lengths)
    places = order[again]
    keys[places] = _mix(keys[places] ^ _mix(ranks.astype(np.uint64)))


def _mix(keys: np.ndarray) -> np.ndarray:
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def _salt(seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{purpose}\0{seed}".encode(), digest_size=16).digest()
