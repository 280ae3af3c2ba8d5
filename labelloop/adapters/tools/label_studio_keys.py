"""Opaque keys: what annotators may see of a task key, and how it is found again.

A key holds the item's id, and an id may tell the answer (`cats/0012.png`). So a task in Label Studio carries
a digest of campaign, round and item; which digest is which item is kept on our side: in a file of this
machine from before the push, and after it in the rounds' pushed.jsonl, which is versioned.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labelloop import files
from labelloop.adapters.tools.keys import TaskKey, parse_key
from labelloop.adapters.tools.lines import append_lines
from labelloop.workspace import Workspace


def opaque(key: TaskKey) -> str:
    """What stands for an item of a round, all its copies, in the tool."""
    return _digest(key.campaign, key.round, key.item)


@functools.lru_cache(maxsize=50_000)
def _digest(campaign: str, round_id: str, item: str) -> str:
    # Copies of an item follow each other, and a push needs an item's several times.
    return files.digest_of([campaign, round_id, item])[:32]


@dataclass(frozen=True)
class KnownItem:
    """An item that was pushed."""

    text: str
    """The key of its copy 0."""
    copies: int
    """How many were to be asked; 0 where that is not known."""
    task: int | None
    """The server's task, where a receipt names it."""
    is_open: bool
    """Whether its round still waits for people."""


_UNKNOWN = KnownItem("", 0, None, False)


class KnownKeys:
    """Keys of copy 0 by their digests, and how many copies of each were to be asked."""

    def __init__(self, path: Path, workspace: Workspace, campaign: str) -> None:
        self._path, self._workspace, self._campaign = path, workspace, campaign
        self._cache: tuple[int, dict[str, tuple[str, int]]] = (0, {})

    def note(self, copies: Mapping[TaskKey, int]) -> bool:
        """Write down what is about to be pushed; whether some of it was about to be before.

        Args:
            copies: different annotators by any key of the item.
        """
        known = self._noted()
        again, rows = False, []
        for key, number in copies.items():
            digest = opaque(key)
            before = known.get(digest)
            again = again or before is not None
            if before is None or before[1] < number:
                text = TaskKey(key.campaign, key.round, key.item, 0).text
                rows.append({"opaque": digest, "key": text, "copies": number})
                known[digest] = (text, number)
        if rows:
            append_lines(self._path, rows)
            # A push is many calls: without this, each would read what all before it wrote.
            self._cache = (self._path.stat().st_size, known)
        return again

    def copies_of(self, digests: Iterable[str]) -> dict[str, int]:
        """Different annotators that items were to have; 0 where this machine does not know."""
        noted = self._noted()
        return {digest: noted.get(digest, ("", 0))[1] for digest in digests}

    def items(self) -> dict[str, KnownItem]:
        """Every item of the campaign that was ever pushed from here, or is in its history, by its digest.

        A later round may ask more people about an item: its receipts go on with the copies of the first.
        """
        noted = self._noted()
        items = {digest: KnownItem(text, copies, None, False) for digest, (text, copies) in noted.items()}
        digests = {text: digest for digest, (text, _) in noted.items()}
        receipts: dict[str, KnownItem] = {}
        for folder in self._workspace.rounds():
            is_open = not folder.closed.exists()
            for start, (copies, task) in _receipts(folder.pushed, f"{self._campaign}/").items():
                text = f"{start}/0"
                digest = digests.get(text) or opaque(parse_key(text))
                known = receipts.get(digest, _UNKNOWN)
                receipts[digest] = items[digest] = KnownItem(
                    text,
                    max(copies, known.copies),
                    known.task if task is None else task,
                    is_open or known.is_open,
                )
        return items

    def _noted(self) -> dict[str, tuple[str, int]]:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._cache[0]:
            lines = files.read_lines(self._path)
            self._cache = (size, {line["opaque"]: (line["key"], line.get("copies", 0)) for line in lines})
        return self._cache[1]


def _receipts(pushed: Path, start: str) -> dict[str, tuple[int, int | None]]:
    """Copies and task of each item of a round's pushed.jsonl, by its key without the copy.

    Args:
        start: what the campaign's keys start with; others are left out.
    """
    items: dict[str, tuple[int, int | None]] = {}
    for line in files.read_lines(pushed):
        tasks = line.get("tasks") if line.get("event") == "receipts" else None
        for text, tool_id in (tasks if isinstance(tasks, dict) else {}).items():
            item, _, copy = text.rpartition("/")
            if len(item) <= len(start) or not item.startswith(start):
                continue
            number = str(tool_id).partition(".")[0]
            task = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None
            copies = int(copy) + 1 if copy.isascii() and copy.isdigit() and len(copy) < 9 else 1
            before = items.get(item, (0, None))
            items[item] = (max(copies, before[0]), task if task is not None else before[1])
    return items
