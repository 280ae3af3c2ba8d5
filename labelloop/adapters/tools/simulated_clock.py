"""The simulated tool's clock: what time it is there, and how much of each round polls have shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from labelloop import files

EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""A Monday morning: when every simulated campaign begins."""


@dataclass(frozen=True)
class Shown:
    """How much of a round polls have shown."""

    size: int
    """Bytes of the round's file then: once it has grown, all of the round is shown again."""
    until: datetime
    last: datetime
    """When its last answer comes."""

    def exhausted(self, since: datetime | None) -> bool:
        """Whether nothing after `since` is left to show."""
        return since is not None and self.last <= min(since, self.until)


@dataclass
class Clock:
    """The simulated time, and what was shown at it."""

    now: datetime = EPOCH
    next_start: datetime = EPOCH
    """The latest close: when the next round counts as pushed."""
    shown: dict[str, Shown] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Clock:
        """The clock that was written last; a new one where there is none."""
        if not path.exists():
            return cls()
        content = files.read_json(path)
        time = datetime.fromisoformat
        shown = {
            round_id: Shown(entry["size"], time(entry["until"]), time(entry["last"]))
            for round_id, entry in content["shown"].items()
        }
        return cls(time(content["now"]), time(content["next_start"]), shown)

    def write(self, path: Path) -> None:
        shown = {
            round_id: {"size": entry.size, "until": entry.until.isoformat(), "last": entry.last.isoformat()}
            for round_id, entry in self.shown.items()
        }
        content = {"now": self.now.isoformat(), "next_start": self.next_start.isoformat(), "shown": shown}
        files.write_json(path, content)
