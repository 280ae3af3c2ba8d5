"""Label Studio: a project a campaign, a task an item, as many different annotators a task as it has copies.

The server deals a task to as many people as its `overlap` says and to nobody twice, and its queue shows no
other's answer; so copies are not tasks of their own, they are the task's overlap: a receipt of copy k says
that the overlap is more than k. (Whoever opens the data manager sees everything: the open edition has no
roles.)

What the tool remembers on this machine, in .labelloop/label_studio/, can be lost: the project is found by
its description, keys by the rounds' pushed.jsonl, answers on the server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Answer, Poll, Progress, Project, Receipt, Refusal, Task
from labelloop.adapters.tools.keys import TaskKey, by_round, check_keys, parse_key
from labelloop.adapters.tools.label_studio_answers import (
    Note,
    Said,
    annotator_names,
    answer_of,
    new_notes,
    read_annotation,
)
from labelloop.adapters.tools.label_studio_config import KEY, task_data
from labelloop.adapters.tools.label_studio_keys import KnownKeys, opaque
from labelloop.adapters.tools.label_studio_project import LabelStudioProject
from labelloop.adapters.tools.label_studio_push import OnServer, push_items, remove_repeats
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.adapters.tools.lines import append_lines
from labelloop.workspace import Workspace

LOOKUP = 200
"""Keys in one query: it travels in the URL."""

REREAD = timedelta(seconds=60)
"""How far before the last poll the next one looks: what was being written then shows up later."""

_TICK = timedelta(microseconds=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LabelStudioTool:
    """A Label Studio server."""

    name = "label_studio"

    def __init__(
        self,
        server: Server,
        *,
        workspace: Workspace,
        campaign: str,
        overlap: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the server, without asking it anything yet.

        Args:
            overlap: annotators of most items; a project's tasks start with it.
        """
        self._server, self._campaign, self._sleep = server, campaign, sleep
        self._folder = workspace.state / "label_studio"
        self._keys = KnownKeys(self._folder / "keys.jsonl", workspace, campaign)
        self._project = LabelStudioProject(server, self._folder / "project.json", campaign, overlap)

    def create(self, project: Project) -> None:
        self._project.create(project)

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        wanted = [key for round_keys in by_round(keys, self._campaign).values() for key in round_keys]
        there = self._find_tasks([opaque(key) for key in wanted])
        receipts = {}
        for key in wanted:
            task = there.get(opaque(key))
            if task is not None and key.copy < task.overlap:
                receipts[key.text] = _receipt(key, task)
        return list(receipts.values())

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        check_keys([task.key for task in tasks], self._campaign)
        if not tasks:
            return []
        shown = self._project.shown
        project = self._server.get(f"/api/projects/{self._project.id}/")
        pushed_at = (self._server.clock or datetime.now(UTC)).isoformat()
        parsed = {task.key: parse_key(task.key) for task in tasks}
        again = self._keys.note(parsed.values())
        copies: dict[str, int] = {}
        data: dict[str, dict[str, object]] = {}
        for task in tasks:
            key = opaque(parsed[task.key])
            copies[key] = max(copies.get(key, 0), task.copy + 1)
            if key not in data:
                data[key] = task_data(shown, task.payload, key)
        # Further copies of an item that is there already raise its overlap.
        new = {opaque(key) for key in parsed.values() if key.copy == 0}
        there = self._find_tasks([key for key in data if key not in new])
        there = push_items(
            self._server,
            project,
            data,
            copies,
            there,
            pushed_at=pushed_at,
            find=self._find_tasks,
            sleep=self._sleep,
        )
        if again:
            # An earlier push that was cut off may have gone on in the server after `find` had looked.
            remove_repeats(self._server, project["id"], list(self._rows(list(data))))
            there = self._find_tasks(list(data))
        return [_receipt(parsed[task.key], there[opaque(parsed[task.key])]) for task in tasks]

    def poll(self, since: datetime | None) -> Poll:
        """What happened after `since`, and what older things were seen only after it."""
        project = self._project.id
        folder = self._folder / f"project-{project}"
        notes = files.read_lines(folder / "answers.jsonl")
        before = files.read_json(folder / "polled.json") if (folder / "polled.json").exists() else {}
        names = annotator_names(self._server.get("/api/users/"))
        began = self._server.clock or datetime.now(UTC)
        new, refusals = self._read_news(project, _time(before.get("began")), notes, names)
        told = _time(before.get("now"))
        now = max([began, *([told] if told else []), *(_at(note) for note in new)])
        if new and told and now <= told:
            now = told + _TICK
        for note in new:
            note["seen_at"] = now.isoformat()
        append_lines(folder / "answers.jsonl", new)
        files.write_json(folder / "polled.json", {"began": began.isoformat(), "now": now.isoformat()})
        url = f"{self._server.url}/projects/{project}"
        answers = [answer_of(n, url) for n in [*notes, *new] if n["action"] and _is_after(n, since)]
        return Poll(sorted(answers, key=_order), now, refusals)

    def progress(self, keys: Sequence[str]) -> Progress:
        asked = [parse_key(receipt.key) for receipt in self.find(keys)]
        there = self._find_tasks([opaque(key) for key in asked])
        return Progress(len(asked), sum(key.copy < there[opaque(key)].answers for key in asked))

    def close(self, round_id: str, at: datetime) -> None:
        """Nothing to do: tasks stay, and a late answer is still read."""

    def _find_tasks(self, wanted: Sequence[str]) -> dict[str, OnServer]:
        """The tasks with these opaque keys; of repeats, the first."""
        found: dict[str, OnServer] = {}
        for key, task in self._rows(wanted):
            if key not in found or task.id < found[key].id:
                found[key] = task
        return found

    def _rows(self, wanted: Sequence[str]) -> Iterator[tuple[str, OnServer]]:
        for chunk in _chunks(list(dict.fromkeys(wanted)), LOOKUP):
            rows = self._server.tasks(
                self._project.id,
                [_filter(f"data.{KEY}", "in_list", "String", chunk)],
                include="id,data,meta,overlap,total_annotations,cancelled_annotations",
            )
            for row in rows:
                key = row["data"].get(KEY)
                if key in chunk:
                    answers = row["total_annotations"] + row["cancelled_annotations"]
                    pushed_at = (row.get("meta") or {}).get("pushed_at")
                    yield key, OnServer(row["id"], row["overlap"], answers, pushed_at)

    def _read_news(
        self, project: int, since: datetime | None, notes: list[Note], names: dict[int, str]
    ) -> tuple[list[Note], list[Refusal]]:
        known: dict[str, list[Note]] = {}
        for note in notes:
            known.setdefault(note["key"].rpartition("/")[0], []).append(note)
        noted = {note["task"] for note in notes}
        keys = self._keys.read()
        new: list[Note] = []
        refusals: list[Refusal] = []
        for row in self._changed(project, since, noted):
            said: list[Said] = []
            for content in row.get("annotations") or []:
                read = read_annotation(content, names, row["id"])
                if isinstance(read, Said):
                    said.append(read)
                else:
                    refusals.append(read)
            data = row.get("data")
            key = keys.get(str(data.get(KEY) if isinstance(data, dict) else None))
            if key is None:
                refusals += [
                    Refusal(f"Label Studio, task {row['id']}, annotation {one.annotation}",
                            f"its {KEY} is none of this campaign's", one.value)
                    for one in said
                ]  # fmt: skip
                continue
            copies = [TaskKey(key.campaign, key.round, key.item, n).text for n in range(row["overlap"])]
            item_notes = known.setdefault(copies[0].rpartition("/")[0], [])
            fresh = new_notes(
                item_notes,
                said,
                task=row["id"],
                keys=copies,
                changed_at=_time(row["updated_at"]) or _LONG_AGO,
            )
            item_notes += fresh
            new += fresh
        return new, refusals

    def _changed(self, project: int, since: datetime | None, noted: set[int]) -> Iterator[dict[str, Any]]:
        """Tasks that got or lost an answer, with all in them, from a while before `since` on."""
        recent = []
        if since is not None:
            moment = (since - REREAD).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            recent = [_filter("updated_at", "greater", "Datetime", moment)]
        answered, none = ("greater", 0), ("equal", 0)
        for total, cancelled in ((answered, None), (none, answered)):
            filters = [*recent, _filter("total_annotations", total[0], "Number", total[1])]
            if cancelled:
                filters.append(_filter("cancelled_annotations", cancelled[0], "Number", cancelled[1]))
            yield from self._server.tasks(project, filters, fields="all")
        if noted:
            filters = [
                *recent,
                _filter("total_annotations", "equal", "Number", 0),
                _filter("cancelled_annotations", "equal", "Number", 0),
            ]
            for row in self._server.tasks(project, filters, include="id,data,overlap,updated_at"):
                if row["id"] in noted:
                    yield row


def _receipt(key: TaskKey, task: OnServer) -> Receipt:
    return Receipt(key.text, f"{task.id}.{key.copy}", _time(task.pushed_at))


def _filter(column: str, operator: str, kind: str, value: object) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _chunks(rows: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _at(note: Note) -> datetime:
    return datetime.fromisoformat(note["answered_at"])


def _is_after(note: Note, since: datetime | None) -> bool:
    return since is None or _at(note) > since or datetime.fromisoformat(note["seen_at"]) > since


def _order(answer: Answer) -> tuple[datetime, str]:
    return answer.answered_at, answer.id
