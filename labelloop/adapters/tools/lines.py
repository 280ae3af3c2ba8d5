"""JSON lines appended in bulk: many objects, one write, one flush to the disk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelloop.errors import DiskError


def append_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Append objects as lines; `labelloop.files.read_lines` reads them back.

    A process killed in mid-write leaves a prefix of whole lines and at most one torn one, which the next
    call cuts off. A write that fails leaves the file as it was.

    Raises:
        DiskError: the disk is full or refuses the write.
    """
    content = b"".join(json.dumps(row, sort_keys=True).encode() + b"\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab+", buffering=0) as stream:
            start = _cut_torn_line(stream)
            try:
                view = memoryview(content)
                while view:
                    view = view[stream.write(view) :]
                os.fsync(stream.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.truncate(path, start)
                raise
    except OSError as error:
        raise DiskError(
            f"could not append to {path}: {error.strerror}. Make room and run it again"
        ) from error


def _cut_torn_line(stream: Any) -> int:
    """Cut off what follows the last line break; return the size that is left."""
    size: int = stream.seek(0, os.SEEK_END)
    if size == 0:
        return 0
    stream.seek(size - 1)
    if stream.read(1) == b"\n":
        return size
    stream.seek(0)
    complete: int = stream.read().rfind(b"\n") + 1
    stream.truncate(complete)
    return complete
