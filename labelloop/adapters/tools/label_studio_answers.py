"""Label Studio's annotations as answers: read with suspicion, and turned into events.

The server keeps only what an annotation is now. What polls have seen is noted, one line an event, so that
an edit or a deletion is a further event and nothing is overwritten. Should the notes be lost, they are made
anew from the server: what was not edited since keeps its id.

One task is one item; as many people answer it as it has copies. The k-th person to answer has answered the
k-th copy; more people than copies are welcome and count for the last one. A person's first answer to an
item costs money, skips and corrections do not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labelloop.adapters.tools.base import Answer, Refusal
from labelloop.adapters.tools.label_studio_config import CONTROL

Note = dict[str, Any]
"""An event as it is kept: JSON-like, with `answered_at` and `seen_at` as ISO times."""


@dataclass(frozen=True)
class Said:
    """An annotation that could be read."""

    annotation: int
    annotator: str
    value: object
    """The class's name, or whatever else was sent; None for a skip."""
    skipped: bool
    created_at: datetime
    updated_at: datetime
    lead_seconds: float | None


def read_annotation(content: object, annotators: Mapping[int, str], task: int) -> Said | Refusal:
    """One annotation of a listing; nothing in it makes this raise.

    Args:
        annotators: names by account.
        task: the task's id, for messages.
    """
    where = f"Label Studio, task {task}"
    try:
        if not isinstance(content, dict):
            raise ValueError(f"an annotation must be an object, not {type(content).__name__}")
        annotation = _integer(content.get("id"), "id")
        where = f"{where}, annotation {annotation}"
        who = content.get("completed_by")
        account = _integer(who.get("id") if isinstance(who, dict) else who, "completed_by")
        created_at = _time(content.get("created_at"), "created_at")
        updated_at = max(created_at, _time(content.get("updated_at"), "updated_at"))
        skipped = content.get("was_cancelled", False)
        if not isinstance(skipped, bool):
            raise ValueError(f"was_cancelled is {skipped!r:.100}, neither true nor false")
        value = None if skipped else _value(content.get("result"))
        name = annotators.get(account, f"account {account}")
        return Said(annotation, name, value, skipped, created_at, updated_at, _lead(content.get("lead_time")))
    except (ValueError, OverflowError, RecursionError) as error:
        return Refusal(where, str(error), _shortened(content))


def _value(result: object) -> object:
    """The one choice; anything else as it came, for the label type to refuse."""
    if not isinstance(result, list):
        raise ValueError(f"result must be a list, not {type(result).__name__}")
    regions = [r for r in result if isinstance(r, dict) and r.get("from_name") == CONTROL]
    if len(regions) != 1:
        raise ValueError(f"it has {len(regions)} results of the control '{CONTROL}' instead of one")
    value = regions[0].get("value")
    choices = value.get("choices") if isinstance(value, dict) else None
    if not (isinstance(choices, list) and len(choices) == 1 and isinstance(choices[0], str)):
        raise ValueError("its value is not {'choices': [<one class>]}")
    choices[0].encode()  # a lone surrogate is a ValueError
    return choices[0]


def new_notes(
    known: Sequence[Note],
    said: Sequence[Said],
    *,
    task: int,
    keys: Sequence[str],
    changed_at: datetime,
) -> list[Note]:
    """Notes of what an item's annotations say and the notes `known` of that item do not.

    Args:
        known: notes of the item, in order.
        said: what the task has now, in any order; all of it.
        task: the task's id.
        keys: the key of each copy.
        changed_at: when the task changed last, which is when an annotation that is gone went.

    Returns:
        Notes without `seen_at`; those with `action` None are no events, but keep a repeat from becoming one.
    """
    notes: list[Note] = []
    people = list(dict.fromkeys(n["annotator"] for n in known if n["action"]))
    last = {n["annotator"]: n for n in known if n["action"]}
    paid = {n["annotator"] for n in known if n["action"] in ("submitted", "updated")}
    seen = {n["annotation"]: n for n in known if n["task"] == task}

    def note(annotation: int, version: str, annotator: str, value: object, action: str | None, at: datetime,
             lead: float | None = None) -> None:  # fmt: skip
        if action and annotator not in people:
            people.append(annotator)
        costs = action in ("submitted", "updated") and annotator not in paid
        entry = {
            "id": f"label_studio:{annotation}:{version}",
            "task": task,
            "annotation": annotation,
            "annotator": annotator,
            "value": value,
            "action": action,
            "key": keys[min(people.index(annotator), len(keys) - 1)] if annotator in people else keys[-1],
            "answered_at": at.isoformat(),
            "lead_seconds": lead,
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
        note(one.annotation, version, one.annotator, one.value, action, one.updated_at, one.lead_seconds)
    there = {one.annotation for one in said}
    for gone in [n for a, n in seen.items() if a not in there and not n["id"].endswith(":deleted")]:
        annotator = gone["annotator"]
        left = [one for one in said if one.annotator == annotator]
        if not left:
            current = last.get(annotator)
            action = "deleted" if current is not None and current["action"] != "deleted" else None
            note(gone["annotation"], "deleted", annotator, None, action, changed_at)
        elif last.get(annotator, gone)["annotation"] == gone["annotation"]:
            # The other answer of the same person counts again.
            one = max(left, key=lambda one: one.updated_at)
            action = None if _same(last[annotator], one) else "skipped" if one.skipped else "updated"
            note(gone["annotation"], "deleted", annotator, one.value, action, changed_at)
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
        tool_ref=f"{url}/data?task={note['task']}",
    )


def annotator_names(users: object) -> dict[int, str]:
    """Account names by id: the e-mail address, which is what people log in with."""
    names = {}
    for user in users if isinstance(users, list) else []:
        if isinstance(user, dict) and isinstance(user.get("id"), int):
            name = user.get("email") or user.get("username")
            if isinstance(name, str) and name.isprintable() and len(name) <= 200:
                names[user["id"]] = name
    return names


def _same(note: Note, one: Said) -> bool:
    return bool((note["action"] == "skipped") == one.skipped and note["value"] == one.value)


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r:.100}, not a number")
    return value


def _time(value: object, name: str) -> datetime:
    try:
        if not isinstance(value, str):
            raise ValueError
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} is {value!r:.100}, not a time") from None


def _lead(value: object) -> float | None:
    """Seconds, where they make sense; an answer is not refused for its lead time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < timedelta(days=365).total_seconds() else None


def _shortened(content: object) -> str:
    try:
        text = json.dumps(content, ensure_ascii=True, default=repr)
    except (ValueError, RecursionError):
        text = f"a {type(content).__name__} that cannot be written down"
    return text[:500]
