"""Label Studio's annotations, read with suspicion: what is no answer is refused with a reason.

Times are the server's own. One that lies after its clock, or a day before the task itself, was not made by
an annotator at work, and is refused: a date in the future would close rounds before their time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from labelloop.adapters.tools.base import Refusal
from labelloop.adapters.tools.label_studio_config import CONTROL
from labelloop.adapters.tools.times import read_time
from labelloop.errors import written_down

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any annotation."""

AHEAD = timedelta(minutes=5)
"""How far a time may lie after the server's clock: several machines may keep it."""

BEHIND = timedelta(days=1)
"""How far an answer may lie before its task: the server's clock may have been put right in between."""

LONGEST_LEAD = timedelta(days=365).total_seconds()
"""Seconds from which on a lead time is none; NaN is not below it either."""

LARGEST_ID = 2**63 - 1


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
    prelabel: str | None = None
    """The prediction that the annotator started from."""


@dataclass(frozen=True)
class Context:
    """What must be known to read the annotations of a task."""

    task: int
    annotators: Mapping[int, str]
    """Names by account."""
    created_at: datetime
    """When the task was made."""
    clock: datetime
    """The server's."""
    known: Mapping[int, str] = field(default_factory=dict)
    """Who made the annotations that were seen before: an account may be removed."""
    predictions: Mapping[int, str] = field(default_factory=dict)
    """The task's predictions, as far as they can be read."""


def context_of(
    row: Mapping[str, Any], annotators: Mapping[int, str], known: Mapping[int, str], clock: datetime
) -> Context:
    """What must be known to read a task's annotations; nothing in `row` makes this raise."""
    try:
        created_at = _time(row.get("created_at"), "created_at")
    except ValueError:
        created_at = BEGINNING
    predictions = row.get("predictions")
    values = {}
    for one in predictions if isinstance(predictions, list) else []:
        try:
            values[_integer(one.get("id"), "id")] = str(_value(one.get("result")))
        except (AttributeError, ValueError, RecursionError):
            continue
    return Context(int(row["id"]), annotators, max(created_at, BEGINNING), clock, known, values)


def read_annotation(content: object, context: Context) -> Said | Refusal:
    """One annotation of a listing; nothing in it makes this raise."""
    where = f"Label Studio, task {context.task}"
    try:
        if not isinstance(content, dict):
            raise ValueError(f"an annotation must be an object, not {type(content).__name__}")
        annotation = _integer(content.get("id"), "id")
        where = f"{where}, annotation {annotation}"
        created_at = _time(content.get("created_at"), "created_at")
        updated_at = max(created_at, _time(content.get("updated_at"), "updated_at"))
        for time in (created_at, updated_at):
            if not context.created_at - BEHIND <= time <= context.clock + AHEAD:
                raise ValueError(f"it is dated {time.isoformat()}, but its task was made at "
                                 f"{context.created_at.isoformat()} and the server's clock says "
                                 f"{context.clock.isoformat()}")  # fmt: skip
        skipped = content.get("was_cancelled", False)
        if not isinstance(skipped, bool):
            raise ValueError(f"was_cancelled is {written_down(skipped)}, neither true nor false")
        value = None if skipped else _value(content.get("result"))
        return Said(
            annotation,
            _annotator(content.get("completed_by"), annotation, context),
            value,
            skipped,
            created_at,
            updated_at,
            _lead(content.get("lead_time")),
            _prelabel(content.get("parent_prediction"), context),
        )
    except (ValueError, OverflowError, RecursionError) as error:
        return Refusal(where, str(error)[:300], _shortened(content))


def account_of(content: Mapping[str, Any]) -> int | None:
    """Whose annotation it is; None where that cannot be read."""
    who = content.get("completed_by")
    if isinstance(who, dict):
        who = who.get("id")
    return who if isinstance(who, int) else None


def is_to_come(content: Mapping[str, Any], clock: datetime) -> bool:
    """Whether an annotation is refused for now only because it is dated in the future."""
    try:
        times = [_time(content.get(name), name) for name in ("created_at", "updated_at")]
    except ValueError:
        return False
    return max(times) > clock + AHEAD


def _annotator(who: object, annotation: int, context: Context) -> str:
    if isinstance(who, dict):
        who = who.get("id")
    if who is None and annotation in context.known:
        return context.known[annotation]
    account = _integer(who, "completed_by")
    return context.annotators.get(account) or context.known.get(annotation) or f"account {account}"


def _prelabel(parent: object, context: Context) -> str | None:
    """The prediction that the page had preselected; the server notes which one an annotation began with."""
    if isinstance(parent, bool) or not isinstance(parent, int):
        return None
    return context.predictions.get(parent)


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


def annotator_names(users: object) -> dict[int, str]:
    """Account names by id: the e-mail address, which is what people log in with."""
    names = {}
    for user in users if isinstance(users, list) else []:
        if isinstance(user, dict) and isinstance(user.get("id"), int):
            name = user.get("email") or user.get("username")
            if isinstance(name, str) and name.strip() and name.isprintable() and len(name) <= 200:
                names[user["id"]] = name
    return names


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID:
        raise ValueError(f"{name} is {written_down(value)}, not a number that the server gives")
    return value


def _time(value: object, name: str) -> datetime:
    time = read_time(value)
    if time is None:
        raise ValueError(f"{name} is {written_down(value)}, not a time")
    return time


def _lead(value: object) -> float | None:
    """Seconds, where they make sense; an answer is not refused for its lead time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < LONGEST_LEAD else None


def _shortened(content: object) -> str:
    try:
        text = json.dumps(content, ensure_ascii=True, default=repr)
    except (ValueError, RecursionError):
        text = f"a {type(content).__name__} that cannot be written down"
    return text[:500]
