"""What people did in Label Studio since the last poll, at the cost of what is new.

The server tells which tasks have changed, not what has: their annotations are compared with notes of what
polls have seen (see label_studio_answers.py). Kept beside the notes, and lost without harm: when the last
poll was, how far it had seen, names of accounts, and which tasks somebody has deleted.

How far it had seen is a time that the server wrote into a task, never one of a reply's date alone: that may
be a proxy's, and ahead of the clock by which tasks are dated. Where the server's clock was set back since,
new changes are dated before what was seen, so everything is read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Answer, Poll, Refusal
from labelloop.adapters.tools.label_studio_answers import Note, answer_of, new_notes
from labelloop.adapters.tools.label_studio_config import KEY
from labelloop.adapters.tools.label_studio_keys import KnownItem, KnownKeys
from labelloop.adapters.tools.label_studio_reading import (
    BEGINNING,
    Said,
    annotator_names,
    context_of,
    read_annotation,
)
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.adapters.tools.lines import append_lines
from labelloop.errors import ToolError

REREAD = timedelta(seconds=60)
"""How far before the newest change that was seen polls look, and for how long after they saw it: what was
being written then shows up later."""

SLACK = timedelta(seconds=30)
"""How much less time than ours the server's clock may count between polls; `REREAD` makes up for that."""

LOOKUP = 200
"""Ids in one query: it travels in the URL."""

MOST_COPIES = 100
"""Of an item whose receipts are lost: somebody may have set any overlap."""

_TICK = timedelta(microseconds=1)


def poll_answers(
    server: Server, project: int, folder: Path, known_keys: KnownKeys, since: datetime | None
) -> Poll:
    """What happened after `since`, and what older things were seen only after it.

    Args:
        folder: where polls keep what they saw, one folder a project below.
        since: None means from the beginning.
    """
    folder = folder / f"project-{project}"
    before = _read(folder / "polled.json")
    notes = files.read_lines(folder / "answers.jsonl")
    items = known_keys.items()
    there = _count(server, project)
    began = server.clock or datetime.now(UTC)
    names = _Names(server, folder / "accounts.json", notes)
    steady = monotonic()
    seen = None if _went_back(before, began, steady) else _time(before.get("newest"))
    first_seen = before.get("first_seen")
    if not isinstance(first_seen, float) or first_seen > steady:
        first_seen = steady
    moment = BEGINNING if seen is None else seen
    if seen is not None and steady - first_seen < REREAD.total_seconds():
        moment -= REREAD
    rows = list(_changed(server, project, moment, notes))
    new, refusals = _read_news(rows, notes, items, names, began)
    newest = _newest(rows, seen, began)
    missing = _missing(server, project, items, there, before.get("missing"))
    told = _time(before.get("now"))
    now = max([began, *([told] if told else []), *(_at(note) for note in new)])
    if new and told and now <= told:
        now = told + _TICK
    for note in new:
        note["seen_at"] = now.isoformat()
    append_lines(folder / "answers.jsonl", new)
    polled = {
        "began": began.isoformat(),
        "steady": steady,
        "newest": newest and newest.isoformat(),
        "first_seen": first_seen if newest == seen else steady,
        "now": now.isoformat(),
        "missing": missing,
    }
    files.write_json(folder / "polled.json", polled)
    url = f"{server.url}/projects/{project}"
    answers = [answer_of(n, url) for n in [*notes, *new] if n["action"] and _is_after(n, since)]
    gone = [key for digest in missing["items"] if digest in items for key in _keys_of(items[digest], 1)]
    return Poll(sorted(answers, key=_order), now, refusals, gone)


class _Names:
    """Who annotators are. A name once known is kept: an account may be removed, its votes stay."""

    def __init__(self, server: Server, path: Path, notes: Sequence[Note]) -> None:
        self._server, self._path = server, path
        self.by_account = {int(k): str(v) for k, v in _read(path).items() if k.isdigit()}
        self.by_annotation = {note["annotation"]: note["annotator"] for note in notes}

    def learn(self, annotations: Iterable[Any]) -> None:
        """Ask for the accounts, if somebody is unknown."""
        accounts = {one.get("completed_by") for one in annotations if isinstance(one, dict)
                    and isinstance(one.get("completed_by"), int)}  # fmt: skip
        if accounts - set(self.by_account):
            self.by_account = annotator_names(self._server.get("/api/users/")) | self.by_account
            files.write_json(self._path, {str(account): name for account, name in self.by_account.items()})


def _went_back(before: Mapping[str, Any], clock: datetime, steady: float) -> bool:
    """Whether the server's clock was set back since the last poll.

    Args:
        before: what the last poll left; empty before the first.
        clock: the server's.
        steady: seconds of this machine's clock that nobody can set; it begins anew when the machine does,
            which is no sign of anything.
    """
    last, then = _time(before.get("began")), before.get("steady")
    if last is None:
        return False
    passed = timedelta(seconds=max(0.0, steady - then)) if isinstance(then, float) else timedelta()
    return clock < last or clock - last < passed - SLACK


def _newest(rows: Sequence[Mapping[str, Any]], seen: datetime | None, clock: datetime) -> datetime | None:
    """The time of the newest change that was seen, this time or before, but none that is still to come."""
    times = [seen, *(_time(row.get("updated_at")) for row in rows)]
    return max((min(at, clock) for at in times if at is not None), default=None)


