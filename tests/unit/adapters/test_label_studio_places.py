"""An answer that does not count takes no place: another person is asked, as long as there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from label_studio_polled import FakeServer, poll, pushed

from labelloop import files
from labelloop.adapters.tools import label_studio_poll
from labelloop.adapters.tools.label_studio_places import Counting
from labelloop.workspace import Workspace

CAT_OR_DOG = Counting(is_valid=lambda value: value in ("cat", "dog"))
PEOPLE = [{"id": number, "email": name} for number, name in enumerate(("ada", "ben", "cy", "eve"), start=1)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    server.users = list(PEOPLE)
    monkeypatch.setattr(label_studio_poll, "monotonic", lambda: server.steady)
    return server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return pushed(tmp_path)


def patches(server: FakeServer) -> int:
    return sum(said.startswith("PATCH") for said in server.requests)


@pytest.mark.parametrize("why", ["stranger", "unknown choice", "account removed", "no choice at all"])
def test_an_answer_that_is_refused_lets_another_person_answer(
    server: FakeServer, workspace: Workspace, why: str
) -> None:
    """Once; it is told; and as soon as enough people have said something that counts, nothing changes."""
    counting = CAT_OR_DOG
    if why == "stranger":
        counting = Counting(frozenset({"ada", "ben", "cy"}), CAT_OR_DOG.is_valid)
    server.answer(7, 4, "cow" if why == "unknown choice" else "cat", 0.2)
    if why == "account removed":
        server.rows[7]["annotations"][0]["completed_by"] = None
    elif why == "no choice at all":
        server.rows[7]["annotations"][0]["result"] = []
    found = poll(server, workspace, 1, counting=counting)
    assert (server.rows[7]["overlap"], server.rows[7]["is_labeled"]) == (3, False)
    assert any("does not count" in one.reason and "overlap is 3" in one.reason for one in found.refusals)
    poll(server, workspace, 2, found.now, counting=counting)
    assert patches(server) == 0
    for who in (1, 2):
        server.answer(7, who, "dog", 2.5)
    last = poll(server, workspace, 3, found.now, counting=counting)
    assert {"ada", "ben"} <= {one.annotator for one in last.answers}
    assert server.rows[7]["overlap"] == 3


def test_nobody_is_asked_who_does_not_exist(server: FakeServer, workspace: Workspace) -> None:
    """It is told what is missing; when an account is added, the next poll asks it."""
    server.users = PEOPLE[:2] + PEOPLE[3:]
    counting = Counting(frozenset({"ada", "ben", "cy"}))
    for who in (1, 4):
        server.answer(7, who, "cat", 0.2)
    server.answer(8, 4, "cat", 0.2)
    server.answer(9, 4, "cat", 0.2)
    server.answer(9, 1, "cat", 0.2)
    server.answer(9, 2, "cat", 0.2)
    first = poll(server, workspace, 1, counting=counting)
    assert [server.rows[n]["overlap"] for n in (7, 8, 9)] == [3, 3, 2]
    server.answer(7, 9, "cat", 1.5)  # of an account that was removed since
    second = poll(server, workspace, 2, first.now, counting=counting)
    assert server.rows[7]["overlap"] == 4
    server.answer(7, 2, "elk", 2.5)
    strict = Counting(counting.people, CAT_OR_DOG.is_valid)
    third = poll(server, workspace, 3, second.now, counting=strict)
    assert server.rows[7]["overlap"] == 4
    assert any("1 too few" in one.where and "add accounts" in one.reason for one in third.refusals)
    server.users = list(PEOPLE)
    poll(server, workspace, 500, third.now, counting=strict)
    assert server.rows[7]["overlap"] == 5
    poll(server, workspace, 501, third.now, counting=strict)
    poll(server, workspace, 900, third.now, counting=strict)
    assert (server.listed, patches(server)) == (0, 0)


def test_two_answers_of_one_person_take_one_place(server: FakeServer, workspace: Workspace) -> None:
    """The server on SQLite may store one answer twice."""
    server.answer(7, 1, "cat", 0.2)
    server.answer(7, 1, "cat", 0.2)
    server.rows[7]["annotations"][1]["id"] += 1
    poll(server, workspace, 1, counting=CAT_OR_DOG)
    assert server.rows[7]["overlap"] == 3


def test_what_counts_changes_nothing(server: FakeServer, workspace: Workspace) -> None:
    """Nor do skips, which take no place, nor whatever happens after the round was closed."""
    for task in range(1, 20):
        server.answer(task, 1 + task % 3, "cat", 0.2)
        server.answer(task, 2 + task % 3, "dog", 0.2)
    server.rows[3]["annotations"][0] |= {"was_cancelled": True, "result": []}
    first = poll(server, workspace, 1, counting=CAT_OR_DOG)
    assert patches(server) == 0
    assert first.refusals == []
    files.write_json(workspace.round("r000").closed, {})
    server.answer(30, 1, "cow", 1.5)
    poll(server, workspace, 2, first.now, counting=CAT_OR_DOG)
    assert patches(server) == 0


def test_a_poll_that_is_cut_off_is_made_good(
    server: FakeServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes away with the request that asks another person: nothing is noted, nothing is lost."""
    server.answer(7, 4, "cow", 0.2)
    patch = server.patch

    def broken(path: str, body: dict[str, object]) -> None:
        raise ConnectionError

    monkeypatch.setattr(server, "patch", broken)
    with pytest.raises(ConnectionError):
        poll(server, workspace, 1, counting=CAT_OR_DOG)
    monkeypatch.setattr(server, "patch", patch)
    found = poll(server, workspace, 20, counting=CAT_OR_DOG)
    assert len(found.answers) == 1
    assert server.rows[7]["overlap"] == 3


def test_an_answer_that_is_dated_in_the_future_is_waited_for(
    server: FakeServer, workspace: Workspace
) -> None:
    """It will count: nobody else is asked meanwhile. One that never will is made up for all the same."""
    server.answer(7, 1, "cat", 61)
    server.answer(8, 1, "cow", 61)
    first = poll(server, workspace, 2, counting=CAT_OR_DOG)
    assert patches(server) == 0
    found = poll(server, workspace, 62, first.now, counting=CAT_OR_DOG)
    assert len(found.answers) == 2
    assert [server.rows[number]["overlap"] for number in (7, 8)] == [2, 3]
