"""A labeling tool that is down: since when, how often it was tried, and when it is tried next.

Kept in .labelloop/outage.json from the first attempt that failed to the first that works, so that every
driver waits the same and `status` can tell without asking anybody. Losing the file costs one attempt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labelloop import files
from labelloop.errors import DamagedFileError, UnreachableError
from labelloop.workspace import Workspace

FIRST_WAIT = timedelta(seconds=30)
"""Before the second attempt; every further wait is twice the one before."""

LONGEST_WAIT = timedelta(minutes=15)

LONGEST_MESSAGE = 1000
"""Characters of an error's message that are kept."""


@dataclass(frozen=True)
class Outage:
    """Attempts that failed in a row. All times aware, UTC, by this machine's clock."""

    since: datetime
    """The first of them."""
    last: datetime
    attempts: int
    next_try: datetime
    message: str
    """What the last one said."""

    def __str__(self) -> str:
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts, last {_minute(self.last)}"
        return (f"Not reached since {_minute(self.since)} UTC ({times}, next after "
                f"{_minute(self.next_try)}): {self.message}")  # fmt: skip

    def is_due(self, now: datetime) -> bool:
        """Whether the next attempt may be made.

        Also when the clock was set back, or else a wait could last as long as it was set back by.
        """
        return now >= self.next_try or now < self.last


def note(workspace: Workspace, error: Exception, *, now: datetime | None = None) -> Outage:
    """Write down one more attempt that failed.

    Args:
        error: what it failed with; its message is kept.
        now: when; default: this machine's clock.
    """
    now = now or datetime.now(UTC)
    before = read(workspace)
    attempts = before.attempts + 1 if before else 1
    outage = Outage(
        since=before.since if before else now,
        last=now,
        attempts=attempts,
        next_try=now + wait_after(attempts),
        message=str(error)[:LONGEST_MESSAGE],
    )
    content = {name: _text(value) for name, value in asdict(outage).items()}
    files.write_json(_path(workspace), content)
    return outage


@contextmanager
def watched(workspace: Workspace) -> Iterator[None]:
    """Note that the tool cannot be reached, or that it can be again."""
    try:
        yield
    except UnreachableError as error:
        note(workspace, error)
        raise
    clear(workspace)


def clear(workspace: Workspace) -> None:
    """The tool works again."""
    _path(workspace).unlink(missing_ok=True)


def read(workspace: Workspace) -> Outage | None:
    """The outage that lasts; None where the last attempt worked, or where its note cannot be read."""
    try:
        content = files.read_json(_path(workspace))
        times = {name: datetime.fromisoformat(content[name]) for name in ("since", "last", "next_try")}
        if any(time.tzinfo is None for time in times.values()):
            return None
        return Outage(**times, attempts=int(content["attempts"]), message=str(content["message"]))
    except (OSError, DamagedFileError, KeyError, TypeError, ValueError):
        return None


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed: 30 s, doubled each time up to 15 minutes."""
    # The exponent is capped too: a tool that is down for a year must not overflow a timedelta.
    return min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)


def _path(workspace: Workspace) -> Path:
    return workspace.state / "outage.json"


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