def _read_news(
    rows: Sequence[dict[str, Any]],
    notes: list[Note],
    items: Mapping[str, KnownItem],
    names: _Names,
    clock: datetime,
) -> tuple[list[Note], list[Refusal]]:
    known: dict[str, list[Note]] = {}
    for note in notes:
        known.setdefault(note["key"].rpartition("/")[0], []).append(note)
    new: list[Note] = []
    refusals: list[Refusal] = []
    names.learn(one for row in rows for one in _annotations(row))
    for row in rows:
        annotations = _annotations(row)
        context = context_of(row, names.by_account, names.by_annotation, clock)
        read = [read_annotation(content, context) for content in annotations]
        said = [one for one in read if isinstance(one, Said)]
        refusals += [one for one in read if isinstance(one, Refusal)]
        data = row.get("data")
        item = items.get(str(data.get(KEY) if isinstance(data, dict) else None))
        if item is None:
            refusals += [
                Refusal(f"Label Studio, task {row['id']}, annotation {one.annotation}",
                        f"its {KEY} is none of this campaign's", one.value)
                for one in said
            ]  # fmt: skip
            continue
        copies = _keys_of(item, row.get("overlap"))
        item_notes = known.setdefault(copies[0].rpartition("/")[0], [])
        changed_at = _time(row.get("updated_at")) or clock
        fresh = new_notes(
            item_notes,
            said,
            task=row["id"],
            keys=copies,
            there={one["id"] for one in annotations if isinstance(one, dict) and _is_id(one.get("id"))},
            changed_at=max(BEGINNING, min(changed_at, clock)),
        )
        item_notes += fresh
        new += fresh
    return new, refusals


def _changed(
    server: Server, project: int, moment: datetime, notes: Sequence[Note]
) -> Iterator[dict[str, Any]]:
    """Tasks that got or lost an answer after `moment`, with all in them."""
    recent = []
    if moment > BEGINNING:
        recent = [_filter("updated_at", "greater", "Datetime", _written(moment))]
    answers, no_answers = (_filter("total_annotations", how, "Number", 0) for how in ("greater", "equal"))
    skips, no_skips = (_filter("cancelled_annotations", how, "Number", 0) for how in ("greater", "equal"))
    queries = [[*recent, answers], [*recent, no_answers, skips]]
    # What lost its last answer looks like what was only just pushed, which may be very much: so of tasks that
    # are younger than `moment`, only those that had an answer are asked for.
    first: dict[int, datetime] = {}
    for note in notes:
        first[note["task"]] = min(_at(note), first.get(note["task"], _at(note)))
    empty = [*recent, no_answers, no_skips]
    if any(at < moment for at in first.values()):
        queries.append([*empty, _filter("created_at", "less", "Datetime", _written(moment))])
    young = sorted(task for task, at in first.items() if at >= moment)
    queries += [[*empty, _filter("id", "in_list", "Number", chunk)] for chunk in _chunks(young)]
    seen: set[int] = set()
    for number, filters in enumerate(queries):
        few = {"include": "id,data,overlap,created_at,updated_at"}
        wanted: dict[str, Any] = {"fields": "all"} if number < 2 else few
        for row in server.tasks(project, filters, **wanted):
            if _is_id(row.get("id")) and row["id"] not in seen and (number < 2 or row["id"] in first):
                seen.add(row["id"])
                yield row


def _missing(
    server: Server, project: int, items: Mapping[str, KnownItem], there: int, before: Any
) -> dict[str, Any]:
    """Digests of items of open rounds whose tasks are gone, looked for only when tasks are too few.

    Args:
        there: tasks in the project.
        before: what this returned at the last poll.
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
        found |= {row["id"] for row in rows if _is_id(row.get("id"))}
    return state | {"items": sorted(digest for task, digest in wanted.items() if task not in found)}


def _count(server: Server, project: int) -> int:
    """Tasks in the project."""
    content = server.get("/api/tasks/", project=project, page=1, page_size=1, include="id")
    total = content.get("total") if isinstance(content, dict) else None
    if not isinstance(total, int):
        raise ToolError(f"{server.url} answers a listing of tasks with something else; is it a Label Studio "
                        "server, version 1.20 or later?")  # fmt: skip
    return total


def _keys_of(item: KnownItem, overlap: object) -> list[str]:
    """The keys of an item's copies."""
    copies = item.copies
    if not copies:
        copies = max(1, min(overlap, MOST_COPIES)) if isinstance(overlap, int) else 1
    start = item.text.removesuffix("/0")
    return [f"{start}/{copy}" for copy in range(copies)]


def _annotations(row: Mapping[str, Any]) -> list[Any]:
    found = row.get("annotations")
    return found if isinstance(found, list) else []


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _filter(column: str, operator: str, kind: str, value: object) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), LOOKUP):
        yield ids[start : start + LOOKUP]


def _read(path: Path) -> dict[str, Any]:
    content = files.read_json(path) if path.exists() else {}
    return content if isinstance(content, dict) else {}


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if time is None else (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _at(note: Note) -> datetime:
    return datetime.fromisoformat(note["answered_at"])


def _is_after(note: Note, since: datetime | None) -> bool:
    return since is None or _at(note) > since or datetime.fromisoformat(note["seen_at"]) > since


def _order(answer: Answer) -> tuple[datetime, str]:
    return answer.answered_at, answer.id
