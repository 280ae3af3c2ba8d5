"""A poll asks for what is new, notices what is gone, and forgets nobody's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from label_studio_polled import START, FakeServer, poll, pushed

from labelloop import files
from labelloop.adapters.tools import label_studio_poll
from labelloop.errors import UnreachableError
from labelloop.workspace import Workspace


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    monkeypatch.setattr(label_studio_poll, "monotonic", lambda: server.steady)
    return server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return pushed(tmp_path)


def test_right_after_a_push_only_what_was_answered_is_listed(
    server: FakeServer, workspace: Workspace
) -> None:
    """And with nothing new, nothing but what is reread."""
    first = poll(server, workspace, 0.1)
    assert server.listed == 0
    for task in range(1, 4):
        server.answer(task, 1, "cat", 0.2)
    second = poll(server, workspace, 0.3, first.now)
    assert (len(second.answers), server.listed) == (3, 3)
    assert poll(server, workspace, 0.4, second.now).answers == []
    assert server.listed == 3
    assert poll(server, workspace, 30, second.now).answers == []
    poll(server, workspace, 60)
    assert server.listed == 0
    assert len(server.requests) <= 5


@pytest.mark.parametrize("later", [0.5, 5, 500])
def test_a_deletion_is_noticed_however_young_the_task_is(
    server: FakeServer, workspace: Workspace, later: float
) -> None:
    server.answer(7, 1, "cat", 0.2)
    first = poll(server, workspace, 0.3)
    poll(server, workspace, later / 2 + 0.1)
    server.rows[7] |= {"annotations": [], "updated_at": (START + timedelta(minutes=later)).isoformat()}
    found = poll(server, workspace, later + 0.1, first.now).answers
    assert [(one.annotator, one.action, one.key) for one in found] == [("ada", "deleted", "farm/r000/i6/0")]
    assert server.listed == 1


def test_deleted_tasks_are_looked_for_only_when_there_are_too_few(
    server: FakeServer, workspace: Workspace
) -> None:
    """And not again while nothing changes; of a closed round not at all."""
    assert poll(server, workspace, 1).gone == []
    usual = len(server.requests)
    for task in (3, 449):
        del server.rows[task]
    gone = ["farm/r000/i2/0", "farm/r000/i2/1", "farm/r000/i448/0", "farm/r000/i448/1"]
    assert sorted(poll(server, workspace, 2).gone) == gone
    assert len(server.requests) == usual + 5
    assert sorted(poll(server, workspace, 3).gone) == gone
    assert len(server.requests) == usual
    del server.rows[5]
    assert len(poll(server, workspace, 4).gone) == 6
    files.write_json(workspace.round("r000").closed, {})
    assert poll(server, workspace, 5).gone == []


def test_a_name_once_known_is_kept_when_the_account_is_removed(
    server: FakeServer, workspace: Workspace
) -> None:
    """The same person stays the same person; accounts are asked for only when somebody is unknown."""
    server.answer(1, 1, "cat", 0.2)
    first = poll(server, workspace, 1)
    assert "/api/users/" in server.requests
    server.users = []
    server.answer(2, 1, "dog", 1.5)
    server.rows[1]["annotations"][0] |= {"completed_by": None, "updated_at": START.isoformat()}
    second = poll(server, workspace, 2, first.now)
    assert "/api/users/" not in server.requests
    assert [(one.annotator, one.value) for one in second.answers] == [("ada", "dog")]
    server.answer(3, 9, "cat", 2.5)
    third = poll(server, workspace, 3, second.now)
    assert [one.annotator for one in third.answers] == ["account 9"]
    server.answer(4, 1, "cat", 3.5)
    assert [one.annotator for one in poll(server, workspace, 4, third.now).answers] == ["ada"]


def test_a_date_in_the_future_moves_no_clock_and_is_taken_when_its_time_has_come(
    server: FakeServer, workspace: Workspace
) -> None:
    """The server's clock was an hour ahead for a while: nothing is lost, and no round closes early."""
    server.answer(1, 1, "cat", 61)
    server.answer(2, 2, "cat", 1)
    first = poll(server, workspace, 2)
    assert [one.annotator for one in first.answers] == ["ben"]
    assert "dated" in first.refusals[0].reason
    assert first.now == START + timedelta(minutes=2)
    found = poll(server, workspace, 62, first.now)
    assert [(one.annotator, one.action) for one in found.answers] == [("ada", "submitted")]
    assert found.refusals == []


