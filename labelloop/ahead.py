"""Make the next piece of work while somebody else is busy with the one before."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Piece = TypeVar("_Piece")


def ahead(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """The same pieces in the same order, each made in a helper thread while the caller has the one before.

    At most one piece is made ahead. An error of `pieces` is raised where its piece would have come; a caller
    that stops early waits for the piece in hand and no other is begun.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as helper:
        following = helper.submit(_take, pieces)
        while found := following.result():
            following = helper.submit(_take, pieces)
            yield found[0]


def _take(pieces: Iterator[_Piece]) -> tuple[_Piece] | None:
    """The next piece; None when there is none. A StopIteration cannot pass through a future."""
    for piece in pieces:
        return (piece,)
    return None
