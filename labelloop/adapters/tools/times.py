"""Times as people and servers write them, read with suspicion."""

from __future__ import annotations

import functools
from datetime import UTC, datetime


def read_time(written: object) -> datetime | None:
    """A time of ISO 8601, as UTC (without a zone it is UTC); None where it cannot be made out."""
    return _read(written.strip()) if isinstance(written, str) else None


@functools.lru_cache(maxsize=1000)  # what was pushed at once carries one time, in each of its tasks
def _read(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
