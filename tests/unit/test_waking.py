"""No wake-up is lost: whatever was answered, some look sees it, though runs overlap, fail or are refused."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from labelloop import waking
from labelloop.errors import DiskError
from labelloop.waking import Rhythm, Waker
from labelloop.workspace import Workspace

FAST = {"quiet": 0.002, "longest": 0.01, "first_repeat": 0.005, "longest_repeat": 0.02}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


class People:
    """A tool with answers in it, and what looks have seen of them."""

    def __init__(self) -> None:
        self.given = self.seen = self.looks = 0

    def look(self) -> str:
        self.looks += 1
        self.seen = self.given
        return f"saw {self.seen}"


def test_an_answer_during_a_look_is_seen_by_the_same_run(workspace: Workspace) -> None:
    """It came after the tool was asked and before the run ended."""
    people = People()

    def look() -> str:
        said = people.look()
        if people.looks == 1:
            people.given += 1
            waking.wake(workspace)
        return said

    assert waking.look_until_quiet(workspace, look) == "saw 1"
    assert people.looks == 2
    assert not waking.is_pending(workspace)


def test_one_look_is_enough_when_nobody_wakes(workspace: Workspace) -> None:
    """Also when a wake-up was what the run was started for."""
    people = People()
    waking.wake(workspace)
    waking.look_until_quiet(workspace, people.look)
    waking.look_until_quiet(workspace, people.look)
    assert people.looks == 2


def test_a_look_that_fails_hears_nothing(workspace: Workspace) -> None:
    """Whoever woke goes on until somebody has really looked."""
    waking.wake(workspace)
    with pytest.raises(RuntimeError):
        waking.look_until_quiet(workspace, lambda: (_ for _ in ()).throw(RuntimeError("the tool is away")))
    assert waking.is_pending(workspace)


def test_people_who_never_pause_do_not_keep_a_run_for_ever(workspace: Workspace) -> None:
    """It ends after some looks, and what came during the last of them is still to be heard."""
    people = People()

    def look() -> str:
        people.given += 1
        waking.wake(workspace)
        return people.look()

    waking.look_until_quiet(workspace, look)
    assert people.looks == waking.LOOKS
    assert waking.is_pending(workspace)


def test_broken_files_cost_one_more_look(workspace: Workspace) -> None:
    """They are read as a wake-up, never as an error."""
    waking.wake(workspace)
    waking.hear(workspace, waking.mark(workspace))
    (workspace.state / "heard").write_bytes(b"\xff\xfe")
    assert waking.is_pending(workspace)
    waking.look_until_quiet(workspace, lambda: None)
    assert not waking.is_pending(workspace)


def test_a_burst_is_passed_on_once_when_it_pauses() -> None:
    """A second after its last hint."""
    rhythm = Rhythm()
    for at in (0.0, 0.4, 0.8):
        rhythm.hint(at)
        assert not rhythm.is_burst_over(at + 0.9)
    assert rhythm.next_at() == pytest.approx(1.8)
    assert rhythm.is_burst_over(1.8)
    rhythm.passed_on(1.8)
    assert not rhythm.is_burst_over(1.8)


def test_a_burst_that_does_not_pause_is_passed_on_all_the_same() -> None:
    """Five seconds after its first hint."""
    rhythm = Rhythm()
    hints = [step / 2 for step in range(20)]
    over = next(at for at in hints if (rhythm.hint(at), rhythm.is_burst_over(at))[1])
    assert over == 5.0


def test_what_nobody_hears_is_repeated_with_growing_patience() -> None:
    """Until somebody does; then nothing is due any more."""
    rhythm = Rhythm()
    rhythm.hint(0.0)
    rhythm.passed_on(1.0)
    waits, now = [], 1.0
    for _ in range(7):
        due = rhythm.next_at()
        assert due is not None
        waits.append(due - now)
        now = due
        rhythm.passed_on(now)
    assert waits == [30, 60, 120, 240, 300, 300, 300]
    rhythm.heard()
    assert rhythm.next_at() is None


def test_a_hint_is_answered_in_microseconds(workspace: Workspace) -> None:
    """Whoever gives it never waits, not even for somebody who is slow to be told."""
    going, let_go = threading.Event(), threading.Event()

    def tell() -> None:
        going.set()
        let_go.wait(30)

    with Waker(workspace, tell, Rhythm(quiet=0.0)) as waker:
        waker.hint()
        assert going.wait(10)
        began = time.perf_counter()
        for _ in range(100):
            waker.hint()
        took = time.perf_counter() - began
        let_go.set()
    assert took < 0.5


def test_a_full_disk_does_not_end_the_waker(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can be told is told, now and later."""

    def full(*_: object) -> None:
        raise DiskError("no space left")

    monkeypatch.setattr(waking.files, "write_text", full)
    told = threading.Semaphore(0)
    with Waker(workspace, told.release, Rhythm(**FAST)) as waker:
        for _ in range(2):
            waker.hint()
            assert told.acquire(timeout=10)


def test_a_wake_up_from_before_a_restart_is_passed_on(workspace: Workspace) -> None:
    """The receiver was killed between the hint and the event."""
    waking.wake(workspace)
    told = threading.Event()
    with Waker(workspace, told.set, Rhythm(**FAST)):
        assert told.wait(10)


@pytest.mark.parametrize("seed", range(6))
def test_every_answer_is_seen_though_runs_are_refused_while_one_works(
    workspace: Workspace, seed: int
) -> None:
    """Answers at random moments; a run that would overlap is cancelled, some fail, some events get lost."""
    chance, people = random.Random(seed), People()
    place, runs = threading.Lock(), []
    counts = {"cancelled": 0, "lost": 0, "failed": 0}

    def look() -> None:
        people.look()
        time.sleep(chance.random() * 0.004)  # answers come in after the tool was asked
        if not counts["failed"] or chance.random() < 0.2:
            counts["failed"] += 1
            raise RuntimeError("the tool broke off")

    def run() -> None:
        try:
            waking.look_until_quiet(workspace, look)
        except RuntimeError:
            pass
        finally:
            time.sleep(chance.random() * 0.004)  # the place is free some time after the last look
            place.release()

    def tell() -> None:
        if not counts["lost"] or chance.random() < 0.2:
            counts["lost"] += 1
            raise OSError("the server is away")
        if not place.acquire(blocking=False):
            counts["cancelled"] += 1
            return
        runs.append(threading.Thread(target=run))
        runs[-1].start()

    with Waker(workspace, tell, Rhythm(**FAST)) as waker:
        for _ in range(25):
            for _ in range(chance.randint(1, 3)):
                people.given += 1
                waker.hint()
                time.sleep(chance.random() * 0.012)
            # Nobody answers any more until all is seen: no later wake-up makes up for one that was lost.
            end = time.monotonic() + 10
            while people.seen < people.given:
                assert time.monotonic() < end, (people.given, people.seen, counts)
                time.sleep(0.001)
    for thread in runs:
        thread.join(10)
    assert min(counts.values()) > 0, counts
