"""An outage is told from the first failed attempt to the first that works, with waits that grow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labelloop import outages
from labelloop.errors import ToolError
from labelloop.workspace import Workspace

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


def fail(workspace: Workspace, at: datetime, says: str = "it is down") -> outages.Outage:
    return outages.note(workspace, ToolError(says), now=at)


def test_waits_double_from_half_a_minute_to_a_quarter_of_an_hour(workspace: Workspace) -> None:
    waits = []
    at = START
    for _ in range(9):
        outage = fail(workspace, at)
        waits.append((outage.next_try - outage.last).total_seconds())
        at = outage.next_try
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900, 900]


def test_an_outage_of_years_overflows_nothing() -> None:
    assert outages.wait_after(10**9) == outages.LONGEST_WAIT


def test_the_beginning_stays_and_the_rest_is_of_the_last_attempt(workspace: Workspace) -> None:
    fail(workspace, START)
    fail(workspace, START + timedelta(hours=1), "its disk is full")
    outage = outages.read(workspace)
    assert outage is not None
    assert (outage.since, outage.last, outage.attempts) == (START, START + timedelta(hours=1), 2)
    assert outage.message == "its disk is full"


def test_success_ends_it_and_the_next_one_begins_anew(workspace: Workspace) -> None:
    for n in range(5):
        fail(workspace, START + timedelta(hours=n))
    outages.clear(workspace)
    assert outages.read(workspace) is None
    outages.clear(workspace)
    outage = fail(workspace, START + timedelta(days=1))
    assert (outage.since, outage.attempts) == (START + timedelta(days=1), 1)
    assert outage.next_try - outage.last == outages.FIRST_WAIT


def test_the_next_attempt_is_due_after_the_wait_and_when_the_clock_was_set_back(workspace: Workspace) -> None:
    outage = fail(workspace, START)
    assert not outage.is_due(START)
    assert not outage.is_due(outage.next_try - timedelta(seconds=1))
    assert outage.is_due(outage.next_try)
    assert outage.is_due(START - timedelta(hours=1))


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"since": "yesterday"}', '{"since": "2026-01-01T00:00:00", "last": "x"}']
)
def test_a_damaged_note_is_no_outage(workspace: Workspace, damage: str) -> None:
    fail(workspace, START)
    (workspace.state / "outage.json").write_text(damage)
    assert outages.read(workspace) is None
    assert fail(workspace, START).attempts == 1


def test_it_is_told_with_its_beginning_attempts_and_next_try(workspace: Workspace) -> None:
    for n in range(7):
        outage = fail(workspace, START + timedelta(hours=n), "Label Studio at http://x:1 cannot be reached")
    told = str(outage)
    assert "since 2026-03-01 08:00:00 UTC (7 attempts, last 2026-03-01 14:00:00" in told
    assert "next after 2026-03-01 14:15:00" in told
    assert told.endswith("Label Studio at http://x:1 cannot be reached")


def test_a_long_message_does_not_grow_the_note(workspace: Workspace) -> None:
    fail(workspace, START, "x" * 10**6)
    assert (workspace.state / "outage.json").stat().st_size < 2000
