"""Tasks that are on the server twice: an import that we gave up and sent again went through after all.

A push looks for that itself, but an import may come through minutes later. So polls count: when the project
has more tasks than were ever pushed, its keys are listed. Of tasks with the same key the one that somebody
has answered stays, or the older one. Another that nobody has answered is deleted; the server itself leaves
out what was answered in the meantime. One that was answered too stays with its answers, and is dealt out no
more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from labelloop.adapters.tools.label_studio_listing import all_tasks, key_of
from labelloop.adapters.tools.label_studio_server import Server

UNKNOWN = -1
"""In the place of a number of items, so that it equals none."""


@dataclass(frozen=True)
class Twins:
    """What was found when the keys were listed last."""

    there: int
    """Tasks in the project, after twins were deleted."""
    known: int
    """Items that were ever pushed, as far as was known then."""
    closed: dict[int, int] = field(default_factory=dict)
    """Tasks that are not to be dealt out any more, each with the task that is."""

    @classmethod
    def read(cls, content: Any) -> Twins:
        """What `as_json` wrote; nothing found where it is not that."""
        try:
            closed = {int(task): int(kept) for task, kept in content["closed"].items()}
            return cls(int(content["there"]), int(content["known"]), closed)
        except (AttributeError, KeyError, TypeError, ValueError):
            return cls(0, 0)

    def as_json(self) -> dict[str, Any]:
        closed = {str(task): kept for task, kept in self.closed.items()}
        return {"there": self.there, "known": self.known, "closed": closed}


def part_twins(server: Server, project: int, keys: Collection[str], there: int, before: Twins) -> Twins:
    """Leave one task of every key to be dealt out, if there are more tasks than keys.

    Args:
        keys: opaque keys that were ever pushed.
        there: tasks in the project.
        before: what this returned last.
    """
    if there <= len(keys):
        return Twins(there, len(keys))
    if (there, len(keys)) == (before.there, before.known):
        return before
    found: dict[str, dict[int, int]] = {}
    for row in all_tasks(server, project):
        key = key_of(row)
        if key in keys:
            found.setdefault(str(key), {})[row["id"]] = _answers(row)
    closed, empty = {}, []
    for tasks in found.values():
        kept = min(tasks, key=lambda task: (not tasks[task], task))
        for task, answers in tasks.items():
            if task != kept:
                closed[task] = kept
                if not answers:
                    empty.append(task)
    deleted = delete_unanswered(server, project, empty)
    # One that was answered in the meantime was spared: the next poll has to list again.
    known = len(keys) if deleted == len(empty) else UNKNOWN
    return Twins(there - deleted, known, {task: kept for task, kept in closed.items() if task not in empty})


def delete_unanswered(server: Server, project: int, tasks: list[int]) -> int:
    """Delete those of these tasks that nobody has answered or skipped when the server comes to it."""
    if not tasks:
        return 0
    conditions = [
        {"filter": f"filter:tasks:{column}", "operator": "equal", "type": "Number", "value": 0}
        for column in ("total_annotations", "cancelled_annotations")
    ]
    body = {
        "selectedItems": {"all": False, "included": tasks},
        "filters": {"conjunction": "and", "items": conditions},
    }
    reply = server.post("/api/dm/actions/", body, repeatable=True, id="delete_tasks", project=project)
    number = reply.get("processed_items") if isinstance(reply, dict) else None
    return number if isinstance(number, int) else len(tasks)


def _answers(row: Mapping[str, Any]) -> int:
    return int(row.get("total_annotations") or 0) + int(row.get("cancelled_annotations") or 0)
