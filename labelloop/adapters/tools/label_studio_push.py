"""Tasks onto the server, each exactly once: whatever is in doubt is looked up before it is sent again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labelloop.adapters.tools.label_studio_server import LostReplyError, Server
from labelloop.errors import ToolError


@dataclass(frozen=True)
class OnServer:
    """A task that the server has."""

    id: int
    overlap: int
    """How many different people it is dealt to."""
    answers: int
    """Answers and skips."""
    pushed_at: str | None
    """When it was pushed, by the server's clock."""


Find = Callable[[Sequence[str]], dict[str, OnServer]]
"""The tasks that are there, by opaque key."""

LARGEST = 50_000_000
"""Bytes in one import; the server answers 500 beyond 250 MB."""

MOST = 1000
"""Tasks in one import."""

_WAITS = (1.0, 2.0, 5.0, 10.0)
"""Seconds after a lost reply before looking: the server goes on with an import nobody waits for."""

_IMPORT_CHECKS = 600
"""Seconds that an import which the server does on its own time may take."""


def push_items(
    server: Server,
    project: Mapping[str, Any],
    data: Mapping[str, dict[str, object]],
    copies: Mapping[str, int],
    there: Mapping[str, OnServer],
    *,
    pushed_at: str,
    find: Find,
    sleep: Callable[[float], None],
) -> dict[str, OnServer]:
    """Make every item's task, with as many annotators as it has copies.

    Args:
        project: as the server tells it; new tasks get its `maximum_annotations`.
        data: what each task carries, by opaque key, in order.
        copies: different annotators of each.
        there: tasks that are known to be on the server.
        pushed_at: the server's time; tasks carry it where annotators are not shown it.
        find: looks keys up.

    Returns:
        The server's task of every key.

    Raises:
        ToolError: some may have arrived.
    """
    number, overlap = int(project["id"]), int(project["maximum_annotations"])
    tasks = dict(there)
    for chunk in _chunks([key for key in data if key not in there], data):
        content = {key: {"data": data[key], "meta": {"pushed_at": pushed_at}} for key in chunk}
        ids, found = _import(server, number, content, find, sleep)
        tasks |= found | {key: OnServer(i, overlap, 0, pushed_at) for key, i in ids.items()}
    for key in data:
        task = tasks[key]
        # Only ever up for a task of an earlier call, which may have asked for more copies of the item.
        new = key not in there
        if copies[key] > task.overlap or (new and copies[key] < task.overlap):
            change: dict[str, Any] = {"overlap": copies[key]}
            if task.answers < copies[key]:
                change["is_labeled"] = False  # or else it would not be dealt out again
            server.patch(f"/api/tasks/{task.id}/", change)
    return {key: tasks[key] for key in data}


def remove_repeats(server: Server, project: int, tasks: Sequence[tuple[str, OnServer]]) -> None:
    """Delete tasks that nobody has answered and whose key an older task has."""
    first: dict[str, int] = {}
    for key, task in tasks:
        first[key] = min(task.id, first.get(key, task.id))
    extra = [task.id for key, task in tasks if task.id != first[key] and not task.answers]
    if extra:
        body = {"project": str(project), "selectedItems": {"all": False, "included": extra}}
        server.post("/api/dm/actions/", body, repeatable=True, id="delete_tasks", project=project)


def _import(
    server: Server,
    project: int,
    content: Mapping[str, dict[str, object]],
    find: Find,
    sleep: Callable[[float], None],
) -> tuple[dict[str, int], dict[str, OnServer]]:
    """New ids by key, and tasks that turned out to be there."""
    found: dict[str, OnServer] = {}
    for wait in (*_WAITS, None):
        missing = [key for key in content if key not in found]
        try:
            ids = _import_once(server, project, [content[key] for key in missing], sleep)
        except LostReplyError:
            if wait is None:
                raise
            sleep(wait)
            found = find(list(content))
            if len(found) == len(content):
                break
        else:
            if len(ids) == len(missing):
                return dict(zip(missing, ids, strict=True)), found
            found = find(list(content))  # it was done on the server's own time, or it tells no ids
            if len(found) < len(content):
                raise ToolError(f"Label Studio took {len(missing)} tasks, but {len(content) - len(found)} of "
                                "them are not there; look at the server's log and run it again")  # fmt: skip
            break
    return {}, found


def _import_once(
    server: Server, project: int, tasks: list[dict[str, object]], sleep: Callable[[float], None]
) -> list[int]:
    """Ids of the new tasks, in order; empty where the server does not tell."""
    path = f"/api/projects/{project}/import"
    reply = server.post(path, tasks, return_task_ids="true")
    if isinstance(reply, dict) and "import" in reply:
        # Editions other than the open one import on their own time, as their documentation says.
        for _ in range(_IMPORT_CHECKS):
            state = server.get(f"/api/projects/{project}/imports/{int(reply['import'])}")
            if state.get("status") == "completed":
                return []
            if state.get("status") == "failed":
                raise ToolError(f"Label Studio could not import tasks: {str(state.get('error'))[:300]}")
            sleep(1.0)
        raise LostReplyError("Label Studio did not finish an import within ten minutes; run it again")
    ids = reply.get("task_ids") if isinstance(reply, dict) else None
    return [int(i) for i in ids] if isinstance(ids, list) else []


def _chunks(keys: list[str], data: Mapping[str, dict[str, object]]) -> Iterator[list[str]]:
    chunk: list[str] = []
    size = 0
    for key in keys:
        length = len(json.dumps(data[key]))
        if chunk and (len(chunk) == MOST or size + length > LARGEST):
            yield chunk
            chunk, size = [], 0
        chunk.append(key)
        size += length
    if chunk:
        yield chunk
