"""How many people a task must be dealt to so that enough of them give an answer that counts.

The server counts answers, not what they are worth: one that is refused (of a stranger, of a class that does
not exist, of an account that nobody knows any more), or a second one of the same person, takes a place of the
task's overlap, and the item would wait for ever. So an open item's task is dealt to as many people as have a
place in it, and to those that are still needed; never to more than there are who could answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Refusal
from labelloop.adapters.tools.label_studio_answers import Note
from labelloop.adapters.tools.label_studio_keys import KnownItem
from labelloop.adapters.tools.label_studio_listing import annotations_of, key_of
from labelloop.adapters.tools.label_studio_reading import account_of, annotator_names, is_to_come
from labelloop.adapters.tools.label_studio_server import NotThereError, Server

_FILE = "places.json"


@dataclass(frozen=True)
class Counting:
    """Whose answers count, and which."""

    people: frozenset[str] = frozenset()
    """annotation.annotators; empty where anybody may answer."""
    is_valid: Callable[[object], bool] = lambda value: True
    """Whether a value is a label of the campaign."""

    def has(self, person: str) -> bool:
        """Whether this person's answers count."""
        return not self.people or person in self.people


@dataclass
class Places:
    """What polls know of places that do not count."""

    lost: dict[str, int] = field(default_factory=dict)
    """Such places by opaque key, where there are any."""
    short: list[int] = field(default_factory=list)
    """Tasks of which this cannot be said yet, or for which there are too few people who could answer; looked
    at again with every poll."""
    told: list[Refusal] = field(default_factory=list)

    def keep(self, folder: Path) -> None:
        """Write down for pushes what `lost_places` reads."""
        if self.lost != lost_places(folder):
            files.write_json(folder / _FILE, self.lost)


def lost_places(folder: Path) -> dict[str, int]:
    """Places that did not count at the last poll, by opaque key.

    Args:
        folder: of the project's notes.
    """
    path = folder / _FILE
    content = files.read_json(path) if path.exists() else {}
    return content if isinstance(content, dict) else {}


def settle_places(
    server: Server,
    rows: Sequence[Mapping[str, Any]],
    items: Mapping[str, KnownItem],
    history: Mapping[str, Sequence[Note]],
    counting: Counting,
    closed: Mapping[int, int],
    before: Mapping[str, int],
    clock: datetime,
) -> Places:
    """Deal tasks that were just read to more people where places do not count.

    Args:
        rows: tasks with all that people said.
        history: every note of an item, by its key without the copy.
        closed: tasks that are there twice and not to be dealt out any more, each with the one that is.
        before: `Places.lost` of the last poll.
        clock: the server's.
    """
    places = Places(dict(before))
    able: set[int] | None = None
    for row in rows:
        digest = key_of(row) or ""
        item = items.get(digest)
        overlap = row.get("overlap")
        if item is None or not item.is_open or not item.copies or not isinstance(overlap, int):
            continue
        said = [one for one in annotations_of(row) if isinstance(one, dict)]
        if any(is_to_come(one, clock) for one in said):
            # Refused until its time has come (the server's clock was set back), and counts then.
            places.short.append(row["id"])
            continue
        taken = sum(one.get("was_cancelled") is not True for one in said)
        if row["id"] in closed:
            _deal(server, row["id"], max(1, taken), overlap, is_labeled=True)
            continue
        counted = _counted(history.get(item.text.removesuffix("/0"), ()), counting)
        needed = max(0, item.copies - counted)
        lost = max(0, taken - counted)
        places.lost.pop(digest, None)
        if lost:
            places.lost[digest] = lost
        if row["id"] in closed.values():
            _deal(server, row["id"], max(1, taken + needed), overlap, is_labeled=not needed)
            continue
        if not lost or not needed or taken + needed <= overlap:
            continue
        if able is None:
            names = annotator_names(server.get("/api/users/"))
            able = {account for account, name in names.items() if counting.has(name)}
        left = len(able - {account_of(one) for one in said})
        wanted = taken + min(needed, left)
        if wanted > overlap:
            _deal(server, row["id"], wanted, overlap, is_labeled=False)
        places.told.append(_told(row["id"], item, lost, max(wanted, overlap), needed, left))
        if left < needed:
            places.short.append(row["id"])
    return places


def _counted(notes: Iterable[Note], counting: Counting) -> int:
    """Different people whose last word about an item is an answer that counts."""
    last = {note["annotator"]: note for note in notes if note["action"]}
    return sum(
        note["action"] in ("submitted", "updated")
        and counting.has(person)
        and counting.is_valid(note["value"])
        for person, note in last.items()
    )


def _deal(server: Server, task: int, people: int, before: int, *, is_labeled: bool) -> None:
    """Set the overlap; the same again does no harm, so a lost reply is made good by the next poll."""
    if people == before:
        return
    try:
        server.patch(f"/api/tasks/{task}/", {"overlap": people, "is_labeled": is_labeled})
    except NotThereError:  # deleted just now: the next poll tells
        return


def _told(task: int, item: KnownItem, lost: int, people: int, needed: int, left: int) -> Refusal:
    answers = "1 answer that does not count takes a place"
    if lost > 1:
        answers = f"{lost} answers that do not count take places"
    where, asked = f"Label Studio, task {task}, overlap {people}", "another person may answer"
    if left < needed:
        where += f", {needed - left} too few"
        asked = (f"{needed - left} more must answer than there are who could: add accounts (or names to "
                 "annotation.annotators), or set annotation.deadline_hours")  # fmt: skip
    return Refusal(
        where, f"{answers} in the task, whose overlap is {people} now; {asked}", {"key": item.text}
    )
