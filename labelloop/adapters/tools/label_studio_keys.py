"""Opaque keys: what annotators may see of a task key, and how it is found again.

A key holds the item's id, and an id may tell the answer (`cats/0012.png`). So a task in Label Studio carries
a digest of campaign, round and item; which digest is which item is kept on our side: in a file of this
machine from before the push, and after it in the rounds' pushed.jsonl, which is versioned.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from labelloop import files
from labelloop.adapters.tools.keys import TaskKey, parse_key
from labelloop.adapters.tools.lines import append_lines
from labelloop.errors import ToolError
from labelloop.workspace import Workspace


def opaque(key: TaskKey) -> str:
    """What stands for an item of a round, all its copies, in the tool."""
    return files.digest_of([key.campaign, key.round, key.item])[:32]


class KnownKeys:
    """Keys of copy 0 by their digests."""

    def __init__(self, path: Path, workspace: Workspace, campaign: str) -> None:
        self._path, self._workspace, self._campaign = path, workspace, campaign
        self._cache: tuple[int, dict[str, str]] = (0, {})

    def note(self, keys: Iterable[TaskKey]) -> bool:
        """Write down keys that are about to be pushed; whether some were about to be before."""
        known = self._noted()
        new = {opaque(k): k for k in keys}
        rows = [
            {"opaque": digest, "key": TaskKey(k.campaign, k.round, k.item, 0).text}
            for digest, k in new.items()
            if digest not in known
        ]
        if rows:
            append_lines(self._path, rows)
            # A push is many calls: without this, each would read what all before it wrote.
            known |= {row["opaque"]: row["key"] for row in rows}
            self._cache = (self._path.stat().st_size, known)
        return len(rows) < len(new)

    def read(self) -> dict[str, TaskKey]:
        """Every key of the campaign that was ever pushed from here, or is in its history."""
        texts = list(self._noted().values())
        for folder in self._workspace.rounds():
            if folder.pushed.exists():
                for line in files.read_lines(folder.pushed):
                    texts += list(line.get("tasks", {})) if line.get("event") == "receipts" else []
        known = {}
        for text in texts:
            try:
                key = parse_key(text)
            except ToolError:
                continue
            if key.campaign == self._campaign:
                known[opaque(key)] = TaskKey(key.campaign, key.round, key.item, 0)
        return known

    def _noted(self) -> dict[str, str]:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._cache[0]:
            self._cache = (size, {line["opaque"]: line["key"] for line in files.read_lines(self._path)})
        return dict(self._cache[1])
