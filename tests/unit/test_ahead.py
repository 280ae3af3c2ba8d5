"""One piece is made while the one before is worked on: in order, never two ahead, errors in their place."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from labelloop.ahead import ahead


def test_the_next_piece_is_made_while_one_is_worked_on_and_no_further() -> None:
    made: list[int] = []
    second, third = threading.Event(), threading.Event()

    def pieces() -> Iterator[int]:
        for number in range(4):
            made.append(number)
            (second if number == 1 else third if number == 2 else threading.Event()).set()
            yield number

    found = ahead(pieces())
    assert next(found) == 0
    assert second.wait(60)
    assert not third.is_set() and made == [0, 1]
    assert next(found) == 1
    assert third.wait(60)
    assert [*found] == [2, 3]


def test_an_error_comes_where_its_piece_would_have() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("the third is missing")

    found = ahead(pieces())
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(found)


def test_a_caller_that_stops_leaves_no_thread() -> None:
    """Nor does one whose own work fails."""
    begun = threading.active_count()
    found = ahead(iter(range(100)))
    next(found)
    found.close()  # type: ignore[attr-defined]
    with pytest.raises(KeyError):
        for piece in ahead(iter(range(100))):
            raise KeyError(piece)
    assert list(ahead(iter(()))) == []
    assert threading.active_count() == begun
