"""What every labeling tool must keep to; a new one is tested by a driver that plays its people."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labelloop.adapters.tools import open_tool
from labelloop.adapters.tools.base import Answer, LabelTool, Poll, Project, Receipt, Task
from labelloop.campaign import Annotation
from labelloop.errors import ToolError
from labelloop.tables import ARMS
from labelloop.workspace import Workspace

CLASSES = ("cat", "dog", "cow")
PROJECT = Project("farm", "choice", CLASSES, "Which animal?", "text", ("text",))
ITEMS = ("a", "b/with/slashes", "c, comma", 'd"quote"', "0012", "=1+1", "ümlaut")


def truth(items: Sequence[str]) -> dict[str, str | None]:
    return {item: CLASSES[len(item) % 3] for item in items}


def tasks_of(round_id: str, items: Iterable[str] = ITEMS, copies: int = 3) -> list[Task]:
    return [
        Task(f"farm/{round_id}/{item}/{copy}", item, copy, {"text": f"what is {item}?"})
        for item in items
        for copy in range(copies)
    ]


def keys_of(tasks: Iterable[Task]) -> list[str]:
    return [task.key for task in tasks]


@dataclass
class Driver(ABC):
    """A tool of one kind, and the people in it."""

    kind: str
    root: Path

    def open(self) -> LabelTool:
        """The tool as a new process would open it."""
        return open_tool(
            Annotation(tool=self.kind),
            campaign="farm",
            seed=3,
            workspace=Workspace.at(self.root),
            truth=truth,
            classes=CLASSES,
        )

    def people_answer(self, round_id: str, people: Sequence[str] = ("ada", "ben", "cy")) -> None:
        """Everybody answers everything in a round; nothing to do where the tool makes them."""
        return

    @abstractmethod
    def stored_keys(self) -> list[str]:
        """The key of every task in the tool, duplicates included."""

    @abstractmethod
    def shown(self) -> str:
        """All that an annotator can see."""


class SimulatedDriver(Driver):
    def stored_keys(self) -> list[str]:
        tool = self.open()
        extra = tool.duplicates()  # type: ignore[attr-defined]
        keys = [receipt.key for receipt in tool.find(keys_of([*tasks_of("r000"), *tasks_of("r001")]))]
        return keys + [key for key, times in extra.items() for _ in range(times)]

    def shown(self) -> str:
        return "".join(path.read_text() for path in (self.root / ".labelloop/simulated/rounds").iterdir())


class FilesDriver(Driver):
    def people_answer(self, round_id: str, people: Sequence[str] = ("ada", "ben", "cy")) -> None:
        folder = self.root / "labeling" / round_id
        with (folder / "tasks.csv").open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        for person in people:
            with (folder / f"answers-{person}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, list(rows[0]))
                writer.writeheader()
                writer.writerows({**row, "label": CLASSES[n % 3]} for n, row in enumerate(rows))

    def stored_keys(self) -> list[str]:
        paths = sorted((self.root / "labeling").glob("*/tasks.jsonl"))
        return [json.loads(line)["key"] for path in paths for line in path.read_text().splitlines()]

    def shown(self) -> str:
        return "".join(path.read_text() for path in (self.root / "labeling").glob("*/*"))


DRIVERS = {"simulated": SimulatedDriver, "files": FilesDriver}


@pytest.fixture(params=sorted(DRIVERS))
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    driver = DRIVERS[request.param](request.param, tmp_path)
    driver.open().create(PROJECT)
    return driver


def poll_until_done(driver: Driver, tasks: Sequence[Task], since: datetime | None = None) -> list[Poll]:
    """Polls, each from where the one before ended, until every task has an answer."""
    polls: list[Poll] = []
    for _ in range(100):
        polls.append(driver.open().poll(since))
        since = polls[-1].now
        progress = driver.open().progress(keys_of(tasks))
        if progress.answered == progress.asked:
            return polls
    raise AssertionError("the people never finish")


def answered(driver: Driver, round_id: str = "r000") -> tuple[list[Task], list[Poll]]:
    """A round that is pushed, answered and polled to its end."""
    tasks = tasks_of(round_id)
    driver.open().push(tasks)
    driver.people_answer(round_id)
    return tasks, poll_until_done(driver, tasks)


def answers_of(polls: Iterable[Poll]) -> list[Answer]:
    return [answer for poll in polls for answer in poll.answers]


def test_a_project_can_be_created_twice(driver: Driver) -> None:
    driver.open().create(PROJECT)
    assert len(driver.open().push(tasks_of("r000"))) == len(tasks_of("r000"))


def test_a_project_of_another_campaign_is_refused(driver: Driver) -> None:
    other = Project("forest", "choice", CLASSES, "Which tree?", "text", ("text",))
    with pytest.raises(ToolError, match="forest"):
        driver.open().create(other)


def test_a_project_that_lost_a_class_is_refused(driver: Driver) -> None:
    other = Project("farm", "choice", CLASSES[:2], "Which animal?", "text", ("text",))
    with pytest.raises(ToolError, match="cow"):
        driver.open().create(other)


def test_find_gives_exactly_what_push_was_given(driver: Driver) -> None:
    tasks = tasks_of("r000")
    pushed = driver.open().push(tasks)
    assert keys_of(tasks) == [receipt.key for receipt in pushed]
    assert sorted(driver.open().find(keys_of(tasks)), key=_key) == sorted(pushed, key=_key)


def test_the_tool_gives_every_task_an_id_of_its_own(driver: Driver) -> None:
    receipts = driver.open().push([*tasks_of("r000"), *tasks_of("r001")])
    assert len({receipt.tool_id for receipt in receipts}) == len(receipts)


def test_find_is_silent_about_keys_it_does_not_know(driver: Driver) -> None:
    driver.open().push(tasks_of("r000", ["a"]))
    unknown = ["farm/r000/z/0", "farm/r000/a/7", "farm/r009/a/0", "wood/r000/a/0", "nonsense", ""]
    assert driver.open().find(unknown) == []


def test_a_key_of_another_campaign_is_not_pushed(driver: Driver) -> None:
    with pytest.raises(ToolError, match="wood/r000/a/0"):
        driver.open().push([*tasks_of("r000"), Task("wood/r000/a/0", "a", 0, {})])
    assert driver.stored_keys() == []


def test_pushing_what_find_misses_leaves_no_duplicate(driver: Driver) -> None:
    """After a crash between push and receipts, find and a push of the rest give each task once."""
    tasks = tasks_of("r000")
    driver.open().push(tasks[:8])
    found = {receipt.key for receipt in driver.open().find(keys_of(tasks))}
    driver.open().push([task for task in tasks if task.key not in found])
    assert sorted(driver.stored_keys()) == sorted(keys_of(tasks))


def test_polling_from_the_beginning_twice_gives_the_same_events(driver: Driver) -> None:
    tasks, _ = answered(driver)
    first, second = driver.open().poll(None), driver.open().poll(None)
    assert len(first.answers) == len(tasks)
    assert first.answers == second.answers


def test_polls_in_a_row_bring_every_event_once(driver: Driver) -> None:
    _, polls = answered(driver)
    seen = [answer.id for answer in answers_of(polls)]
    assert len(seen) == len(set(seen))
    assert driver.open().poll(polls[-1].now).answers == []


def test_every_task_gets_one_answer_with_its_key(driver: Driver) -> None:
    tasks, polls = answered(driver)
    assert sorted(answer.key for answer in answers_of(polls)) == sorted(keys_of(tasks))


def test_times_are_utc_in_order_and_never_after_the_clock(driver: Driver) -> None:
    _, polls = answered(driver)
    for poll in polls:
        times = [answer.answered_at for answer in poll.answers]
        assert all(time.utcoffset() == timedelta(0) for time in [*times, poll.now])
        assert times == sorted(times)
        assert all(time <= poll.now for time in times)


def test_the_clock_never_goes_back(driver: Driver) -> None:
    _, polls = answered(driver)
    assert [poll.now for poll in polls] == sorted(poll.now for poll in polls)


def test_copies_of_an_item_are_answered_by_different_people(driver: Driver) -> None:
    _, polls = answered(driver)
    people: dict[str, list[str]] = {}
    for answer in answers_of(polls):
        people.setdefault(answer.key.rpartition("/")[0], []).append(answer.annotator)
    assert {item: len(set(names)) for item, names in people.items()} == {f"farm/r000/{i}": 3 for i in ITEMS}


def test_nothing_tells_annotators_the_arm(driver: Driver) -> None:
    driver.open().push(tasks_of("r000"))
    shown = driver.shown().lower()
    assert shown
    assert [arm for arm in ARMS if arm in shown] == []


def test_progress_counts_what_is_answered_and_changes_nothing(driver: Driver) -> None:
    tasks = tasks_of("r000")
    driver.open().push(tasks)
    assert driver.open().progress(keys_of(tasks)).asked == len(tasks)
    assert driver.open().progress(keys_of(tasks)).answered == 0
    driver.people_answer("r000")
    before = driver.open().progress(keys_of(tasks))
    assert driver.open().progress(keys_of(tasks)) == before
    poll_until_done(driver, tasks)
    assert driver.open().progress(keys_of(tasks)).answered == len(tasks)
    assert driver.open().progress(["farm/r000/z/0"]).asked == 0


def test_closing_twice_is_closing_once(driver: Driver) -> None:
    _, polls = answered(driver)
    at = answers_of(polls)[-1].answered_at
    driver.open().close("r000", at)
    once = driver.open().poll(None).answers
    driver.open().close("r000", at)
    assert driver.open().poll(None).answers == once


def test_a_closed_round_still_shows_its_answers_and_the_next_one_starts(driver: Driver) -> None:
    tasks, polls = answered(driver)
    driver.open().close("r000", answers_of(polls)[-1].answered_at)
    further = tasks_of("r001")
    driver.open().push(further)
    driver.people_answer("r001")
    poll_until_done(driver, further, polls[-1].now)
    keys = [answer.key for answer in driver.open().poll(None).answers]
    assert sorted(keys) == sorted(keys_of([*tasks, *further]))


def test_a_round_pushed_after_extra_polls_loses_no_answer(driver: Driver) -> None:
    """Whoever polls on from the last clock misses nothing, even where the clock has run on meanwhile."""
    _, polls = answered(driver)
    driver.open().close("r000", answers_of(polls)[-1].answered_at)
    now = polls[-1].now
    for _ in range(5):
        now = driver.open().poll(now).now
    further = tasks_of("r001")
    driver.open().push(further)
    driver.people_answer("r001")
    later = answers_of(poll_until_done(driver, further, now))
    assert sorted(answer.key for answer in later) == sorted(keys_of(further))


def test_a_poll_whose_reply_was_lost_can_be_repeated(driver: Driver) -> None:
    tasks = tasks_of("r000")
    driver.open().push(tasks)
    driver.people_answer("r000")
    lost = driver.open().poll(None)
    again = driver.open().poll(None)
    assert lost.answers == [answer for answer in again.answers if answer in lost.answers]


def test_an_empty_tool_has_nothing_to_tell(driver: Driver) -> None:
    poll = driver.open().poll(None)
    assert (poll.answers, poll.refusals) == ([], [])
    assert poll.now.tzinfo is UTC
    assert driver.open().push([]) == []
    assert driver.open().find([]) == []


def test_one_object_and_one_a_call_see_the_same(driver: Driver) -> None:
    """A tool object that lives through the round holds nothing that a new process would not know."""
    tool = driver.open()
    tasks = tasks_of("r000")
    tool.push(tasks[:10])
    tool.poll(None)
    tool.push(tasks[10:])
    driver.people_answer("r000")
    poll_until_done(driver, tasks)
    assert tool.poll(None).answers == driver.open().poll(None).answers


def _key(receipt: Receipt) -> str:
    return receipt.key
