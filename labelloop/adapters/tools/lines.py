"""JSON lines appended in bulk: many objects, one write, one flush to the disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelloop import files


def append_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Append objects as lines; `labelloop.files.read_lines` reads them back.

    Raises:
        DiskError: the disk is full or refuses the write; the file is as it was.
    """
    content = b"".join(json.dumps(row, sort_keys=True).encode() + b"\n" for row in rows)
    files.append_whole_lines(path, content)