def test_more_people_than_copies_still_count_whatever_the_overlap_is_now(
    server: FakeServer, workspace: Workspace
) -> None:
    """Copies are those that were pushed: somebody may have set another overlap by hand."""
    server.rows[1]["overlap"] = 10**9
    for who in (1, 2, 9):
        server.answer(1, who, "cat", 0.1 * who)
    keys = [one.key[-1] for one in poll(server, workspace, 2).answers]
    assert keys == ["0", "1", "1"]


@pytest.mark.parametrize("later", [5, 58, 70, 500])
def test_answers_after_the_servers_clock_was_set_back_are_found(
    server: FakeServer, workspace: Workspace, later: float
) -> None:
    """An hour ahead at one poll, right again at the next, whenever that is; and found once."""
    server.answer(1, 1, "cat", 60.1)
    first = poll(server, workspace, 0.3, ahead=60)
    server.answer(2, 2, "dog", 2)
    found = poll(server, workspace, later, first.now)
    assert [(one.annotator, one.value) for one in found.answers] == [("ben", "dog")]
    server.answer(3, 2, "cat", later + 0.5)
    assert len(poll(server, workspace, later + 1, found.now).answers) == 1
    # No more than is reread, the date that is still to come included.
    assert server.listed <= 3


def test_a_proxy_whose_date_is_ahead_skips_no_window(server: FakeServer, workspace: Workspace) -> None:
    """Tasks are dated by the server behind it; what counts is how far those dates have come."""
    server.answer(1, 1, "cat", 1)
    now = poll(server, workspace, 2, ahead=60).now
    for minute in (3, 9, 61, 62):
        server.answer(minute, 2, "dog", minute)
        found = poll(server, workspace, minute + 0.5, now, ahead=60)
        assert len(found.answers) == 1
        assert server.listed <= 2
        now = found.now


def test_a_note_of_an_earlier_version_is_read(server: FakeServer, workspace: Workspace) -> None:
    """Its time was a reply's date, which may have skipped something: read once from the beginning."""
    server.answer(1, 1, "cat", 1)
    first = poll(server, workspace, 2)
    path = workspace.state / "label_studio" / "project-1" / "polled.json"
    old = {name: value for name, value in files.read_json(path).items() if name in ("now", "missing")}
    files.write_json(path, old | {"began": (START + timedelta(minutes=2)).isoformat()})
    server.answer(2, 2, "dog", 0.5)
    assert [one.annotator for one in poll(server, workspace, 3, first.now).answers] == ["ben"]
    poll(server, workspace, 10)
    assert poll(server, workspace, 11).answers
    assert server.listed == 0


def test_after_a_restart_of_this_machine_everything_is_read_once_more(
    server: FakeServer, workspace: Workspace
) -> None:
    """Nobody knows how much time has passed: the server's clock may have been set back by an hour."""
    for task in range(1, 100):
        server.answer(task, 1, "cat", 0.2 * task)
    first = poll(server, workspace, 20)
    server.answer(101, 2, "dog", 15)
    restarted = poll(server, workspace, 21, first.now, since_start=1)
    assert [(one.annotator, one.value) for one in restarted.answers] == [("ben", "dog")]
    assert poll(server, workspace, 26, restarted.now, since_start=6).answers == []
    assert poll(server, workspace, 28, restarted.now, since_start=8).answers == []
    assert server.listed == 0


def test_dates_before_any_label_studio_are_read(server: FakeServer, workspace: Workspace) -> None:
    """Of the year 1, before which nothing can be looked for; and what comes later is found."""
    server.answer(1, 1, "cat", 0.1)
    server.rows[1]["updated_at"] = datetime.min.replace(tzinfo=UTC).isoformat()
    first = poll(server, workspace, 0.2)
    assert len(first.answers) == 1
    assert poll(server, workspace, 0.3, first.now).answers == []
    server.answer(2, 2, "dog", 0.4)
    assert [one.annotator for one in poll(server, workspace, 0.5, first.now).answers] == ["ben"]


def test_a_listing_that_is_short_of_tasks_makes_none_gone(server: FakeServer, workspace: Workspace) -> None:
    """The project itself says how many there are: else an empty reply would close the round."""
    server.answer(1, 1, "cat", 0.1)
    first = poll(server, workspace, 1)
    server.answer(2, 2, "dog", 1.5)
    server.lists_nothing = True
    for minute in (2, 3):
        with pytest.raises(UnreachableError, match="450"):
            poll(server, workspace, minute, first.now)
    server.lists_nothing = False
    found = poll(server, workspace, 4, first.now)
    assert ([one.annotator for one in found.answers], found.gone) == (["ben"], [])
    server.rows.clear()
    assert len(poll(server, workspace, 5).gone) == 900
