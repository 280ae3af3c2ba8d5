"""One thread for linear algebra, for as long as anything in this process needs it.

The last bits of a sum depend on how many threads shared it, so what must give the same bytes everywhere runs
on one. BLAS has one number of threads for the whole process: of two threads that each set it and put it back,
as threadpoolctl does, the first to end takes the limit away from the other, and the last may leave it on for
good. Here holders are counted: the first sets the limit, and the last to leave puts back what was. OpenMP and
torch have a number for each thread, so those are set, and put back, in every thread that holds.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

_Piece = TypeVar("_Piece")
_Done = TypeVar("_Done")


class _Process:
    """What all threads share."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.holders = 0
        self.undo: list[Callable[[], object]] = []
        self.limited: Any = None
        """The BLAS libraries that are limited now."""
        self.torch_threads: int | None = None
        """What torch had when a holder first met it."""
        self.found: tuple[int, Any, Any] | None = None
        """Number of modules at the last look for libraries; BLAS and OpenMP as they were found then."""

    def libraries(self) -> tuple[Any, Any]:
        """BLAS and OpenMP libraries that are loaded; a library comes with a module."""
        from threadpoolctl import ThreadpoolController

        # Looking takes as long as scoring a shard, so it is done only when there may be new ones.
        if self.found is None or self.found[0] != len(sys.modules):
            everything = ThreadpoolController()
            blas, openmp = (everything.select(user_api=kind) for kind in ("blas", "openmp"))
            self.found = len(sys.modules), blas, openmp
        return self.found[1:]


class _Thread(threading.local):
    """What one thread has set for itself."""

    def __init__(self) -> None:
        self.depth = 0
        self.undo: list[Callable[[], object]] = []
        self.limited: Any = None


_process, _thread = _Process(), _Thread()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS, OpenMP and torch to one thread: BLAS until the last of all holders has left.

    Libraries that are loaded while it is held are limited from the next time anything enters.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def is_held() -> bool:
    """Whether anything holds the limit: then work is shared out elsewhere, or must not be."""
    return _process.holders > 0


def cores() -> int:
    """Cores that this process may use."""
    # macOS does not say which.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_all_cores(work: Callable[[_Piece], _Done], pieces: Sequence[_Piece]) -> list[_Done]:
    """What `work` gives for each piece, in their order: a thread for each core, and linear algebra on one.

    Once a piece has failed, no further one is begun.
    """
    with one_thread(), ThreadPoolExecutor(max(1, min(cores(), len(pieces)))) as pool:
        return list(pool.map(work, pieces))


def _enter() -> None:
    with _process.lock:
        blas, openmp = _process.libraries()
        torch = sys.modules.get("torch")
        if torch is not None and (_process.holders == 0 or _process.torch_threads is None):
            _process.torch_threads = torch.get_num_threads()
        if blas is not _process.limited:
            _process.undo.append(_limited(blas))
            _process.limited = blas
        _process.holders += 1
        _thread.depth += 1
        if openmp is not _thread.limited:
            _thread.undo.append(openmp.limit(limits=1).restore_original_limits)
            _thread.limited = openmp
        if torch is not None:
            # A thread's first question makes torch take over what the last thread to set it has set: ask now.
            torch.get_num_threads()
            torch.set_num_threads(1)


def _leave() -> None:
    with _process.lock:
        _thread.depth -= 1
        if _thread.depth == 0:
            _undo(_thread.undo)
            _thread.limited = None
            if _process.torch_threads is not None:
                sys.modules["torch"].set_num_threads(_process.torch_threads)
        _process.holders -= 1
        if _process.holders == 0:
            _undo(_process.undo)
            _process.limited = None


def _limited(blas: Any) -> Callable[[], None]:
    """Limit BLAS from whichever thread this is; returns what puts it back, from whichever thread."""
    _take_over(blas)
    limits = blas.limit(limits=1)

    def restore() -> None:
        _take_over(blas)
        limits.restore_original_limits()
        _take_over(blas)

    return restore


def _take_over(blas: Any) -> None:
    # From 3.8 on threadpoolctl lets only one thread set the number, and the calls of others do nothing.
    for library in blas.lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


def _undo(steps: list[Callable[[], object]]) -> None:
    while steps:
        steps.pop()()
