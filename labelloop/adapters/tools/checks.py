"""What `labelloop tool check` finds: one line a thing looked at."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    """fail: the campaign cannot work like this. warn: it can, and somebody should know."""
    says: str
    fix: str = ""
    """What to do; empty where nothing is."""


def check_writable(name: str, folder: Path) -> Check:
    """Whether files can be made in a folder, or in the nearest one above that exists."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        descriptor, path = tempfile.mkstemp(prefix=".writing-check-", dir=there)
        try:
            os.write(descriptor, b"labelloop")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            Path(path).unlink()
    except OSError as error:
        says = f"{folder} cannot be written: {error.strerror}"
        return Check(name, "fail", says, "make room there, or give its owner the right to write")
    return Check(name, "ok", f"{folder} can be written")
