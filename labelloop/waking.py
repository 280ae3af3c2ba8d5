"""Wake-ups: somebody has answered, so the next look at the tool need not wait for the schedule.

A wake-up is a mark in .labelloop/woken. Whoever drives the campaign remembers the mark before it looks, and
notes it in .labelloop/heard once the look is over; while the two differ, something may have come in that
nobody has looked at. The driver looks again before it leaves, and whoever woke repeats itself until it is
heard. So no answer is lost between the last look of one run and the start of the next, whatever becomes of
either: all that a missing or broken file costs is one more look.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from labelloop import files
from labelloop.workspace import Workspace

log = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")

LOOKS = 5
"""In one run at most: where people answer without a pause, the run ends all the same."""


def wake(workspace: Workspace) -> None:
    """Leave a new mark: there is something to look at."""
    files.write_text(workspace.state / "woken", uuid.uuid4().hex)


def mark(workspace: Workspace) -> str:
    """The mark of the last wake-up; empty if there was none."""
    return _read(workspace, "woken")


def hear(workspace: Workspace, seen: str) -> None:
    """Note that everything before the wake-up with this mark has been looked at."""
    if seen != _read(workspace, "heard"):
        files.write_text(workspace.state / "heard", seen)


def is_pending(workspace: Workspace) -> bool:
    """Whether a wake-up has not been heard."""
    return mark(workspace) != _read(workspace, "heard")


def look_until_quiet(workspace: Workspace, look: Callable[[], Outcome]) -> Outcome:
    """Look, and once more as long as somebody woke us meanwhile; the outcome of the last look.

    A look that fails is not noted as heard.
    """
    for _ in range(LOOKS):
        seen = mark(workspace)
        outcome = look()
        hear(workspace, seen)
        if not is_pending(workspace):
            break
    return outcome


@dataclass
class Rhythm:
    """When to pass hints on: after a burst of them, and again until somebody has heard. Times in seconds."""

    quiet: float = 1.0
    """Pause that ends a burst."""
    longest: float = 5.0
    """A burst that does not pause is passed on after this."""
    first_repeat: float = 30.0
    """Doubled with every repetition."""
    longest_repeat: float = 300.0
    _began: float | None = None
    _last: float = 0.0
    _repeat_at: float | None = None
    _wait: float = 0.0

    def hint(self, now: float) -> None:
        """One more hint has come in."""
        self._began = now if self._began is None else self._began
        self._last = now

    def next_at(self) -> float | None:
        """When there is something to do next, if nothing comes in until then."""
        times = [] if self._repeat_at is None else [self._repeat_at]
        if self._began is not None:
            times.append(min(self._last + self.quiet, self._began + self.longest))
        return min(times, default=None)

    @property
    def is_in_burst(self) -> bool:
        """Whether hints came in that were not passed on."""
        return self._began is not None

    def is_burst_over(self, now: float) -> bool:
        """Whether the hints that came in are to be passed on now."""
        return self._began is not None and now >= min(self._last + self.quiet, self._began + self.longest)

    def passed_on(self, now: float) -> None:
        """The hints were passed on, or it was tried."""
        again = self._began is None
        self._wait = min(2 * self._wait, self.longest_repeat) if again and self._wait else self.first_repeat
        self._began, self._repeat_at = None, now + self._wait

    def heard(self) -> None:
        """Nothing needs to be repeated."""
        self._repeat_at, self._wait = None, 0.0


class Waker:
    """Passes hints on in a thread of its own, so that whoever gives them never waits."""

    def __init__(self, workspace: Workspace, tell: Callable[[], None], rhythm: Rhythm | None = None) -> None:
        """Start nothing yet.

        Args:
            tell: makes somebody look, such as by an event that starts a run; may raise, it is repeated.
        """
        self._workspace, self._tell, self._rhythm = workspace, tell, rhythm or Rhythm()
        self._changed = threading.Condition()
        self._hints, self._closing = 0, False
        self._thread = threading.Thread(target=self._run, name="labelloop waker", daemon=True)

    def __enter__(self) -> Waker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(10)

    def hint(self) -> None:
        """Something may have happened. Takes microseconds."""
        with self._changed:
            self._hints += 1
            self._changed.notify()

    def _run(self) -> None:
        if is_pending(self._workspace):  # left over from before a restart
            self._pass_on()
        while True:
            with self._changed:
                until = self._rhythm.next_at()
                if not self._hints and not self._closing:
                    self._changed.wait(None if until is None else max(0.0, until - time.monotonic()))
                if self._closing:
                    return
                if self._hints:
                    self._hints = 0
                    self._rhythm.hint(time.monotonic())
            self._do_what_is_due()

    def _do_what_is_due(self) -> None:
        now, until = time.monotonic(), self._rhythm.next_at()
        if until is None or now < until:
            return
        if self._rhythm.is_burst_over(now) or (self._rhythm.is_in_burst and is_pending(self._workspace)):
            # A new mark for what is passed on now: the run that is at it may be about to note the old one.
            self._leave_mark()
            self._pass_on()
        elif is_pending(self._workspace):
            self._pass_on()
        else:
            self._rhythm.heard()

    def _leave_mark(self) -> None:
        try:
            wake(self._workspace)
        except Exception as error:  # a full disk must not end this thread; the event may still arrive
            log.warning("could not write down that somebody has answered: %s", error)

    def _pass_on(self) -> None:
        try:
            self._tell()
        except Exception as error:  # whatever it is: the next try, or the schedule, makes up for it
            log.warning("could not start a look at the tool, trying again: %s", error)
        self._rhythm.passed_on(time.monotonic())


def _read(workspace: Workspace, name: str) -> str:
    try:
        return (workspace.state / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
