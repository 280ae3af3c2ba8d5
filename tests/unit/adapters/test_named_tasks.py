"""Questions that are for one person: who answers them in the tools that can send them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.adapters.tools.base import Answer, Project, Task
from labelloop.adapters.tools.crew import work
from labelloop.adapters.tools.files import FilesTool
from labelloop.adapters.tools.keys import TaskKey
from labelloop.adapters.tools.task_sheet import sheet_name
from labelloop.settings.simulation import SimulatedAnnotator

PROJECT = Project("farm", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))
PAIRS = st.lists(st.permutations("abcd").map(lambda people: people[:2]), min_size=6, max_size=6)
"""Who is asked about each of six items."""
PEOPLE = ("ann", "Bo b", "cy@example.org")


def worked(
    people: dict[str, str],
    *,
    skip_rate: float = 0.0,
    again: Sequence[str] = (),
    items: int = 6,
    copies: int = 2,
) -> list[Answer]:
    """What a crew of four answers, with tasks for the people that are named by key."""
    names = ("a", "b", "c", "d")
    tasks = [TaskKey("c", "r001", f"i{item}", copy) for item in range(6) for copy in range(2)]
    tasks += [TaskKey("c", "r001", item, 0) for item in again]
    return work(
        tasks,
        start=datetime(2026, 1, 5, 9, tzinfo=UTC),
        crew=[SimulatedAnnotator(name=name, skip_rate=skip_rate) for name in names],
        cost_per_vote=0.1,
        truth={task.item: "cat" for task in tasks},
        classes=("cat", "dog"),
        seed=3,
        skips_to_review=2,
        people=people,
        again=[TaskKey("c", "r001", item, 0).text for item in again],
    )


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=2, max_size=2, unique=True), min_size=6, max_size=6)
)
@settings(max_examples=40, deadline=None)
def test_the_crew_gives_each_task_to_whom_it_is_for(pairs: list[list[str]]) -> None:
    people = {
        f"c/r001/i{item}/{copy}": who for item, pair in enumerate(pairs) for copy, who in enumerate(pair)
    }
    assert {answer.key: answer.annotator for answer in worked(people)} == people


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=2, max_size=2, unique=True), min_size=6, max_size=6)
)
@settings(max_examples=40, deadline=None)
def test_what_somebody_skips_goes_to_another_who_has_no_task_about_the_item(pairs: list[list[str]]) -> None:
    people = {
        f"c/r001/i{item}/{copy}": who for item, pair in enumerate(pairs) for copy, who in enumerate(pair)
    }
    answers = worked(people, skip_rate=0.3)
    heard: dict[str, list[str]] = {}
    skips: dict[str, int] = {}
    for answer in answers:
        item = answer.key.split("/")[2]
        heard.setdefault(item, []).append(answer.annotator)
        skips[item] = skips.get(item, 0) + (answer.action == "skipped")
    for item, names in heard.items():
        assert len(names) == len(set(names))
        given_up = skips[item] >= 2
        assert given_up or len(names) - skips[item] == 2


def test_the_crew_answers_a_re_ask_as_if_it_were_new_and_nobody_else_gets_it() -> None:
    answers = worked({"c/r001/old/0": "b"}, again=["old"])
    (mine,) = [answer for answer in answers if answer.key == "c/r001/old/0"]
    assert mine.annotator == "b" and mine.action == "submitted" and mine.cost == 0.1
    skipped = worked({"c/r001/old/0": "b"}, again=["old"], skip_rate=0.99)
    assert [a.annotator for a in skipped if a.key == "c/r001/old/0"] == ["b"]


def tasks_for(*whom: tuple[str, str], round_id: str = "r001") -> list[Task]:
    return [
        Task(f"farm/{round_id}/{item}/0", item, 0, {"text": f"it is {item}"}, person=person)
        for item, person in whom
    ]


def open_tool(root: Path) -> FilesTool:
    tool = FilesTool(root, root / ".labelloop" / "files", "farm")
    tool.create(PROJECT)
    return tool


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def fill_in(path: Path, label: str) -> None:
    table = rows(path)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, table[0])
        writer.writeheader()
        writer.writerows(row | {"label": label} for row in table)


def test_everybody_has_a_sheet_with_their_own_questions(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_for(*((f"i{n}", PEOPLE[n % 3]) for n in range(9))))
    folder = tmp_path / "labeling" / "r001"
    everything = rows(folder / "tasks.csv")
    assert {row["item"] for row in everything} == {f"i{n}" for n in range(9)} and len(everything) == 9
    assert {row["annotator"] for row in everything} == {""}
    for number, person in enumerate(PEOPLE):
        table = rows(folder / sheet_name(person))
        assert {row["item"] for row in table} == {f"i{n}" for n in range(number, 9, 3)}
        assert {row["annotator"] for row in table} == {person}
    assert "tasks-<your name>.csv" in (folder / "README.md").read_text()


def test_a_sheet_is_filled_in_where_it_is_and_what_others_answer_counts_too(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_for(("x", "ann"), ("y", "Bo b")))
    folder = tmp_path / "labeling" / "r001"
    fill_in(folder / sheet_name("Bo b"), "dog")
    (folder / "answers-zoe.csv").write_text("item,label\nx,cat\n")
    found = {(a.annotator, a.key, a.value) for a in open_tool(tmp_path).poll(None).answers}
    assert found == {("Bo b", "farm/r001/y/0", "dog"), ("zoe", "farm/r001/x/0", "cat")}


def test_what_was_filled_in_survives_a_push_that_is_repeated(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_for(("x", "ann")))
    sheet = tmp_path / "labeling" / "r001" / sheet_name("ann")
    fill_in(sheet, "dog")
    open_tool(tmp_path).push(tasks_for(("y", "ann"), ("z", "Bo b")))
    assert {row["item"]: row["label"] for row in rows(sheet)} == {"x": "dog", "y": ""}


def test_a_re_ask_looks_like_any_other_question_and_its_answer_keeps_its_key(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.push(tasks_for(("x", "ann"), round_id="r000"))
    fill_in(tmp_path / "labeling" / "r000" / sheet_name("ann"), "cat")
    again = Task("farm/r001/x/0", "x", 0, {"text": "it is x"}, person="ann", again=True)
    open_tool(tmp_path).push([*tasks_for(*((f"i{n}", "ann") for n in range(20))), again])
    folder = tmp_path / "labeling" / "r001"
    table = rows(folder / sheet_name("ann"))
    assert [row["item"] for row in table].index("x") < 20 and table[0].keys() == table[-1].keys()
    assert not any("again" in path.read_text() for path in folder.iterdir())
    fill_in(folder / sheet_name("ann"), "dog")
    found = {(a.key, a.value, a.action) for a in open_tool(tmp_path).poll(None).answers}
    assert {("farm/r000/x/0", "cat", "submitted"), ("farm/r001/x/0", "dog", "submitted")} <= found


@pytest.mark.parametrize("person", ["../up", "Ann", "ann/e", "con.", "日本", "a" * 180, "=1+1"])
def test_a_sheet_is_a_file_of_its_own_whatever_a_person_is_called(person: str) -> None:
    name = sheet_name(person)
    assert "/" not in name and len(name) < 120 and name.startswith("tasks-") and name.isascii()
    others = [sheet_name(one) for one in (person.lower() + "x", "ann", "tasks", person.swapcase() + "2")]
    assert name.lower() not in [other.lower() for other in others]
