"""Tasks onto the server, each exactly once: whatever is in doubt is looked up before it is sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labelloop.adapters.tools.label_studio_server import LostReplyError, Server
from labelloop.adapters.tools.label_studio_twins import delete_unanswered
from labelloop.ahead import ahead
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
    skips: int = 0


Find = Callable[[Sequence[str]], dict[str, OnServer]]
"""The tasks that are there, by opaque key."""

LARGEST = 50_000_000
"""Bytes in one import; the server answers 500 beyond 250 MB."""

MOST = 2000
"""Tasks in one import."""

TRIES = 4
"""How often an import is sent whose reply is lost each time and which does not arrive."""

_LOOKS = (1.0, 2.0, 5.0)
"""Seconds before each look after a lost reply: the server goes on with an import nobody waits for."""

_IMPORT_CHECKS = 600
"""Seconds that an import which the server does on its own time may take."""


def import_tasks(
    server: Server,
    project: int,
    overlap: int,
    keys: Sequence[str],
    content_of: Callable[[str], bytes],
    *,
    pushed_at: str,
    find: Find,
    sleep: Callable[[float], None],
) -> tuple[dict[str, OnServer], bool]:
    """Make a task of every key, in order; while the server takes some, the next are made ready.

    Args:
        overlap: the project's, which new tasks get.
        keys: opaque keys, none of which is known to be there.
        content_of: what a task carries, as JSON; asked for a few at a time, since pictures take memory, and
            from another thread.
        pushed_at: the server's time, which `content_of` writes into each task.
        find: looks keys up.

    Returns:
        The server's task of every key; and whether one may have arrived twice, because something was sent
        again that did not show up for a while.

    Raises:
        ToolError: some may have arrived.
    """
    tasks: dict[str, OnServer] = {}
    again = False
    for content in ahead(_chunks(keys, content_of)):
        ids, found, tries = _import(server, project, content, find, sleep)
        tasks |= found | {key: OnServer(i, overlap, 0, pushed_at) for key, i in ids.items()}
        again = again or tries > 1
    return tasks, again


def wanted_overlap(task: OnServer, copies: int) -> int:
    """The overlap that a task should have: never less than the answers that people have given already."""
    return copies if task.overlap < copies else max(copies, min(task.overlap, task.answers - task.skips))


def settle_overlaps(server: Server, tasks: Mapping[str, OnServer], copies: Mapping[str, int]) -> None:
    """Let every task be dealt to as many people as it has copies; a request for each that differs.

    The import knows no overlap of its own, and the project's cannot be changed for it: the server would
    change the tasks that are there along with it.
    """
    for key, task in tasks.items():
        overlap = wanted_overlap(task, copies[key])
        if overlap != task.overlap:
            # Or else it would be dealt out no more, or still be dealt out.
            change = {"overlap": overlap, "is_labeled": task.answers - task.skips >= overlap}
            server.patch(f"/api/tasks/{task.id}/", change)


def remove_repeats(server: Server, project: int, tasks: Sequence[tuple[str, OnServer]]) -> None:
    """Delete tasks that nobody has answered and whose key an older task has."""
    first: dict[str, int] = {}
    for key, task in tasks:
        first[key] = min(task.id, first.get(key, task.id))
    extra = [task.id for key, task in tasks if task.id != first[key] and not task.answers]
    delete_unanswered(server, project, extra)


def _import(
    server: Server,
    project: int,
    content: Mapping[str, bytes],
    find: Find,
    sleep: Callable[[float], None],
) -> tuple[dict[str, int], dict[str, OnServer], int]:
    """New ids by key, tasks that turned out to be there, and how often something was sent."""
    found: dict[str, OnServer] = {}
    tries = 0
    while True:
        tries += 1
        missing = [key for key in content if key not in found]
        try:
            ids = _import_once(server, project, [content[key] for key in missing], sleep)
        except LostReplyError:
            for wait in _LOOKS:
                sleep(wait)
                found = find(list(content))
                if len(found) == len(content):
                    return {}, found, tries
            if tries == TRIES:
                raise
            continue
        if len(ids) == len(missing):
            return dict(zip(missing, ids, strict=True)), found, tries
        found = find(list(content))  # it was done on the server's own time, or it tells no ids
        if len(found) < len(content):
            raise ToolError(f"Label Studio took {len(missing)} tasks, but {len(content) - len(found)} of "
                            "them are not there; look at the server's log and run it again")  # fmt: skip
        return {}, found, tries


def _import_once(
    server: Server, project: int, tasks: Sequence[bytes], sleep: Callable[[float], None]
) -> list[int]:
    """Ids of the new tasks, in order; empty where the server does not tell."""
    body = b"[" + b",".join(tasks) + b"]"
    reply = server.post(f"/api/projects/{project}/import", body, return_task_ids="true")
    if isinstance(reply, dict) and "import" in reply:
        number = reply["import"]
        if not _is_number(number):
            raise ToolError(f"Label Studio took an import, but its number is {str(number)[:100]!r}, which is "
                            "none; run it again, and what has arrived is found")  # fmt: skip
        _wait_for_import(server, f"/api/projects/{project}/imports/{number}", sleep)
        return []
    ids = reply.get("task_ids") if isinstance(reply, dict) else None
    return ids if isinstance(ids, list) and all(_is_number(one) for one in ids) else []


def _is_number(content: object) -> bool:
    return isinstance(content, int) and not isinstance(content, bool)


def _wait_for_import(server: Server, path: str, sleep: Callable[[float], None]) -> None:
    """Wait as the documentation of the editions says that import on their own time; the open one does not.

    Raises:
        ToolError: it failed, or nobody can tell; the import must not be sent again before another look.
    """
    try:
        for _ in range(_IMPORT_CHECKS):
            state = server.get(path)
            if not isinstance(state, dict):
                raise ToolError("Label Studio took an import, but says of it only "
                                f"{str(state)[:100]!r}; run it again, and what has arrived is "
                                "found")  # fmt: skip
            if state.get("status") == "completed":
                return
            if state.get("status") == "failed":
                raise ToolError(f"Label Studio could not import tasks: {str(state.get('error'))[:300]}")
            sleep(1.0)
    except LostReplyError as error:
        raise ToolError(
            f"Label Studio took an import, but does not tell what became of it: {error}"
        ) from None
    raise ToolError("Label Studio did not finish an import within ten minutes; run it again")


def _chunks(keys: Sequence[str], content_of: Callable[[str], bytes]) -> Iterator[dict[str, bytes]]:
    chunk: dict[str, bytes] = {}
    size = 0
    for key in keys:
        content = content_of(key)
        if chunk and (len(chunk) == MOST or size + len(content) > LARGEST):
            yield chunk
            chunk, size = {}, 0
        chunk[key] = content
        size += len(content)
    if chunk:
        yield chunk
