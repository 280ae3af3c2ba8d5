"""The simulated server: survives kills, never dedupes, and shows the same to whoever looks how often."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.adapters.tools.base import Answer, Project, Task
from labelloop.adapters.tools.simulated import SimulatedTool
from labelloop.adapters.tools.simulated_clock import EPOCH
from labelloop.campaign import Annotation
from labelloop.errors import ToolError
from labelloop.settings.simulation import SimulatedAnnotator, Simulation

CLASSES = ("cat", "dog", "cow")
SLOW_CREW = [
    SimulatedAnnotator(name="ada", accuracy=0.7, seconds_per_item=900),
    SimulatedAnnotator(name="ben", accuracy=0.6, seconds_per_item=1500, days_off=[1, 2]),
    SimulatedAnnotator(name="cy", accuracy=0.5, seconds_per_item=2500, skip_rate=0.1),
]
SLOW = Annotation(overlap=2, test_overlap=3, simulation=Simulation(annotators=SLOW_CREW))


def truth(items: Sequence[str]) -> dict[str, str | None]:
    return {item: CLASSES[len(item) % 3] for item in items}


def open_tool(
    folder: Path,
    annotation: Annotation = SLOW,
    labels: Callable[[Sequence[str]], dict[str, str | None]] = truth,
) -> SimulatedTool:
    return SimulatedTool(
        folder, campaign="farm", seed=5, annotation=annotation, truth=labels, classes=CLASSES
    )


def tasks_of(round_id: str = "r000", n_items: int = 12, copies: int = 2) -> list[Task]:
    return [
        Task(f"farm/{round_id}/i{n}/{copy}", f"i{n}", copy, {"text": "?"})
        for n in range(n_items)
        for copy in range(copies)
    ]


PATIENT = Annotation(overlap=2, test_overlap=3, simulation=Simulation(annotators=SLOW_CREW, poll_hours=2000))


def every_answer(folder: Path) -> list[Answer]:
    """All answers of the rounds so far, after a poll that waits for months."""
    return open_tool(folder, PATIENT).poll(None).answers


def test_a_key_pushed_twice_is_two_tasks_and_find_gives_the_first(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    first = tool.push(tasks_of())
    second = tool.push(tasks_of()[:3])
    assert tool.duplicates() == {task.key: 1 for task in tasks_of()[:3]}
    assert {r.tool_id for r in first}.isdisjoint(r.tool_id for r in second)
    assert tool.find([task.key for task in tasks_of()]) == first


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    """What two rounds give when nothing goes wrong; the second starts at the first one's last answer."""
    return two_rounds(tmp_path_factory.mktemp("undisturbed"), split=24, extra=[0, 0, 0], reverse=False)


def two_rounds(folder: Path, split: int, extra: list[int], reverse: bool) -> list[Answer]:
    for number, round_id in enumerate(("r000", "r001")):
        for _ in range(extra[number]):
            open_tool(folder).poll(None)
        tasks = tasks_of(round_id)[:: -1 if reverse else 1]
        for part in (tasks[:split], tasks[split:]):
            open_tool(folder).push(part)
        answers = [a for a in every_answer(folder) if a.key.startswith(f"farm/{round_id}/")]
        open_tool(folder).close(round_id, answers[-1].answered_at)
    for _ in range(extra[2]):
        open_tool(folder).poll(None)
    return every_answer(folder)


@settings(max_examples=15, deadline=None)
@given(
    split=st.integers(0, 24),
    extra=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    reverse=st.booleans(),
)
def test_split_pushes_and_extra_polls_change_no_answer(
    undisturbed: list[Answer],
    tmp_path_factory: pytest.TempPathFactory,
    split: int,
    extra: list[int],
    reverse: bool,
) -> None:
    folder = tmp_path_factory.mktemp("disturbed")
    assert two_rounds(folder, split, extra, reverse) == undisturbed


def test_a_torn_push_can_be_completed(tmp_path: Path) -> None:
    """Wherever a kill cuts the file, find and a push of the rest give the same answers as one push."""
    open_tool(tmp_path / "whole").push(tasks_of(n_items=4))
    expected = every_answer(tmp_path / "whole")
    path = tmp_path / "whole" / "rounds" / "r000.jsonl"
    content = path.read_bytes()
    heading = content.index(b"\n") + 1
    for cut in (0, 10, heading - 1, heading, heading + 5, heading + 30, len(content) - 1):
        folder = tmp_path / f"cut{cut}"
        torn = folder / "rounds" / "r000.jsonl"
        torn.parent.mkdir(parents=True)
        torn.write_bytes(content[:cut])
        found = {receipt.key for receipt in open_tool(folder).find([t.key for t in tasks_of(n_items=4)])}
        open_tool(folder).push([t for t in tasks_of(n_items=4) if t.key not in found])
        assert open_tool(folder).duplicates() == {}
        assert torn.read_bytes() == content
        assert every_answer(folder) == expected


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_simulated_tool import open_tool, tasks_of
folder, n = Path(sys.argv[1]), 0
print("ready", flush=True)
while True:
    open_tool(folder).push(tasks_of(f"r{n:03d}", 50))
    open_tool(folder).poll(None)
    n += 1
"""


def test_a_killed_process_leaves_a_tool_that_works(tmp_path: Path) -> None:
    """After kill -9 in the middle of pushes and polls, each round's missing tasks are found and completed."""
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)
    process.kill()
    process.wait()
    process.stdout.close()
    for path in (tmp_path / "rounds").glob("*.jsonl"):
        tasks = tasks_of(path.stem, 50)
        found = {receipt.key for receipt in open_tool(tmp_path).find([task.key for task in tasks])}
        open_tool(tmp_path).push([task for task in tasks if task.key not in found])
        assert len(open_tool(tmp_path).find([task.key for task in tasks])) == len(tasks)
    assert open_tool(tmp_path).duplicates() == {}
    assert open_tool(tmp_path).poll(None).now > EPOCH


