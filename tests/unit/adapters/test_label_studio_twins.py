"""A task that is there twice is dealt out once, and no answer to either is lost."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from label_studio_polled import FakeServer, poll, pushed

from labelloop.adapters.tools import label_studio_poll
from labelloop.adapters.tools.label_studio_places import Counting
from labelloop.workspace import Workspace


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    server.users.append({"id": 3, "email": "cy"})
    monkeypatch.setattr(label_studio_poll, "monotonic", lambda: server.steady)
    return server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return pushed(tmp_path)


def commit_late(server: FakeServer, tasks: range, first: int = 1000) -> None:
    """An import that was given up goes through: the same tasks again."""
    for task in tasks:
        twin = copy.deepcopy(server.rows[task]) | {"id": first + task, "annotations": [], "overlap": 2}
        server.rows[first + task] = twin


def test_unanswered_twins_are_deleted_and_the_older_stays(server: FakeServer, workspace: Workspace) -> None:
    """Nothing is gone, and the keys are listed once."""
    before = copy.deepcopy(server.rows)
    first = poll(server, workspace, 1)
    commit_late(server, range(1, 100))
    found = poll(server, workspace, 2, first.now)
    assert server.rows == before
    assert (found.answers, found.gone, found.refusals) == ([], [], [])
    poll(server, workspace, 3, found.now)
    assert server.listed == 0


@pytest.mark.parametrize("first", [1000, -500])
def test_the_twin_that_was_answered_stays(server: FakeServer, workspace: Workspace, first: int) -> None:
    """Whichever a receipt names: its item is not gone."""
    commit_late(server, range(1, 4), first)
    server.answer(2, 1, "cat", 0.5)
    server.answer(first + 3, 2, "dog", 0.5)
    found = poll(server, workspace, 1)
    assert {(one.annotator, one.value) for one in found.answers} == {("ada", "cat"), ("ben", "dog")}
    assert found.gone == []
    left = {row["data"]["labelloop_key"]: number for number, row in server.rows.items()}
    assert len(server.rows) == len(left) == 450
    assert {2, first + 3, min(1, first + 1)} <= set(server.rows)
    assert poll(server, workspace, 2, found.now).gone == []


def test_an_answer_given_while_twins_are_deleted_is_kept(server: FakeServer, workspace: Workspace) -> None:
    """The server looks itself what is unanswered at that moment."""
    commit_late(server, range(1, 4))
    server.before_delete = lambda: server.answer(1002, 1, "cat", 0.9)
    first = poll(server, workspace, 1)
    assert 1002 in server.rows and 1001 not in server.rows
    server.before_delete = lambda: None
    server.answer(2, 2, "dog", 1.5)
    found = poll(server, workspace, 2, first.now)
    everything = {one.id: one for one in [*first.answers, *found.answers]}
    assert {(one.annotator, one.value) for one in everything.values()} == {("ada", "cat"), ("ben", "dog")}


@pytest.mark.parametrize("people", [(1, 2), (1, 1)])
def test_answers_to_both_are_kept_and_people_are_counted_once(
    server: FakeServer, workspace: Workspace, people: tuple[int, int]
) -> None:
    """With two different people the item has what it needs; else one more is asked, of one of the two."""
    commit_late(server, range(7, 8))
    server.answer(7, people[0], "cat", 0.2)
    server.answer(1007, people[1], "dog", 0.3)
    found = poll(server, workspace, 1, counting=Counting())
    assert {7, 1007} <= set(server.rows)
    enough = len(set(people)) == 2
    assert (server.rows[1007]["overlap"], server.rows[1007]["is_labeled"]) == (1, True)
    assert (server.rows[7]["overlap"], server.rows[7].get("is_labeled", False)) == (
        1 if enough else 2,
        enough,
    )
    said = [(one.annotator, one.action, one.value) for one in found.answers]
    again = "submitted" if enough else "updated"
    assert said == [("ada", "submitted", "cat"), (("ben" if enough else "ada"), again, "dog")]
    if not enough:
        server.answer(7, 3, "cat", 1.5)
    rows: dict[int, Any] = copy.deepcopy(server.rows)
    for minute in (2, 3, 90):
        poll(server, workspace, minute, found.now, counting=Counting())
    for row in (*rows.values(), *server.rows.values()):
        row.pop("updated_at")
    assert server.rows == rows


def test_tasks_that_somebody_added_by_hand_stay(server: FakeServer, workspace: Workspace) -> None:
    """They have no key; the project is listed for them once."""
    for number in (900, 901):
        server.rows[number] = copy.deepcopy(server.rows[1]) | {"id": number, "data": {"text": "mine"}}
    commit_late(server, range(1, 3))
    first = poll(server, workspace, 1)
    assert {900, 901} <= set(server.rows) and len(server.rows) == 452
    poll(server, workspace, 2, first.now)
    assert server.listed == 0
