"""Label Studio: a project a campaign, a task an item, as many different annotators a task as it has copies.

The server deals a task to as many people as its `overlap` says and to nobody twice, and its queue shows no
other's answer; so copies are not tasks of their own, they are the task's overlap: a receipt of copy k says
that the overlap is more than k. (Whoever opens the data manager sees everything: the open edition has no
roles.)

What the tool remembers on this machine, in .labelloop/label_studio/, can be lost: the project is found by
its description, keys by the rounds' pushed.jsonl, answers on the server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from labelloop.adapters.tools.base import Poll, Progress, Project, Receipt, Task
from labelloop.adapters.tools.keys import TaskKey, by_round, check_keys
from labelloop.adapters.tools.label_studio_config import KEY, task_data
from labelloop.adapters.tools.label_studio_keys import KnownKeys, opaque
from labelloop.adapters.tools.label_studio_listing import tasks_by_key
from labelloop.adapters.tools.label_studio_places import Counting, lost_places
from labelloop.adapters.tools.label_studio_poll import poll_answers
from labelloop.adapters.tools.label_studio_predictions import check_predictions
from labelloop.adapters.tools.label_studio_project import LabelStudioProject
from labelloop.adapters.tools.label_studio_push import (
    OnServer,
    import_tasks,
    remove_repeats,
    settle_overlaps,
    wanted_overlap,
)
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.adapters.tools.times import read_time
from labelloop.errors import ToolError
from labelloop.workspace import Workspace


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
        prelabels: str = "hidden",
        counting: Counting | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the server, without asking it anything yet.

        Args:
            overlap: annotators of most items; a project's tasks start with it.
            prelabels: annotation.prelabels.
            counting: whose answers count, and which; others take no place in a task.
        """
        self._server, self._campaign, self._sleep = server, campaign, sleep
        self._counting = counting
        self._folder = workspace.state / "label_studio"
        self._keys = KnownKeys(self._folder / "keys.jsonl", workspace, campaign)
        self._project = LabelStudioProject(
            server, self._folder / "project.json", campaign, overlap, prelabels
        )
        self._announced = ""
        self._has_others: bool | None = None

    def create(self, project: Project) -> None:
        self._project.create(project)

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        """Receipts of tasks that are there and dealt to as many people as they were to be.

        A task whose push was cut off before its overlap was set is not told of, so that it is pushed again,
        which makes no second one.
        """
        wanted = [key for round_keys in by_round(keys, self._campaign).values() for key in round_keys]
        there = self._find_tasks([opaque(key) for key in wanted])
        noted, lost = self._keys.copies_of(there), self._lost_places()
        receipts = {}
        for key in wanted:
            task, more = there.get(opaque(key)), lost.get(opaque(key), 0)
            if task is None or key.copy + more >= task.overlap:
                continue
            copies = noted[opaque(key)]
            if not copies or task.overlap <= wanted_overlap(task, copies + more):
                receipts[key.text] = _receipt(key, task)
        return list(receipts.values())

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        keys = check_keys([task.key for task in tasks], self._campaign)
        if not tasks:
            return []
        shown, project = self._project.shown, self._project.recent()
        pushed_at = (self._server.clock or datetime.now(UTC)).isoformat()
        digests = [opaque(key) for key in keys]
        first: dict[str, Task] = {}
        items: dict[str, TaskKey] = {}
        copies: dict[str, int] = {}
        begun = set()
        for digest, key, task in zip(digests, keys, tasks, strict=True):
            if digest not in first:
                first[digest], items[digest] = task, key
            copies[digest] = max(copies.get(digest, 0), key.copy + 1)
            if key.copy == 0:
                begun.add(digest)
        version = next((t.prediction.model_version for t in first.values() if t.prediction), None)
        if version is not None:
            written = check_predictions(first.values(), shown, str(project.label_config or ""))
            self._project.intend(version)
        has_others = self._knows_too_few(int(project.task_number or 0))
        again = self._keys.note({key: copies[digest] for digest, key in items.items()})
        noted = self._keys.copies_of(copies)
        lost = self._lost_places()
        wanted = {digest: max(n, noted[digest]) + lost.get(digest, 0) for digest, n in copies.items()}

        def content(digest: str) -> bytes:
            task = first[digest]
            made: dict[str, Any] = {
                "data": task_data(shown, task.payload, digest),
                "meta": {KEY: digest, "pushed_at": pushed_at},
            }
            if task.prediction is not None:
                made["predictions"] = [written(task.prediction)]
            return json.dumps(made).encode()

        # Further copies of an item that is there already raise its overlap; and what was about to be pushed
        # before may have arrived, as may what another machine has pushed.
        unsure = again or has_others
        there = self._find_tasks([key for key in first if unsure or key not in begun])
        added, twice = import_tasks(
            self._server,
            int(project.id or 0),
            int(project.maximum_annotations or 1),
            [key for key in first if key not in there],
            content,
            pushed_at=pushed_at,
            find=self._find_tasks,
            sleep=self._sleep,
        )
        there |= added
        if again or twice:
            # What was sent before may have gone on in the server after we had looked.
            remove_repeats(self._server, int(project.id or 0), list(self._rows(list(first))))
            there = self._find_tasks(list(first))
        settle_overlaps(self._server, there, wanted)
        if version is not None and self._announced != version:
            self._project.announce(version)
            self._announced = version
        return [_receipt(key, there[digest]) for digest, key in zip(digests, keys, strict=True)]

    def poll(self, since: datetime | None) -> Poll:
        self._project.keep_notes_apart()
        return poll_answers(self._server, self._project.id, self._folder, self._keys, since, self._counting)

    def _lost_places(self) -> dict[str, int]:
        """Places in tasks that were taken by answers which do not count, by opaque key."""
        return lost_places(self._folder / f"project-{self._project.id}")

    def progress(self, keys: Sequence[str]) -> Progress:
        asked = [key for round_keys in by_round(keys, self._campaign).values() for key in round_keys]
        there = self._find_tasks([opaque(key) for key in asked])
        found = [(key, there[opaque(key)]) for key in asked if opaque(key) in there]
        asked_of = [(key, task) for key, task in found if key.copy < task.overlap]
        lost = self._lost_places()
        answered = sum(key.copy < task.answers - lost.get(opaque(key), 0) for key, task in asked_of)
        return Progress(len(asked_of), answered)

    def close(self, round_id: str, at: datetime) -> None:
        """Nothing to do: tasks stay, and a late answer is still read."""

    def _knows_too_few(self, there: int) -> bool:
        """Whether the server may have tasks of this campaign that nothing here tells of.

        What was pushed of an open round is in no history yet: a fresh clone does not have it. Found out
        once, since what is pushed from here on is known.

        Args:
            there: tasks of the project.
        """
        if self._has_others is None:
            no_notes = not (self._folder / "keys.jsonl").exists()
            self._has_others = there > 0 and (no_notes or there > len(self._keys.items()))
        return self._has_others

    def _find_tasks(self, wanted: Sequence[str]) -> dict[str, OnServer]:
        """The tasks with these opaque keys; of repeats, the first."""
        found: dict[str, OnServer] = {}
        for key, task in self._rows(wanted):
            if key not in found or task.id < found[key].id:
                found[key] = task
        return found

    def _rows(self, wanted: Sequence[str]) -> Iterator[tuple[str, OnServer]]:
        """The tasks with these opaque keys, repeats as well."""
        keys = set(wanted)
        return _known(tasks_by_key(self._server, self._project.id, keys), keys)


