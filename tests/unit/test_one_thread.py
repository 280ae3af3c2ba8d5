"""The limit on threads belongs to the process, so threads that overlap must not undo each other's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from labelloop import one_thread as module
from labelloop.models.probabilities import workers_for
from labelloop.one_thread import is_held, on_all_cores, one_thread


def blas_threads() -> set[int]:
    """Threads of the BLAS libraries that are loaded."""
    np.ones((2, 2)) @ np.ones((2, 2))
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def _two_threads() -> object:
    """As on a machine with two cores, wherever the tests run."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(limits=2):
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_two_threads")
def test_who_leaves_first_takes_nothing_from_the_other() -> None:
    """In whatever order they leave, the limit holds until the last has left, and then what was is back."""
    entered, left = threading.Barrier(2), threading.Event()

    def first() -> None:
        with one_thread():
            entered.wait(10)
        left.set()

    def second() -> tuple[set[int], bool]:
        with one_thread():
            entered.wait(10)
            assert left.wait(10)
            return blas_threads(), is_held()

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(first), pool.submit(second)
        one.result()
        assert two.result() == ({1}, True)
    assert blas_threads() == {2}
    assert not is_held()


@pytest.mark.usefixtures("_two_threads")
def test_many_threads_that_come_and_go_leave_nothing_behind() -> None:
    """A hundred overlapping holders see one thread each, torch's too, and all is as before."""

    def hold(_: int) -> tuple[int, ...]:
        with one_thread(), one_thread():
            return (*blas_threads(), torch.get_num_threads())

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(hold, range(100))) == {(1, 1)}
    assert blas_threads() == {2}
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("_two_threads")
def test_an_error_inside_gives_the_threads_back() -> None:
    """As a shard that fails must not slow down what follows."""
    with pytest.raises(ZeroDivisionError), one_thread():
        1 / 0  # noqa: B018
    assert blas_threads() == {2}


def test_pieces_are_worked_on_together_and_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at a time as there are cores, each with linear algebra on one thread; none is nothing."""
    monkeypatch.setattr(module, "cores", lambda: 2)
    together = threading.Barrier(2)

    def work(piece: int) -> tuple[int, set[int]]:
        together.wait(10)
        return piece, blas_threads()

    assert on_all_cores(work, range(6)) == [(piece, {1}) for piece in range(6)]
    assert on_all_cores(work, []) == []


def test_inside_nothing_is_shared_out_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shards are on all cores already."""
    monkeypatch.setattr("labelloop.models.probabilities.cores", lambda: 8)
    assert workers_for(1 << 20) == 8
    with one_thread():
        assert workers_for(1 << 20) == 1


def test_libraries_that_are_loaded_meanwhile_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not there at the first look is limited at the next."""
    with one_thread():
        looked = module._process.found
        monkeypatch.setitem(module.sys.modules, "labelloop.made_up_for_this_test", module)
        with one_thread():
            assert module._process.found is not looked
            assert blas_threads() == {1}
