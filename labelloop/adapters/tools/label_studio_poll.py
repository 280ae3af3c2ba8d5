"""What people did in Label Studio since the last poll, at the cost of what is new.

The server tells which tasks have changed, not what has: their annotations are compared with notes of what
polls have seen (see label_studio_answers.py). Kept beside the notes, and lost without harm: when the last
poll was, how far it had seen, names of accounts, which tasks somebody has deleted, which are there twice, and
which wait for people who do not exist.

How far it had seen is a time that the server wrote into a task, never one of a reply's date alone: that may
be a proxy's, and ahead of the clock by which tasks are dated. Where the server's clock was set back since,
new changes are dated before what was seen, so everything is read once more.

Two things are put right on the way, before anything is noted, so that a poll that is cut off is made good by
the next: tasks that are there twice (label_studio_twins.py), and places that do not count
(label_studio_places.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Answer, Poll, Refusal
from labelloop.adapters.tools.label_studio_answers import Note, answer_of, new_notes
from labelloop.adapters.tools.label_studio_config import KEY
from labelloop.adapters.tools.label_studio_keys import KnownItem, KnownKeys
from labelloop.adapters.tools.label_studio_listing import (
    annotations_of,
    changed,
    count,
    key_of,
    missing,
    tasks_by_id,
)
from labelloop.adapters.tools.label_studio_places import Counting, lost_places, settle_places
from labelloop.adapters.tools.label_studio_reading import (
    BEGINNING,
    Said,
    annotator_names,
    context_of,
    read_annotation,
)
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.adapters.tools.label_studio_twins import Twins, part_twins
from labelloop.adapters.tools.lines import append_lines
from labelloop.adapters.tools.times import read_time

REREAD = timedelta(seconds=60)
"""How far before the newest change that was seen polls look, and for how long after they saw it: what was
being written then shows up later."""

SLACK = timedelta(seconds=30)
"""How much less time than ours the server's clock may count between polls; `REREAD` makes up for that."""

MOST_COPIES = 100
"""Of an item whose receipts are lost: somebody may have set any overlap."""

_TICK = timedelta(microseconds=1)


def poll_answers(
    server: Server,
    project: int,
    folder: Path,
    known_keys: KnownKeys,
    since: datetime | None,
    counting: Counting | None = None,
) -> Poll:
    """What happened after `since`, and what older things were seen only after it.

    Args:
        folder: where polls keep what they saw, one folder a project below.
        since: None means from the beginning.
        counting: whose answers count, and which.
    """
    folder = folder / f"project-{project}"
    before = _read(folder / "polled.json")
    notes = files.read_lines(folder / "answers.jsonl")
    items = known_keys.items()
    there = count(server, project)
    began = server.clock or datetime.now(UTC)
    names = _Names(server, folder / "accounts.json", notes)
    steady = monotonic()
    seen = None if _went_back(before, began, steady) else read_time(before.get("newest"))
    first_seen = before.get("first_seen")
    if not isinstance(first_seen, float) or first_seen > steady:
        first_seen = steady
    moment = BEGINNING if seen is None else seen
    if seen is not None and steady - first_seen < REREAD.total_seconds():
        moment = max(seen, BEGINNING + REREAD) - REREAD
    rows = list(changed(server, project, moment, _first_answers(notes)))
    newest = _newest(rows, seen, began)
    twins = part_twins(server, project, items.keys(), there, Twins.read(before.get("twins")))
    listed = {row["id"] for row in rows}
    again = {*_ids(before.get("short")), *twins.closed, *twins.closed.values()} - listed
    rows += tasks_by_id(server, project, again)
    history = _by_item(notes)
    new, refusals = _read_news(rows, history, items, names, began)
    counting = counting or Counting()
    lost = lost_places(folder)
    places = settle_places(server, rows, items, history, counting, twins.closed, lost, began)
    gone = missing(server, project, items, twins.there - len(twins.closed), before.get("missing"))
    told = read_time(before.get("now"))
    now = max([began, *([told] if told else []), *(_at(note) for note in new)])
    if new and told and now <= told:
        now = told + _TICK
    for note in new:
        note["seen_at"] = now.isoformat()
    append_lines(folder / "answers.jsonl", new)
    places.keep(folder)
    polled = {
        "began": began.isoformat(),
        "steady": steady,
        "newest": newest and newest.isoformat(),
        "first_seen": first_seen if newest == seen else steady,
        "now": now.isoformat(),
        "missing": gone,
        "twins": twins.as_json(),
        "short": places.short,
    }
    files.write_json(folder / "polled.json", polled)
    url = f"{server.url}/projects/{project}"
    answers = [answer_of(n, url) for n in [*notes, *new] if n["action"] and _is_after(n, since)]
    keys = [key for digest in gone["items"] if digest in items for key in _keys_of(items[digest], 1)]
    return Poll(sorted(answers, key=_order), now, [*refusals, *places.told], keys)


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
        steady: seconds of this machine's clock that nobody can set. It begins anew when the machine does:
            then nobody knows how much time has passed, and the server's clock counts as set back.
    """
    last, then = read_time(before.get("began")), before.get("steady")
    if last is None:
        return False
    if clock < last or not isinstance(then, float) or then > steady:
        return True
    return clock - last < timedelta(seconds=steady - then) - SLACK


def _newest(rows: Sequence[Mapping[str, Any]], seen: datetime | None, clock: datetime) -> datetime | None:
    """The time of the newest change that was seen, this time or before, but none that is still to come."""
    times = [seen, *(read_time(row.get("updated_at")) for row in rows)]
    return max((min(at, clock) for at in times if at is not None), default=None)


def _by_item(notes: Sequence[Note]) -> dict[str, list[Note]]:
    """Notes by their item's key without the copy, in order."""
    history: dict[str, list[Note]] = {}
    for note in notes:
        history.setdefault(note["key"].rpartition("/")[0], []).append(note)
    return history


