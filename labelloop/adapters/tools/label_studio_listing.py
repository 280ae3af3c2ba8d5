"""Which tasks a project has: by their keys, and as far as polls must know, what has changed and what is gone.

No listing brings what people are shown: pictures travel inside tasks, and a list of thousands of them would
hold as many. Fields are named for tasks and what is in them alike, because the server applies one list of
names to both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from labelloop.adapters.tools.label_studio_config import KEY
from labelloop.adapters.tools.label_studio_keys import KnownItem
from labelloop.adapters.tools.label_studio_reading import BEGINNING
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.errors import ToolError, UnreachableError

LOOKUP = 150
"""Ids or keys in one query: it travels in the URL, of which proxies take 8 kB."""

MANY = 1500
"""Keys beyond which it is quicker to list all tasks: each query looks at every task of the project."""

LISTED = 2000
"""Tasks in one page where only a few fields of each are asked for."""

_COUNTS = "id,meta,overlap,total_annotations,cancelled_annotations"
_TASK = "id,meta,overlap,created_at,updated_at"
_ANSWERS = f"{_TASK},annotations,predictions,result,completed_by,was_cancelled,lead_time,parent_prediction"


def key_of(row: Mapping[str, Any]) -> str | None:
    """The opaque key that a task carries, if it does."""
    for field in ("meta", "data"):
        content = row.get(field)
        if isinstance(content, dict) and isinstance(content.get(KEY), str):
            return str(content[KEY])
    return None


def changed(
    server: Server, project: int, moment: datetime, answered: Mapping[int, datetime]
) -> Iterator[dict[str, Any]]:
    """Tasks that got or lost an answer after `moment`, with all that people said.

    Args:
        answered: when each task was seen to have its first answer.
    """
    recent = []
    if moment > BEGINNING:
        recent = [_filter("updated_at", "greater", "Datetime", _written(moment))]
    answers, no_answers = (_filter("total_annotations", how, "Number", 0) for how in ("greater", "equal"))
    skips, no_skips = (_filter("cancelled_annotations", how, "Number", 0) for how in ("greater", "equal"))
    queries = [[*recent, answers], [*recent, no_answers, skips]]
    # What lost its last answer looks like what was only just pushed, which may be very much: so of tasks that
    # are younger than `moment`, only those that had an answer are asked for.
    empty = [*recent, no_answers, no_skips]
    if any(at < moment for at in answered.values()):
        queries.append([*empty, _filter("created_at", "less", "Datetime", _written(moment))])
    young = sorted(task for task, at in answered.items() if at >= moment)
    queries += [[*empty, _filter("id", "in_list", "Number", chunk)] for chunk in _chunks(young)]
    seen: set[int] = set()
    for number, filters in enumerate(queries):
        wanted: dict[str, Any] = {"fields": "all", "include": _ANSWERS} if number < 2 else {"include": _TASK}
        for row in server.tasks(project, filters, **wanted):
            if row["id"] not in seen and (number < 2 or row["id"] in answered):
                seen.add(row["id"])
                yield row


def tasks_by_id(server: Server, project: int, ids: Iterable[int]) -> Iterator[dict[str, Any]]:
    """These tasks, as far as they are there, with all that people said."""
    for chunk in _chunks(sorted(ids)):
        filters = [_filter("id", "in_list", "Number", chunk)]
        yield from server.tasks(project, filters, fields="all", include=_ANSWERS)


def tasks_by_key(server: Server, project: int, keys: Collection[str]) -> Iterator[dict[str, Any]]:
    """Tasks with these opaque keys, as `all_tasks` tells them; where keys are many there are others too."""
    if len(keys) > MANY:
        yield from all_tasks(server, project)
        return
    for chunk in _chunks(sorted(keys)):
        filters = [_filter(f"data.{KEY}", "in_list", "String", chunk)]
        yield from server.tasks(project, filters, include=_COUNTS)


def all_tasks(server: Server, project: int) -> Iterator[dict[str, Any]]:
    """Every task with its key and how many have answered or skipped it."""
    return server.tasks(project, [], page_size=LISTED, include=_COUNTS)


def missing(
    server: Server, project: int, items: Mapping[str, KnownItem], there: int, before: Any
) -> dict[str, Any]:
    """Digests of items of open rounds whose tasks are gone, looked for only when tasks are too few.

    Args:
        there: tasks in the project.
        before: what this returned at the last poll.

    Raises:
        UnreachableError: the listing is short of tasks that the project has.
    """
    pushed = sum(item.task is not None for item in items.values())
    wanted = {item.task: digest for digest, item in items.items() if item.is_open and item.task is not None}
    state = {"there": there, "pushed": pushed, "open": len(wanted)}
    if there >= pushed or not wanted:
        return state | {"items": []}
    if isinstance(before, dict) and {name: before.get(name) for name in state} == state:
        return before
    found: set[int] = set()
    for chunk in _chunks(sorted(wanted)):
        rows = server.tasks(project, [_filter("id", "in_list", "Number", chunk)], include="id")
        found |= {row["id"] for row in rows}
    # A receipt may name a task that was there twice and of which the other was kept.
    lost = {digest for task, digest in wanted.items() if task not in found}
    lost -= {str(key_of(row)) for row in tasks_by_key(server, project, lost)}
    if lost:
        _check_listing(server, project, there)
    return state | {"items": sorted(lost)}


def count(server: Server, project: int) -> int:
    """Tasks in the project."""
    content = server.get("/api/tasks/", project=project, page=1, page_size=1, include="id")
    total = content.get("total") if isinstance(content, dict) else None
    if not isinstance(total, int):
        raise ToolError(f"{server.url} answers a listing of tasks with something else; is it a Label Studio "
                        "server, version 1.20 or later?")  # fmt: skip
    return total


def _check_listing(server: Server, project: int, there: int) -> None:
    """Refuse a listing that is short of tasks: what is gone closes rounds, and that cannot be taken back."""
    content = server.get(f"/api/projects/{project}/")
    told = content.get("task_number") if isinstance(content, dict) else None
    if not isinstance(told, int) or told > there:
        raise UnreachableError(
            f"Label Studio at {server.url} lists {there} tasks of project {project}, which itself says "
            f"{told if isinstance(told, int) else 'no number'}; look at the server's log and run it again"
        )


def annotations_of(row: Mapping[str, Any]) -> list[Any]:
    """What people said about a task, unread."""
    found = row.get("annotations")
    return found if isinstance(found, list) else []


def _filter(column: str, operator: str, kind: str, value: object) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), LOOKUP):
        yield values[start : start + LOOKUP]


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
