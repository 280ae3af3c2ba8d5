"""Labeling by hand: what is written for people, and how their changes become events."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labelloop.adapters.tools import notes
from labelloop.adapters.tools.base import Answer, Poll, Project, Task
from labelloop.adapters.tools.files import FilesTool
from labelloop.errors import ToolError

PROJECT = Project("farm", "choice", ("cat", "dog"), "Which\nanimal?", "text", ("text",))
SAVED = datetime(2026, 3, 2, 10, tzinfo=UTC)


def open_tool(root: Path) -> FilesTool:
    return FilesTool(root, root / ".labelloop" / "files", "farm")


def tasks_of(items: Sequence[str] = ("a", "b", "c"), copies: int = 2, **payload: object) -> list[Task]:
    return [
        Task(f"farm/r000/{item}/{copy}", item, copy, payload or {"text": f"it is {item}"})
        for item in items
        for copy in range(copies)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A campaign with one round pushed: items a, b and c, two copies each."""
    open_tool(tmp_path).create(PROJECT)
    open_tool(tmp_path).push(tasks_of())
    return tmp_path


def save(root: Path, name: str, content: str | bytes, minutes: float = 0) -> Path:
    """Hand in a file, saved some minutes after SAVED."""
    path = root / "labeling" / "r000" / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    moment = (SAVED + timedelta(minutes=minutes)).timestamp()
    os.utime(path, (moment, moment))
    return path


def events(root: Path, since: datetime | None = None) -> list[tuple[str, str, object, str]]:
    """Item, annotator, value and action of what a poll brings."""
    return [
        (a.key.split("/")[2], a.annotator, a.value, a.action) for a in open_tool(root).poll(since).answers
    ]


def latest(answers: Sequence[Answer]) -> dict[tuple[str, str], object]:
    """What counts in the end: the latest answer of each person to each item."""
    final: dict[tuple[str, str], object] = {}
    for answer in sorted(answers, key=lambda a: a.answered_at):
        final[answer.key.split("/")[2], answer.annotator] = answer.value
    return final


