"""Which copy of an item an event belongs to, in tools where a task is an item and anybody may take it.

Whoever answers takes the first copy that nobody else has; who comes when none is left counts for the last
one. A skip takes no copy, so that another's answer can have it. Taking an answer back frees its copy, and is
an event of that copy: the last event of a person about a copy says what became of their answer.
"""

from __future__ import annotations

from collections.abc import Sequence


class Copies:
    """The copies of one item, as its events happen in their order."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Nobody has a copy yet; `keys` are those of the copies, in their order."""
        self._keys = keys
        self._held: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def key_of(self, annotator: str, action: str) -> str:
        """The key that this event, the next of the item, is about; then it has happened."""
        key = self._held.get(annotator)
        if key is None:
            free = (one for one in self._keys if one not in self._held.values())
            key = next(free, self._keys[-1])
            if action == "deleted":
                key = self._last.get(annotator, key)
        self.note(annotator, action, key)
        return key

    def note(self, annotator: str, action: str, key: str) -> None:
        """An event that was given its key before."""
        self._last[annotator] = key
        if action in ("submitted", "updated"):
            self._held[annotator] = key
        else:
            self._held.pop(annotator, None)
