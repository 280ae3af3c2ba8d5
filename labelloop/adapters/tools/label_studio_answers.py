"""What people said in Label Studio as events.

The server keeps only what an annotation is now. What polls have seen is noted, one line an event, so that
an edit or a deletion is a further event and nothing is overwritten. Should the notes be lost, they are made
anew from the server: what was not edited since keeps its id.

One task is one item; as many people answer it as it has copies, and a skip uses none of them up (see
copies.py). A person's first answer to an item costs money, skips and corrections do not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from labelloop.adapters.tools.base import Answer
from labelloop.adapters.tools.copies import Copies
from labelloop.adapters.tools.label_studio_reading import Said

Note = dict[str, Any]
"""An event as it is kept: JSON-like, with `answered_at` and `seen_at` as ISO times."""


def new_notes(
    known: Sequence[Note],
    said: Sequence[Said],
    *,
    task: int,
    keys: Sequence[str],
    there: Collection[int],
    changed_at: datetime,
) -> list[Note]:
    """Notes of what an item's annotations say and the notes `known` of that item do not.

    Args:
        known: notes of the item, in order.
        said: what the task has now, in any order; all that can be read.
        task: the task's id.
        keys: the key of each copy.
        there: all annotations that the task has now: one that cannot be read any more is not gone.
        changed_at: when the task changed last, which is when an annotation that is gone went.

    Returns:
        Notes without `seen_at`; those with `action` None are no events, but keep a repeat from becoming one.
    """
    notes: list[Note] = []
    copies = Copies(keys)
    for event in known:
        if event["action"]:
            copies.note(event["annotator"], event["action"], event["key"])
    last = {n["annotator"]: n for n in known if n["action"]}
    paid = {n["annotator"] for n in known if n["action"] in ("submitted", "updated")}
    seen = {n["annotation"]: n for n in known if n["task"] == task}

    def note(annotation: int, version: str, annotator: str, value: object, action: str | None, at: datetime,
             lead: float | None = None, prelabel: str | None = None) -> None:  # fmt: skip
        costs = action in ("submitted", "updated") and annotator not in paid
        entry = {
            "id": f"label_studio:{annotation}:{version}",
            "task": task,
            "annotation": annotation,
            "annotator": annotator,
            "value": value,
            "action": action,
            "key": copies.key_of(annotator, action) if action else keys[-1],
            "answered_at": at.isoformat(),
            "lead_seconds": lead,
            "prelabel": prelabel,
            "cost": None if costs else 0.0,
        }
        notes.append(entry)
        seen[annotation] = entry
        if action:
            last[annotator] = entry
        if costs:
            paid.add(annotator)

    for one in sorted(said, key=lambda one: (one.updated_at, one.annotation)):
        version = one.updated_at.strftime("%Y%m%dT%H%M%S.%f")
        before = seen.get(one.annotation)
        if before and before["id"].endswith(f":{version}"):
            continue
        current = last.get(one.annotator)
        answered = current is not None and current["action"] != "deleted"
        action: str | None = "skipped" if one.skipped else "updated" if answered else "submitted"
        # The server on SQLite may store one answer twice; and a touch that changes nothing is no answer.
        if answered and current is not None and _same(current, one):
            action = None
        lead, prelabel = one.lead_seconds, one.prelabel
        note(one.annotation, version, one.annotator, one.value, action, one.updated_at, lead, prelabel)
    for gone in [n for a, n in seen.items() if a not in there and not n["id"].endswith(":deleted")]:
        annotator = gone["annotator"]
        left = [one for one in said if one.annotator == annotator]
        if not left:
            current = last.get(annotator)
            # An answer that counts from a twin of the task stands, whatever becomes of this one.
            counts = current is not None and current["action"] != "deleted" and current["task"] == task
            action = "deleted" if counts else None
            note(gone["annotation"], "deleted", annotator, None, action, changed_at)
        elif last.get(annotator, gone)["annotation"] == gone["annotation"]:
            # The other answer of the same person counts again.
            one = max(left, key=lambda one: one.updated_at)
            action = None if _same(last[annotator], one) else "skipped" if one.skipped else "updated"
            lead, prelabel = one.lead_seconds, one.prelabel
            note(gone["annotation"], "deleted", annotator, one.value, action, changed_at, lead, prelabel)
    return notes


def answer_of(note: Note, url: str) -> Answer:
    """An event of the notes, as the campaign takes it; `url` is the project's page."""
    return Answer(
        id=note["id"],
        key=note["key"],
        annotator=note["annotator"],
        value=note["value"],
        action=note["action"],
        answered_at=datetime.fromisoformat(note["answered_at"]),
        lead_seconds=note["lead_seconds"],
        cost=note["cost"],
        prelabel=note.get("prelabel"),
        tool_ref=f"{url}/data?task={note['task']}",
    )


def _same(note: Note, one: Said) -> bool:
    return bool((note["action"] == "skipped") == one.skipped and note["value"] == one.value)