def sheet(root: Path) -> list[dict[str, str]]:
    with (root / "labeling/r000/tasks.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_sheet_has_one_row_an_item(root: Path) -> None:
    rows = sheet(root)
    assert [row["item"] for row in rows] == ["a", "b", "c"]
    assert [row["text"] for row in rows] == ["it is a", "it is b", "it is c"]
    assert {(row["label"], row["annotator"]) for row in rows} == {("", "")}


def test_the_page_for_annotators_has_the_question_and_every_class(root: Path) -> None:
    text = (root / "labeling/r000/README.md").read_text()
    assert text.startswith("# Which animal?\n")
    assert all(f"- `{name}`" in text for name in PROJECT.classes)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-x", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula_and_the_answer_still_finds_its_item(tmp_path: Path, text: str) -> None:
    tool = open_tool(tmp_path)
    tool.create(PROJECT)
    tool.push(tasks_of([text], text=text, **{text: "header"}))
    with (tmp_path / "labeling/r000/tasks.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    save(tmp_path, "answers-ada.csv", f'item,label\n"{rows[1][1]}",cat\n')
    assert [answer.key for answer in tool.poll(None).answers] == [f"farm/r000/{text}/0"]


def test_payloads_of_every_kind_become_text(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.create(PROJECT)
    tool.push(tasks_of(["a"], text=None, x=-1.5, image="data/a.png", pair=[1, "ü"], label="shadow"))
    (row,) = sheet(tmp_path)
    assert (row["text"], row["x"], row["image"], row["pair"]) == ("", "-1.5", "data/a.png", '[1, "ü"]')
    assert (row["label"], row["label (shown)"]) == ("", "shadow")


@pytest.mark.parametrize("text", ["one\rtwo", "one\ntwo", "one\r\ntwo", 'say "moo"', "a;b,c\td"])
def test_texts_with_line_breaks_and_separators_keep_to_their_row(tmp_path: Path, text: str) -> None:
    tool = open_tool(tmp_path)
    tool.create(PROJECT)
    tool.push(tasks_of(text=text))
    assert [(row["item"], row["text"]) for row in sheet(tmp_path)] == [(item, text) for item in "abc"]


def test_a_very_long_text_does_not_break_the_sheet(tmp_path: Path) -> None:
    tool = open_tool(tmp_path)
    tool.create(PROJECT)
    tool.push(tasks_of(["a"], text="x" * 300_000))
    handed_in = (tmp_path / "labeling/r000/tasks.csv").read_text().replace("a,,,", "a,cat,ada,")
    save(tmp_path, "tasks.csv", handed_in)
    assert events(tmp_path) == [("a", "ada", "cat", "submitted")]


def test_a_filled_in_sheet_is_an_answer_file(root: Path) -> None:
    content = (root / "labeling/r000/tasks.csv").read_text().replace("b,,,", "b,dog,ada,")
    save(root, "tasks.csv", content)
    assert events(root) == [("b", "ada", "dog", "submitted")]


def test_pushing_the_rest_keeps_what_is_filled_in(root: Path) -> None:
    content = (root / "labeling/r000/tasks.csv").read_text().replace("b,,,", "b,dog,ada,")
    save(root, "tasks.csv", content)
    open_tool(root).push(tasks_of(["d"]))
    assert [(row["item"], row["label"]) for row in sheet(root)] == [
        ("a", ""),
        ("b", "dog"),
        ("c", ""),
        ("d", ""),
    ]
    assert events(root) == [("b", "ada", "dog", "submitted")]


def test_a_sheet_that_cannot_be_read_is_not_written_over(root: Path) -> None:
    path = save(root, "tasks.csv", b"\xff\x00 somebody's work")
    with pytest.raises(ToolError, match="rename"):
        open_tool(root).push(tasks_of(["d"]))
    assert path.read_bytes() == b"\xff\x00 somebody's work"


def test_a_push_without_a_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="created"):
        open_tool(tmp_path).push(tasks_of())


def test_the_kth_person_answers_the_kth_copy(root: Path) -> None:
    save(root, "answers-ben.csv", "item,label\na,cat\n")
    first = open_tool(root).poll(None)
    assert [(a.annotator, a.key) for a in first.answers] == [("ben", "farm/r000/a/0")]
    save(root, "answers-ada.csv", "item,label\na,dog\n", minutes=-60)
    save(root, "answers-zoe.csv", "item,label\na,dog\n", minutes=60)
    second = open_tool(root).poll(first.now)
    assert [(a.annotator, a.key) for a in second.answers] == [
        ("ada", "farm/r000/a/1"),
        ("zoe", "farm/r000/a/1"),
    ]


def test_a_skip_leaves_its_copy_to_others(root: Path) -> None:
    """Asked of two, skipped by one: two others fill both copies, however often was looked in between."""
    save(root, "answers-ada.csv", "item,label\na,skip\n", 1)
    first = events(root)
    save(root, "answers-ben.csv", "item,label\na,cat\n", 2)
    events(root)
    save(root, "answers-cy.csv", "item,label\na,dog\n", 3)
    answers = open_tool(root).poll(None).answers
    assert [(one.annotator, one.action, one.key[-1]) for one in answers[1:]] == [
        ("ben", "submitted", "0"), ("cy", "submitted", "1"),
    ]  # fmt: skip
    assert (answers[0].annotator, answers[0].action) == ("ada", "skipped")
    assert events(root)[:1] == first
    save(root, "answers-ada.csv", "item,label\na,cat\n", 4)
    assert [(one.annotator, one.action) for one in open_tool(root).poll(None).answers][3:] == [
        ("ada", "updated")
    ]


def test_saving_again_with_one_change_is_one_event(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label\na,cat\nb,cat\nc,cat\n")
    first = open_tool(root).poll(None)
    save(root, "answers-ada.csv", "item,label\na,cat\nb,dog\nc,cat\n", minutes=5)
    assert events(root, first.now) == [("b", "ada", "dog", "updated")]


def test_there_and_back_again_ends_where_it_began(root: Path) -> None:
    """A, then B, then A: three events of three ids, and the latest is A, however the file's time moves."""
    answers: list[Answer] = []
    since = None
    for label, minutes in (("cat", 0), ("dog", 5), ("cat", -30)):
        save(root, "answers-ada.csv", f"item,label\na,{label}\n", minutes=minutes)
        poll = open_tool(root).poll(since)
        answers += poll.answers
        since = poll.now
    assert [a.value for a in answers] == ["cat", "dog", "cat"]
    assert len({a.id for a in answers}) == 3
    assert latest(answers) == {("a", "ada"): "cat"}
    assert latest(open_tool(root).poll(None).answers) == {("a", "ada"): "cat"}


def test_a_correction_costs_nothing_but_the_first_answer_does(root: Path) -> None:
    polls: list[Poll] = []
    for label in ("skip", "cat", "skip", "dog"):
        save(root, "answers-ada.csv", f"item,label\na,{label}\n")
        polls.append(open_tool(root).poll(polls[-1].now if polls else None))
    told = [(a.action, a.value, a.cost) for poll in polls for a in poll.answers]
    assert told == [
        ("skipped", None, 0.0),
        ("updated", "cat", None),
        ("skipped", None, 0.0),
        ("updated", "dog", 0.0),
    ]


def test_an_emptied_cell_or_a_removed_file_takes_nothing_back(root: Path) -> None:
    path = save(root, "answers-ada.csv", "item,label\na,cat\n")
    first = open_tool(root).poll(None)
    save(root, "answers-ada.csv", "item,label\na,\n", minutes=5)
    assert events(root, first.now) == []
    path.unlink()
    assert events(root, first.now) == []
    assert open_tool(root).progress([task.key for task in tasks_of()]).answered == 1


def test_of_two_files_of_one_person_the_later_counts(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label\na,cat\nb,cat\n", minutes=10)
    save(root, "answers-ada (1).csv", "item,label\na,dog\nc,dog\n", minutes=20)
    assert latest(open_tool(root).poll(None).answers) == {
        ("a", "ada"): "dog",
        ("b", "ada"): "cat",
        ("c", "ada"): "dog",
    }


def test_a_file_older_than_the_last_poll_is_not_missed(root: Path) -> None:
    since = open_tool(root).poll(None).now
    save(root, "answers-ada.csv", "item,label\na,cat\n")
    assert since > SAVED
    assert events(root, since) == [("a", "ada", "cat", "submitted")]


def test_a_time_in_the_future_is_brought_back_to_now(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label,answered_at\na,cat,2999-01-01T00:00:00Z\n")
    poll = open_tool(root).poll(None)
    assert poll.answers[0].answered_at <= poll.now


def test_a_time_of_its_own_wins_over_the_files(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label,answered_at\na,cat,2026-02-01T08:00:00+01:00\nb,cat,soon\n")
    times = {a.key.split("/")[2]: a.answered_at for a in open_tool(root).poll(None).answers}
    assert times == {"a": datetime(2026, 2, 1, 7, tzinfo=UTC), "b": SAVED}


def test_lost_notes_are_made_anew_with_the_same_ids(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label\na,cat\nb,dog\n")
    before = open_tool(root).poll(None).answers
    (root / ".labelloop/files/r000.jsonl").unlink()
    assert open_tool(root).poll(None).answers == before


def age(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files of the round be old enough to be trusted not to change unnoticed."""
    monkeypatch.setattr(notes, "SETTLED_NS", 0)
    open_tool(root).poll(open_tool(root).poll(None).now)


def test_a_folder_that_nobody_touched_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign's age costs nothing: only rounds with a change since the last poll are read."""
    save(root, "answers-ada.csv", "item,label\na,cat\n")
    age(root, monkeypatch)
    everything = open_tool(root).poll(None)
    monkeypatch.setattr(FilesTool, "_changes", lambda *_: pytest.fail("the round was read again"))
    assert open_tool(root).poll(None).answers == everything.answers
    assert open_tool(root).poll(everything.now).answers == []


def test_a_change_after_a_folder_had_settled_is_seen(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new content of the same size and time is still another file to the disk."""
    save(root, "answers-ada.csv", "item,label\na,cat\n")
    age(root, monkeypatch)
    since = open_tool(root).poll(None).now
    save(root, "answers-ada.csv", "item,label\na,dog\n")
    assert events(root, since) == [("a", "ada", "dog", "updated")]


def test_a_copy_of_a_rounds_folder_is_no_second_round(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label\na,cat\n")
    shutil.copytree(root / "labeling/r000", root / "labeling/r000-backup")
    assert events(root) == [("a", "ada", "cat", "submitted")]


def test_a_refusal_is_told_once(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label\nzebra,cat\n")
    first = open_tool(root).poll(None)
    assert [refusal.where for refusal in first.refusals] == ["labeling/r000/answers-ada.csv, row 2"]
    assert open_tool(root).poll(first.now).refusals == []


def test_closing_leaves_every_file_as_it_is(root: Path) -> None:
    save(root, "answers-ada.csv", "item,label\na,cat\n")
    before = {path: path.read_bytes() for path in (root / "labeling").rglob("*") if path.is_file()}
    open_tool(root).close("r000", SAVED)
    assert {path: path.read_bytes() for path in (root / "labeling").rglob("*") if path.is_file()} == before


def test_a_push_cut_short_before_its_listing_counts_as_not_pushed(root: Path) -> None:
    """tasks.jsonl is written last, so what find knows of always has its sheet and its page."""
    (root / "labeling/r000/tasks.jsonl").unlink()
    assert open_tool(root).find([task.key for task in tasks_of()]) == []
    open_tool(root).push(tasks_of())
    assert [row["item"] for row in sheet(root)] == ["a", "b", "c"]


def ask_again(root: Path) -> None:
    """Round r001 wants one more person about a, whom ada and ben have had."""
    look = Task("farm/r000/a/2", "a", 2, {"text": "it is a"}, round="r001", not_for=("ada", "ben"))
    open_tool(root).push([look, Task("farm/r001/d/0", "d", 0, {"text": "it is d"})])


def test_a_second_look_is_in_the_folder_of_the_round_that_asks(root: Path) -> None:
    """It is found by its key, and the page says that some items were asked before, not which."""
    ask_again(root)
    keys = ["farm/r000/a/2", "farm/r001/d/0", "farm/r000/a/1", "farm/r000/a/3"]
    found = open_tool(root).find(keys)
    assert sorted(one.key for one in found) == ["farm/r000/a/1", "farm/r000/a/2", "farm/r001/d/0"]
    ask_again(root)
    folder = root / "labeling" / "r001"
    with (folder / "tasks.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["item"] for row in csv.DictReader(stream)] == ["a", "d"]
    assert "ada" not in (folder / "tasks.csv").read_text()
    assert "were asked before" in (folder / "README.md").read_text()
    assert "were asked before" not in (root / "labeling/r000/README.md").read_text()
    assert "not_for" not in (root / "labeling/r000/tasks.jsonl").read_text()


def test_who_was_asked_before_and_answers_again_has_changed_an_answer_at_no_cost(root: Path) -> None:
    """A skip of theirs says nothing; somebody else's answer is one more, and is paid."""
    save(root, "answers-ada.csv", "item,label\na,cat\n")
    ask_again(root)
    folder = root / "labeling" / "r001"
    (folder / "answers-ada.csv").write_text("item,label\na,dog\n")
    (folder / "answers-ben.csv").write_text("item,label\na,skip\n")
    (folder / "answers-cy.csv").write_text("item,label\na,cat\nd,cat\n")
    answers = [one for one in open_tool(root).poll(None).answers if "r001" in str(one.tool_ref)]
    said = {(a.annotator, a.key): (a.value, a.action, a.cost) for a in answers}
    assert said == {
        ("ada", "farm/r000/a/2"): ("dog", "updated", 0.0),
        ("cy", "farm/r000/a/2"): ("cat", "submitted", None),
        ("cy", "farm/r001/d/0"): ("cat", "submitted", None),
    }