def test_the_clock_moves_on_by_the_hours_of_a_poll(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_of())
    assert [tool.poll(None).now - EPOCH for _ in range(3)] == [timedelta(hours=n) for n in (1, 2, 3)]


def test_nights_take_one_poll(tmp_path: Path) -> None:
    """A poll that would bring nothing new goes to the next answer; so no poll of an open round is idle."""
    tool = open_tool(tmp_path)
    tasks = tasks_of(n_items=60)
    tool.push(tasks)
    since, brought = None, []
    while sum(brought) < len(tasks):
        poll = tool.poll(since)
        since = poll.now
        brought.append(len(poll.answers))
    assert min(brought) > 0
    assert since is not None
    assert since - EPOCH > timedelta(days=1)


def test_progress_does_not_move_the_clock(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_of())
    keys = [task.key for task in tasks_of()]
    for _ in range(5):
        assert tool.progress(keys).answered == 0
    poll = tool.poll(None)
    assert tool.progress(keys).answered == len(poll.answers) > 0


def test_a_round_starts_when_the_one_before_closed(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    assert {receipt.at for receipt in tool.push(tasks_of())} == {EPOCH}
    answers = every_answer(tmp_path)
    closed_at = answers[-1].answered_at
    tool.close("r000", closed_at)
    assert {receipt.at for receipt in tool.push(tasks_of("r001"))} == {closed_at}
    assert {receipt.at for receipt in tool.find([task.key for task in tasks_of("r001")])} == {closed_at}
    later = [a for a in every_answer(tmp_path) if a.key.startswith("farm/r001/")]
    assert min(a.answered_at for a in later) > closed_at


def test_closing_moves_the_clock_to_the_close(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    at = EPOCH + timedelta(days=3)
    tool.close("r000", at)
    assert tool.poll(None).now > at


def test_late_answers_of_a_closed_round_still_arrive(tmp_path: Path) -> None:
    """A round closed early, as a quorum does, gives the rest of its answers in later polls."""
    tool = open_tool(tmp_path)
    tool.push(tasks_of())
    early = tool.poll(None)
    assert 0 < len(early.answers) < 24
    tool.close("r000", early.now)
    tool.push(tasks_of("r001"))
    since, late = early.now, []
    for _ in range(100):
        poll = tool.poll(since)
        late += [answer for answer in poll.answers if answer.key.startswith("farm/r000/")]
        since = poll.now
    assert len(early.answers) + len(late) == 24
    assert all(answer.answered_at > early.now for answer in late)


def test_a_round_keeps_the_crew_it_was_pushed_to(tmp_path: Path) -> None:
    """Another crew in params.yaml answers the rounds to come, not the ones that are asked already."""
    open_tool(tmp_path).push(tasks_of())
    other = Annotation(overlap=1, test_overlap=1,
                       simulation=Simulation(annotators=[SimulatedAnnotator(name="zoe")]))  # fmt: skip
    open_tool(tmp_path, other).push(tasks_of("r001", copies=1))
    people: dict[str, set[str]] = {"r000": set(), "r001": set()}
    for answer in every_answer(tmp_path):
        people[answer.key.split("/")[1]].add(answer.annotator)
    assert people == {"r000": {"ada", "ben", "cy"}, "r001": {"zoe"}}


def test_an_item_without_a_label_is_refused_before_anything_is_pushed(tmp_path: Path) -> None:
    tool = open_tool(tmp_path, labels=lambda items: {item: None if item == "i7" else "cat" for item in items})
    with pytest.raises(ToolError, match=r"'i7'.*files"):
        tool.push(tasks_of())
    assert tool.find([task.key for task in tasks_of()]) == []


def test_a_label_that_is_no_class_is_refused(tmp_path: Path) -> None:
    tool = open_tool(tmp_path, labels=lambda items: dict.fromkeys(items, "horse"))
    with pytest.raises(ToolError, match=r"'horse'.*labels\.classes"):
        tool.push(tasks_of())


def test_other_label_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="boxes"):
        open_tool(tmp_path).create(Project("farm", "boxes", CLASSES, "Where?", "images", ()))


def test_a_poll_asks_only_for_the_labels_of_rounds_that_are_alive(tmp_path: Path) -> None:
    """A campaign's age costs nothing: rounds whose answers are all in are not worked through again."""
    asked: list[str] = []

    def watched(items: Sequence[str]) -> dict[str, str | None]:
        asked.extend(items)
        return truth(items)

    since: datetime | None = None
    for number in range(6):
        tool = open_tool(tmp_path)
        tasks = [Task(f"farm/r{number:03d}/n{number}-{n}/0", f"n{number}-{n}", 0, {}) for n in range(5)]
        tool.push(tasks)
        for _ in range(60):
            poll = tool.poll(since)
            since = poll.now
        tool.close(f"r{number:03d}", since)
    open_tool(tmp_path).push([Task("farm/r006/n6-0/0", "n6-0", 0, {})])
    open_tool(tmp_path, labels=watched).poll(since)
    assert asked == ["n6-0"]


def test_times_are_utc_even_for_a_clock_that_was_read_back(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_of())
    tool.poll(None)
    assert open_tool(tmp_path).poll(None).now.utcoffset() == UTC.utcoffset(None)
