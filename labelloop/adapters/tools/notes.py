"""What polls have seen in the folders that people fill in, and whether a folder needs another look.

A round's notes are JSON lines in the order in which things were seen. `looked.json` beside them keeps the
state of each folder when it was last read through, so that a poll costs what is new, not what is old. It
is a shortcut only: without it every folder is read again.
"""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.lines import append_lines
from labelloop.errors import DamagedFileError

SETTLED_NS = 2_000_000_000
"""A file saved twice within its clock's tick may change unnoticed: younger files are always read again."""


class Notes:
    """The notes of all rounds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked: dict[str, Any] = {}
        with contextlib.suppress(FileNotFoundError, DamagedFileError):
            self._looked = files.read_json(folder / "looked.json")

    def read(self, round_id: str) -> list[dict[str, Any]]:
        """A round's notes, oldest first."""
        return files.read_lines(self._path(round_id))

    def append(self, round_id: str, notes: list[dict[str, Any]]) -> None:
        if notes:
            append_lines(self._path(round_id), notes)

    def last_seen(self, round_id: str, state: object) -> datetime | None:
        """When the last note was made, if the round is still in `state`; None if it must be looked at."""
        entry = self._looked.get(round_id)
        if entry is None or entry["state"] != state:
            return None
        return datetime.fromisoformat(entry["last"])

    def look(self, round_id: str, folder: Path) -> str:
        """The state that a round is in: which files it has, of what age and size, and how many notes.

        Taken before the files are read, so that what is saved meanwhile counts as a change.
        """
        found: list[list[Any]] = [["notes", self._size(round_id)]]
        youngest = 0
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):  # a file that goes away right now is none
                stat = path.lstat()
                youngest = max(youngest, stat.st_mtime_ns, stat.st_ctime_ns)
                found.append([ascii(path.name), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns])
        if youngest > time.time_ns() - SETTLED_NS:
            found.append(["unsettled", time.time_ns()])
        return files.digest_of(found)

    def remember(self, states: dict[str, tuple[str, datetime]]) -> None:
        """Keep the state and the time of the last note of every round that was read through."""
        if states:
            new = {r: {"state": state, "last": last.isoformat()} for r, (state, last) in states.items()}
            self._looked |= new
            files.write_json(self._folder / "looked.json", self._looked)

    def _path(self, round_id: str) -> Path:
        return self._folder / f"{round_id}.jsonl"

    def _size(self, round_id: str) -> int:
        path = self._path(round_id)
        return path.stat().st_size if path.exists() else 0
