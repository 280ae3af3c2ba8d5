"""Simulated annotators behind something like a server: its own files, its own clock, no deduplication.

    .labelloop/simulated/project.json
                         rounds/r003.jsonl   first line: when it was pushed and to which crew; then the tasks
                         clock.json          the time, when the next round starts, what polls have shown

The campaign may be killed at any moment. Tasks are appended in one write; the answers are no state at
all but follow from the tasks (see crew.py), and the clock only decides how many of them are shown.
A key that is pushed twice is two tasks, as on a real server: `duplicates` counts them. Only the first
is ever answered. A task that somebody skips goes to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.adapters.tools.base import Answer, Poll, Progress, Project, Receipt, Task
from labelloop.adapters.tools.crew import check_crew, work
from labelloop.adapters.tools.keys import check_keys, find_in_rounds, parse_key
from labelloop.adapters.tools.lines import append_lines
from labelloop.adapters.tools.project_file import adopt_project
from labelloop.adapters.tools.simulated_clock import EPOCH, Clock, Shown
from labelloop.campaign import Annotation
from labelloop.errors import ToolError
from labelloop.settings.simulation import SimulatedAnnotator


@dataclass(frozen=True)
class SimulatedRound:
    """One round as it was pushed."""

    start: datetime
    crew: tuple[SimulatedAnnotator, ...]
    cost_per_vote: float
    classes: tuple[str, ...]
    skips_to_review: int
    id: str
    keys: list[str]
    """In the order of the push; repeats are duplicates."""
    not_for: dict[str, list[str]]
    """Who has had an item before, of items that are asked about again."""
    people: dict[str, str]
    """Whom a task is for, by key, where it is for somebody."""
    again: frozenset[str]
    """Keys of tasks that ask somebody again."""

    @cached_property
    def receipts(self) -> dict[str, Receipt]:
        """The first task of every key."""
        receipts: dict[str, Receipt] = {}
        for number, key in enumerate(self.keys):
            receipts.setdefault(key, Receipt(key, f"{self.id}-{number}", self.start))
        return receipts


class SimulatedTool:
    """A labeling tool whose people are made up."""

    name = "simulated"

    def __init__(
        self,
        folder: Path,
        *,
        campaign: str,
        seed: int,
        annotation: Annotation,
        truth: Callable[[Sequence[str]], Mapping[str, str | None]],
        classes: tuple[str, ...],
    ) -> None:
        """Open the tool's folder, which need not exist.

        Raises:
            SettingsError: a confusion names a class that does not exist.
        """
        check_crew(annotation.simulation.annotators, classes)
        self._folder, self._clock = folder, folder / "clock.json"
        self._campaign, self._seed = campaign, seed
        self._annotation, self._truth, self._classes = annotation, truth, classes
        self._rounds: dict[str, tuple[int, SimulatedRound]] = {}
        self._answers: dict[str, tuple[int, list[Answer]]] = {}

    def create(self, project: Project) -> None:
        if project.label_type != "choice":
            raise ToolError(f"simulated annotators answer single choice only, not '{project.label_type}'; "
                            "set annotation.tool to files")  # fmt: skip
        adopt_project(self._folder / "project.json", project)

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        return find_in_rounds(
            keys, self._campaign, self._round_ids(), lambda round_id: self._round(round_id).receipts
        )

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        keys = check_keys([task.key for task in tasks], self._campaign)
        rounds: dict[str, list[Task]] = {}
        for key, task in zip(keys, tasks, strict=True):
            rounds.setdefault(task.round or key.round, []).append(task)
        self._known_labels([key.item for key in keys], self._classes)
        receipts = []
        for round_id, asked in rounds.items():
            path = self._path(round_id)
            there = files.read_lines(path)
            before = max(0, len(there) - 1)
            lines = [
                {"key": task.key}
                | ({"not_for": list(task.not_for)} if task.not_for else {})
                | ({"person": task.person} if task.person else {})
                | ({"again": True} if task.again else {})
                for task in asked
            ]
            append_lines(path, lines if there else [self._heading(), *lines])
            start = self._round(round_id).start
            receipts += [Receipt(one.key, f"{round_id}-{before + n}", start) for n, one in enumerate(asked)]
        return receipts

    def poll(self, since: datetime | None) -> Poll:
        """Let the simulated time pass, and show what happened after `since`.

        The clock moves on by simulation.poll_hours, or to the next answer when that brings nothing new:
        nights cost no polls. An answer may be older than `since` when its round was pushed after that poll:
        a round starts when the one before closed, which extra polls have left behind. It is still shown once.
        """
        clock = Clock.read(self._clock)
        looked = [
            (r, size, shown)
            for r, size, shown in self._sizes(clock)
            if not (shown and shown.exhausted(since))
        ]
        answers = {round_id: self._answers_of(round_id) for round_id, _, _ in looked}
        until = {round_id: shown.until if shown else None for round_id, _, shown in looked}
        unseen = [
            answer.answered_at
            for round_id, round_answers in answers.items()
            for answer in round_answers
            if _after(answer, until[round_id])
        ]
        now = clock.now + timedelta(hours=self._annotation.simulation.poll_hours)
        now = max(now, min(unseen, default=now))
        happened = []
        for round_id, size, shown in looked:
            floor = min(since, shown.until) if since and shown else None
            happened += [a for a in answers[round_id] if _after(a, floor) and a.answered_at <= now]
            last = answers[round_id][-1].answered_at if answers[round_id] else EPOCH
            clock.shown[round_id] = Shown(size, now, last)
        clock.now = now
        clock.write(self._clock)
        return Poll(sorted(happened, key=lambda answer: (answer.answered_at, answer.id)), now)

    def progress(self, keys: Sequence[str]) -> Progress:
        now = Clock.read(self._clock).now
        asked = {receipt.key for receipt in self.find(keys)}
        answered = {
            answer.key
            for round_id in self._round_ids()
            for answer in self._answers_of(round_id)
            if answer.answered_at <= now
        }
        return Progress(len(asked), len(asked & answered))

    def close(self, round_id: str, at: datetime) -> None:
        clock = Clock.read(self._clock)
        if at > clock.next_start or at > clock.now:
            clock.next_start = max(clock.next_start, at)
            clock.now = max(clock.now, at)
            clock.write(self._clock)

    def duplicates(self) -> dict[str, int]:
        """Keys that were pushed more than once, with the number of tasks too many."""
        keys = [key for round_id in self._round_ids() for key in self._round(round_id).keys]
        counts: dict[str, int] = {}
        for key in keys:
            counts[key] = counts.get(key, -1) + 1
        return {key: extra for key, extra in counts.items() if extra}

    def _path(self, round_id: str) -> Path:
        return self._folder / "rounds" / f"{round_id}.jsonl"

    def _round_ids(self) -> list[str]:
        return sorted(path.stem for path in (self._folder / "rounds").glob("*.jsonl"))

    def _sizes(self, clock: Clock) -> list[tuple[str, int, Shown | None]]:
        """Every round with the size of its file, and what was shown of it unless it has grown since."""
        sizes = []
        for round_id in self._round_ids():
            size = self._path(round_id).stat().st_size
            shown = clock.shown.get(round_id)
            sizes.append((round_id, size, shown if shown and shown.size == size else None))
        return sizes

    def _heading(self) -> dict[str, Any]:
        crew = self._annotation.simulation.annotators
        return {
            "start": Clock.read(self._clock).next_start.isoformat(),
            "crew": [person.model_dump() for person in crew],
            "cost_per_vote": self._annotation.cost_per_vote,
            "classes": list(self._classes),
            "skips_to_review": self._annotation.skips_to_review,
        }

    def _round(self, round_id: str) -> SimulatedRound:
        path = self._path(round_id)
        size = path.stat().st_size
        known = self._rounds.get(round_id)
        if known is None or known[0] != size:
            heading, *tasks = files.read_lines(path) or [self._heading()]
            pushed = SimulatedRound(
                start=datetime.fromisoformat(heading["start"]),
                crew=tuple(SimulatedAnnotator(**person) for person in heading["crew"]),
                cost_per_vote=heading["cost_per_vote"],
                classes=tuple(heading["classes"]),
                skips_to_review=heading["skips_to_review"],
                id=round_id,
                keys=[task["key"] for task in tasks],
                not_for={parse_key(t["key"]).item: t["not_for"] for t in tasks if t.get("not_for")},
                people={t["key"]: t["person"] for t in tasks if t.get("person")},
                again=frozenset(t["key"] for t in tasks if t.get("again")),
            )
            known = self._rounds[round_id] = (size, pushed)
        return known[1]

    def _answers_of(self, round_id: str) -> list[Answer]:
        """Every answer that people will ever give in a round, shown already or not."""
        size = self._path(round_id).stat().st_size
        known = self._answers.get(round_id)
        if known is None or known[0] != size:
            pushed = self._round(round_id)
            tasks = [parse_key(key) for key in pushed.receipts]
            answers = work(
                tasks,
                start=pushed.start,
                crew=pushed.crew,
                cost_per_vote=pushed.cost_per_vote,
                truth=self._known_labels([task.item for task in tasks], pushed.classes),
                classes=pushed.classes,
                seed=self._seed,
                skips_to_review=pushed.skips_to_review,
                not_for=pushed.not_for,
                people=pushed.people,
                again=pushed.again,
            )
            known = self._answers[round_id] = (size, answers)
        return known[1]

    def _known_labels(self, items: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
        wanted = list(dict.fromkeys(items))
        labels = self._truth(wanted)
        known = {}
        for item in wanted:
            label = labels.get(item)
            if label is None:
                raise ToolError(f"simulated annotators need the label of every item, but item {item!r} has "
                                "none; set dataset.label_column, or set annotation.tool to files to ask "
                                "people")  # fmt: skip
            if label not in classes:
                raise ToolError(f"item {item!r} has the label {label!r}, which simulated annotators "
                                f"cannot answer: the classes are {list(classes)}; add it to "
                                "labels.classes")  # fmt: skip
            known[item] = label
        return known


def _after(answer: Answer, moment: datetime | None) -> bool:
    return moment is None or answer.answered_at > moment
