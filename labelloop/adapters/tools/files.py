"""Labeling by hand, without a server: a folder a round, with a spreadsheet to fill in.

    labeling/r003/tasks.csv      what people open: one row an item
                  tasks-<name>.csv    where questions are for single people: what each is asked; tasks.csv is
                                 then for what somebody has skipped
                  README.md      how to answer
                  answers*.csv, answers*.jsonl    what people hand in
                  tasks.jsonl    every task, one line a copy; written last: what it lists has been pushed
    .labelloop/files/r003.jsonl  what polls have seen, in order

A file on its own does not say what changed. The notes of what was seen turn it into events: the first
answer of a person to an item is `submitted`, another value is `updated`, so A, then B, then A again ends
as A, and a file saved again with one row changed is one event. An emptied cell or a file that is gone
changes nothing, because a fresh copy of the spreadsheet looks just like that; `skip` takes an answer back.
Should the notes be lost, the next poll makes them anew from the files: untouched answers keep their ids.

The k-th person to answer an item has answered its k-th copy. More people than copies are welcome: they
count for the last copy. A skip takes no copy: the item stays open for others. A person's first answer to an
item costs money, skips and corrections do not.

A round may ask again about items of an earlier one. Nobody can be kept from filling in a row twice, so who
was asked before and answers again has changed their answer: at no cost, and not as one more of the people
who are wanted. A `skip` of theirs says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.answer_files import SKIP, AnswerFile, Row, is_answer_file, read_answer_file
from labelloop.adapters.tools.base import Answer, Poll, Progress, Project, Receipt, Refusal, Task
from labelloop.adapters.tools.copies import Copies
from labelloop.adapters.tools.keys import check_keys, find_in_rounds, parse_key
from labelloop.adapters.tools.notes import Notes
from labelloop.adapters.tools.project_file import adopt_project, read_project
from labelloop.adapters.tools.task_sheet import instructions, sheet_name, task_sheet
from labelloop.errors import ToolError

_TICK = timedelta(microseconds=1)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class FilesTool:
    """A folder where people fill in spreadsheets."""

    name = "files"

    def __init__(self, root: Path, notes: Path, campaign: str) -> None:
        """Open the folder `labeling` in the campaign's `root`; in `notes` polls keep what they saw."""
        self._root, self._folder, self._campaign = root, root / "labeling", campaign
        self._notes = Notes(notes)

    def create(self, project: Project) -> None:
        adopt_project(self._folder / "project.json", project)

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        return find_in_rounds(keys, self._campaign, self._round_ids(), self._receipts)

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        keys = check_keys([task.key for task in tasks], self._campaign)
        project = read_project(self._folder / "project.json")
        rounds: dict[str, dict[str, Task]] = {}
        for key, task in zip(keys, tasks, strict=True):
            rounds.setdefault(task.round or key.round, {})[task.key] = task
        for round_id, new in rounds.items():
            there = self._tasks(round_id)
            known = {task.key for task in there}
            self._write_round(
                project, round_id, [*there, *(task for key, task in new.items() if key not in known)]
            )
        return self.find([task.key for task in tasks])

    def poll(self, since: datetime | None) -> Poll:
        """What was handed in after `since`.

        An answer counts from the poll that first saw it, however old its file: a file that travelled by mail
        is not missed. So an answer's own time may be before `since`.
        """
        states = {r: self._notes.look(r, self._folder / r) for r in self._round_ids()}
        last = {r: self._notes.last_seen(r, state) for r, state in states.items()}
        alive = {r: self._notes.read(r) for r, time in last.items() if not (time and since and time <= since)}
        # Our clock may have been set back: what is new must not look older than what was told before.
        told = [since, *last.values(), *(_time(old[-1]["seen_at"]) for old in alive.values() if old)]
        now = max([datetime.now(UTC), *(time + _TICK for time in told if time)])
        answers, refusals = [], []
        looked = {}
        for round_id, old in alive.items():
            new = self._changes(round_id, old, now) if last[round_id] is None else []
            self._notes.append(round_id, new)
            notes = [*old, *new]
            looked[round_id] = (states[round_id], _time(notes[-1]["seen_at"]) if notes else _LONG_AGO)
            for note in notes:
                if since is None or _time(note["seen_at"]) > since:
                    if "refused" in note:
                        refusals.append(Refusal(**note["refused"]))
                    else:
                        answers.append(_answer(note))
        self._notes.remember(looked)
        return Poll(sorted(answers, key=lambda a: (a.answered_at, a.id)), now, refusals)

    def progress(self, keys: Sequence[str]) -> Progress:
        asked = {receipt.key for receipt in self.find(keys)}
        now = datetime.now(UTC)
        answered: set[str] = set()
        # Answers to second looks lie in the folder of the round that asked again, under the first one's keys.
        for round_id in self._round_ids():
            old = self._notes.read(round_id)
            notes = [*old, *self._changes(round_id, old, now)]
            answered |= {note["key"] for note in notes if "key" in note}
        return Progress(len(asked), len(asked & answered))

    def close(self, round_id: str, at: datetime) -> None:
        """Nothing to do: the files stay, and a late answer is still read."""

    def _round_ids(self) -> list[str]:
        return sorted(path.parent.name for path in self._folder.glob("*/tasks.jsonl"))

    def _receipts(self, round_id: str) -> dict[str, Receipt]:
        tasks = enumerate(self._tasks(round_id))
        return {task.key: Receipt(task.key, f"{round_id}-{number}") for number, task in tasks}

    def _tasks(self, round_id: str) -> list[Task]:
        """What was pushed; a copy of another round's folder has nothing that was."""
        tasks = []
        for line in files.read_lines(self._folder / round_id / "tasks.jsonl"):
            key = parse_key(line["key"])
            asked_by, people = line.get("round", ""), tuple(line.get("not_for", ()))
            if (key.campaign, asked_by or key.round) == (self._campaign, round_id):
                tasks.append(
                    Task(line["key"], line["item"], key.copy, line["payload"], round=asked_by,
                         not_for=people, person=line.get("person", ""))
                )  # fmt: skip
        return tasks

    def _write_round(self, project: Project, round_id: str, tasks: list[Task]) -> None:
        folder = self._folder / round_id
        copies: dict[str, int] = {}
        for task in tasks:
            copies[task.item] = copies.get(task.item, 0) + 1
        own = any(task.person for task in tasks)
        sheets = {"": tasks} | {
            person: [task for task in tasks if task.person == person]
            for person in sorted({task.person for task in tasks if task.person})
        }
        for person, asked in sheets.items():
            sheet = folder / sheet_name(person)
            filled = self._filled_in(sheet, tasks) if sheet.exists() else {}
            # By lot, or what somebody is asked again would stand at the end.
            shown = sorted(asked, key=lambda task: files.digest_of(task.key)) if own else asked
            # A spreadsheet takes UTF-8 for something else unless a byte order mark says so.
            files.write_text(sheet, "\ufeff" + task_sheet(shown, filled, person))
        again = any(task.not_for and not task.person for task in tasks)
        text = instructions(project, round_id, copies, again=again, own=own)
        files.write_text(folder / "README.md", text)
        listing = [_listed(task) for task in tasks]
        lines = "".join(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n" for line in listing)
        files.write_text(folder / "tasks.jsonl", lines)

    def _filled_in(self, sheet: Path, tasks: list[Task]) -> dict[str, tuple[str, str]]:
        """What somebody has filled in already, between a push that was cut short and its repetition."""
        read = read_answer_file(sheet, _items(tasks), self._label(sheet), skippable=False, anonymous=True)
        if read.refusals:
            raise ToolError(f"more tasks must be added to {sheet}, but what was filled in cannot be kept: "
                            f"{read.refusals[0].where}: {read.refusals[0].reason}; rename it to "
                            "answers-<your name>.csv and run it again")  # fmt: skip
        return {row.item: (str(row.value), row.annotator) for row in read.rows}

    def _label(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix().encode(errors="replace").decode()

    def _changes(self, round_id: str, old: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
        """Notes of what the round's files say and the notes `old` do not."""
        tasks = self._tasks(round_id)
        rows: dict[tuple[str, str], Row] = {}
        refusals = []
        for read in self._answer_files(round_id, tasks):
            refusals += read.refusals
            for row in read.rows:
                # Somebody who answers twice means the later one; at the same time, the later row.
                other = rows.get((row.annotator, row.item))
                if other is None or row.answered_at >= other.answered_at:
                    rows[row.annotator, row.item] = row
        told = {files.digest_of(note["refused"]) for note in old if "refused" in note}
        new: list[dict[str, Any]] = [
            {"refused": asdict(refusal), "seen_at": now.isoformat()}
            for refusal in refusals
            if files.digest_of(asdict(refusal)) not in told
        ]
        return new + self._events(tasks, old, rows, now)

    def _answer_files(self, round_id: str, tasks: list[Task]) -> Iterator[AnswerFile]:
        items = _items(tasks)
        classes = read_project(self._folder / "project.json").classes
        skippable = SKIP not in {name.lower() for name in classes}
        for path in sorted((self._folder / round_id).iterdir()):
            if is_answer_file(path):
                yield read_answer_file(path, items, self._label(path), skippable=skippable)

    def _events(
        self,
        tasks: list[Task],
        old: list[dict[str, Any]],
        rows: dict[tuple[str, str], Row],
        now: datetime,
    ) -> list[dict[str, Any]]:
        keys: dict[str, list[str]] = {}
        had: dict[str, tuple[str, ...]] = {}
        for task in tasks:
            keys.setdefault(task.item, []).append(task.key)
            had[task.item] = task.not_for
        copies = {item: Copies(item_keys) for item, item_keys in keys.items()}
        last: dict[tuple[str, str], dict[str, Any]] = {}
        for note in old:
            if "key" in note and note["item"] in copies:
                last[note["annotator"], note["item"]] = note
                copies[note["item"]].note(note["annotator"], note["action"], note["key"])
        events = []
        for row in sorted(rows.values(), key=lambda row: (row.answered_at, row.annotator, row.item)):
            before = last.get((row.annotator, row.item))
            if before and files.digest_of(before["value"]) == files.digest_of(row.value):
                continue
            again = row.annotator in had[row.item]
            if again and before is None and row.value is None:
                continue
            action = "skipped" if row.value is None else "updated" if before or again else "submitted"
            time = min(row.answered_at, now)
            turn = before["turn"] + 1 if before else 0
            if before:  # an older file that was put back is what counts now
                time = max(time, _time(before["answered_at"]) + _TICK)
            events.append(
                {
                    "id": "files:"
                    + files.digest_of([keys[row.item][0], row.annotator, row.value, turn])[:32],
                    "key": copies[row.item].key_of(row.annotator, action),
                    "item": row.item,
                    "annotator": row.annotator,
                    "value": row.value,
                    "action": action,
                    "turn": turn,
                    "paid": row.value is not None or bool(before and before["paid"]),
                    "cost": 0.0 if row.value is None or again or (before and before["paid"]) else None,
                    "answered_at": time.isoformat(),
                    "seen_at": now.isoformat(),
                    "where": row.where,
                }
            )
        return events


def _items(tasks: Sequence[Task]) -> dict[str, str]:
    """Item ids by whatever an answer may call them: the key of any copy, or the item itself."""
    return {**{task.key: task.item for task in tasks}, **{task.item: task.item for task in tasks}}


def _listed(task: Task) -> dict[str, Any]:
    """A task's line in tasks.jsonl."""
    line = {name: getattr(task, name) for name in ("key", "item", "payload")}
    line["prediction"] = None if task.prediction is None else asdict(task.prediction)
    # Not whether it asks somebody again: whoever labels can read this.
    line |= {name: getattr(task, name) for name in ("round", "person") if getattr(task, name)}
    return line | ({"not_for": list(task.not_for)} if task.not_for else {})


def _answer(note: dict[str, Any]) -> Answer:
    return Answer(
        id=note["id"],
        key=note["key"],
        annotator=note["annotator"],
        value=note["value"],
        action=note["action"],
        answered_at=_time(note["answered_at"]),
        cost=note["cost"],
        tool_ref=note["where"],
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