def _known(rows: Iterator[dict[str, Any]], keys: set[str]) -> Iterator[tuple[str, OnServer]]:
    """Keys and tasks of rows that are among `keys`."""
    for row in rows:
        meta = row.get("meta")
        if not isinstance(meta, dict):
            continue
        key = meta.get(KEY)
        if not isinstance(key, str | None):
            # What cannot be told apart from a task that is wanted must not be taken for its absence.
            raise ToolError(f"Label Studio gives task {row['id']} a {KEY} of {key!r:.40}, which is no "
                            "text; is it a Label Studio server, version 1.20 or later?")  # fmt: skip
        if key in keys:
            skips = _number(row, "cancelled_annotations")
            answers = _number(row, "total_annotations") + skips
            yield key, OnServer(row["id"], _number(row, "overlap"), answers, meta.get("pushed_at"), skips)


def _number(row: dict[str, Any], name: str) -> int:
    """A number of a listing's row; a server that sends something else is not pushed to."""
    value = row.get(name) or 0
    if not isinstance(value, int) or not 0 <= value < 2**31:
        raise ToolError(f"Label Studio says that {name} of task {row['id']} is {value!r:.40}, which is no "
                        "number of people; is it a Label Studio server, version 1.20 or later?")  # fmt: skip
    return value


def _receipt(key: TaskKey, task: OnServer) -> Receipt:
    return Receipt(key.text, f"{task.id}.{key.copy}", read_time(task.pushed_at))