def _first_answers(notes: Sequence[Note]) -> dict[int, datetime]:
    """When each task was seen to have its first answer."""
    first: dict[int, datetime] = {}
    for note in notes:
        first[note["task"]] = min(_at(note), first.get(note["task"], _at(note)))
    return first


def _read_news(
    rows: Sequence[dict[str, Any]],
    history: dict[str, list[Note]],
    items: Mapping[str, KnownItem],
    names: _Names,
    clock: datetime,
) -> tuple[list[Note], list[Refusal]]:
    """What is new in these tasks, which is added to `history`, and what cannot be read."""
    new: list[Note] = []
    refusals: list[Refusal] = []
    names.learn(one for row in rows for one in annotations_of(row))
    for row in rows:
        annotations = annotations_of(row)
        context = context_of(row, names.by_account, names.by_annotation, clock)
        read = [read_annotation(content, context) for content in annotations]
        said = [one for one in read if isinstance(one, Said)]
        refusals += [one for one in read if isinstance(one, Refusal)]
        item = items.get(key_of(row) or "")
        if item is None:
            refusals += [
                Refusal(f"Label Studio, task {row['id']}, annotation {one.annotation}",
                        f"its {KEY} is none of this campaign's", one.value)
                for one in said
            ]  # fmt: skip
            continue
        copies = _keys_of(item, row.get("overlap"))
        item_notes = history.setdefault(copies[0].rpartition("/")[0], [])
        changed_at = read_time(row.get("updated_at")) or clock
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


def _keys_of(item: KnownItem, overlap: object) -> list[str]:
    """The keys of an item's copies."""
    copies = item.copies
    if not copies:
        copies = max(1, min(overlap, MOST_COPIES)) if isinstance(overlap, int) else 1
    start = item.text.removesuffix("/0")
    return [f"{start}/{copy}" for copy in range(copies)]


def _ids(content: Any) -> list[int]:
    return [one for one in content if _is_id(one)] if isinstance(content, list) else []


def _is_id(value: object) -> bool:
    """Whether a value is a number that the server gives to things."""
    return isinstance(value, int) and not isinstance(value, bool)


def _read(path: Path) -> dict[str, Any]:
    content = files.read_json(path) if path.exists() else {}
    return content if isinstance(content, dict) else {}


def _at(note: Note) -> datetime:
    return datetime.fromisoformat(note["answered_at"])


def _is_after(note: Note, since: datetime | None) -> bool:
    return since is None or _at(note) > since or datetime.fromisoformat(note["seen_at"]) > since


def _order(answer: Answer) -> tuple[datetime, str]:
    return answer.answered_at, answer.id
