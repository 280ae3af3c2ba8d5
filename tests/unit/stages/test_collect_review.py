"""Skips go to others, what nobody could label goes to the review list, and no round waits for ever."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop import files, tables
from labelloop.adapters.tools.base import Answer, Poll
from labelloop.adapters.tools.copies import Copies
from labelloop.campaign import CampaignSettings
from labelloop.ledger import Entry, freeze, write_frozen
from labelloop.stages import collect
from labelloop.stages.review_list import write_review
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

PUSHED = datetime(2026, 1, 5, 9, tzinfo=UTC)
ITEMS = ("i0", "=i1")


class Tool:
    """Tells the answers it is given, up to its clock."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.gone: list[str] = []
        self.now = PUSHED
        self.closed: list[datetime] = []
        self._copies = {item: Copies([f"farm/r000/{item}/{n}" for n in (0, 1)]) for item in ITEMS}

    def says(self, item: str, annotator: str, hour: float, value: str | None, action: str = "") -> None:
        action = action or ("skipped" if value is None else "submitted")
        key = self._copies[item].key_of(annotator, action)
        at = PUSHED + timedelta(hours=hour)
        number = f"{item}:{annotator}:{hour}"
        self.answers.append(Answer(number, key, annotator, value, action, at))  # type: ignore[arg-type]

    def poll(self, since: datetime | None) -> Poll:
        told = [one for one in self.answers if one.answered_at <= self.now]
        return Poll(
            [one for one in told if since is None or one.answered_at > since], self.now, [], self.gone
        )

    def close(self, round_id: str, at: datetime) -> None:
        self.closed.append(at)


class _Pool:
    def rows_of(self, items: Sequence[str]) -> np.ndarray:
        return np.array([ITEMS.index(item) for item in items])

    def payload(self, rows: np.ndarray, columns: Sequence[str]) -> list[dict[str, object]]:
        return [{"text": f"=long  text {'x' * 300}", "image": "secret.png", "number": 3} for _ in rows]


class _Prepared:
    pool = _Pool()
    classes = ("cat", "dog")


def open_round(folder: Path, tool: Tool, patch: Any, **annotation: Any) -> Round:
    """A round that was pushed: two people asked about each item."""
    workspace = Workspace.at(folder)
    annotation = {"tool": "files", "overlap": 2, "test_overlap": 2} | annotation
    chosen = CampaignSettings.model_validate({"campaign": {"name": "farm"}, "annotation": annotation})
    frozen = freeze(chosen, Entry("r000", "data/start"), new_items=2, control_before=0.0)
    write_frozen(workspace.round("r000").settings, frozen)
    asked = pd.DataFrame({"item": ITEMS, "arm": "strategy", "round": "r000", "overlap": 2})
    tables.ASKED.write(asked, workspace.round("r000").asked)
    rows = [(f"farm/r000/{item}/{copy}", item, copy) for item in ITEMS for copy in (0, 1)]
    tasks = pd.DataFrame(rows, columns=["key", "item", "copy"]).assign(arm="strategy", tool_id="1")
    tables.TASKS.write(tasks, workspace.round("r000").tasks)
    files.append_line(
        workspace.round("r000").pushed, {"event": "receipts", "at": PUSHED.isoformat(), "tasks": {}}
    )
    tables.VOTES.write(tables.VOTES.empty(), workspace.folder("data/start").collected)
    patch.setattr(collect.datasets, "open_prepared", lambda path: _Prepared())
    patch.setattr(collect, "tool_of", lambda *_: tool)
    return Round(workspace, "r000")


def look(current: Round, tool: Tool, hour: float) -> collect.Waiting | None:
    tool.now = PUSHED + timedelta(hours=hour)
    waiting = collect.collect(current)
    if waiting is None:
        list_for_review(current)
    return waiting


def list_for_review(current: Round) -> None:
    """What `fuse` does once the round has its votes."""
    votes = tables.VOTES.read(current.folder.collected)
    write_review(current, _Prepared(), votes, tables.FUSED.empty())  # type: ignore[arg-type]


def review(current: Round) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(current.folder.review.read_text(encoding="utf-8"))))


@pytest.fixture
def tool() -> Tool:
    return Tool()


def test_what_enough_have_skipped_is_on_the_review_list_with_who_and_when(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other items' answers count, and nothing in the list is taken for a formula."""
    current = open_round(tmp_path, tool, monkeypatch)
    tool.says("i0", "ada", 1, "cat")
    tool.says("i0", "ben", 2, "dog")
    tool.says("=i1", "ada", 3, "cat")
    tool.says("=i1", "ben", 4, None)
    tool.says("=i1", "cy", 5, None)
    waiting = look(current, tool, 4.5)
    assert waiting is not None
    assert (waiting.answered, waiting.asked) == (3, 4)
    assert "1 item was skipped by ben and waits for somebody else" in str(waiting)
    assert look(current, tool, 6) is None
    assert tool.closed == [PUSHED + timedelta(hours=5)]
    (row,) = review(current)
    assert row["text"].startswith("'=long text x") and len(row["text"]) <= 201
    assert {name: value for name, value in row.items() if name != "text"} == {
        "item": "'=i1", "reason": "given up", "why": "skipped by 2", "answers": "1", "asked": "2",
        "skipped_by": "ben; cy", "skipped_at": "2026-01-05T13:00:00+00:00; 2026-01-05T14:00:00+00:00",
        "label": "", "confidence": "", "model_says": "", "answer": "", "note": "",
        "queue": "r000",
    }  # fmt: skip
    closed = files.read_json(current.folder.closed)
    assert (closed["answered"], closed["asked"]) == (3, 4)
    assert len(tables.VOTES.read(current.folder.collected)) == 5


def test_a_skip_that_others_make_good_leaves_no_trace_on_the_list(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = open_round(tmp_path, tool, monkeypatch)
    for item in ITEMS:
        tool.says(item, "ada", 1, None)
        tool.says(item, "ben", 2, "cat")
        tool.says(item, "cy", 3, "cat")
    assert look(current, tool, 2.5) is not None
    assert look(current, tool, 4) is None
    assert review(current) == []
    votes = tables.VOTES.read(current.folder.collected)
    answered = votes[votes["action"] == "submitted"]
    assert sorted(answered["key"]) == sorted(f"farm/r000/{item}/{copy}" for item in ITEMS for copy in (0, 1))


def test_the_last_person_there_is_ends_the_waiting(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two annotators are named, and two must skip: one skip gives the item up when the other has answered."""
    current = open_round(tmp_path, tool, monkeypatch, annotators=["ada", "ben"])
    for item in ITEMS:
        tool.says(item, "ada", 1, "cat")
        tool.says(item, "ben", 2, None)
    assert look(current, tool, 3) is None
    assert [row["why"] for row in review(current)] == ["skipped by 1, and nobody else is left to ask"] * 2


def test_tasks_deleted_in_the_tool_are_given_up_and_said(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered stays; the round closes when the rest is in, as of the poll that noticed it first."""
    current = open_round(tmp_path, tool, monkeypatch)
    tool.says("i0", "ada", 1, "cat")
    tool.says("=i1", "ada", 5, "cat")
    tool.says("=i1", "ben", 6, "cat")
    tool.gone = ["farm/r000/i0/0", "farm/r000/i0/1", "farm/r009/i0/0", "nonsense"]
    waiting = look(current, tool, 3)
    assert waiting is not None and "1 item was deleted in the tool (i0 first)" in str(waiting)
    assert look(current, tool, 4) is not None
    assert look(current, tool, 8) is None
    assert tool.closed == [PUSHED + timedelta(hours=6)]
    (row,) = review(current)
    assert (row["item"], row["why"], row["answers"]) == ("i0", "deleted in the tool", "1")
    assert files.read_json(current.folder.closed)["gone"] == ["i0"]
    assert len(tables.VOTES.read(current.folder.collected)) == 3


def test_a_closed_round_makes_the_same_list_again_without_the_tool(
    tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the votes and closed.json alone: what DVC replays asks nobody."""
    current = open_round(tmp_path, tool, monkeypatch)
    tool.says("i0", "ada", 1, None)
    tool.says("i0", "ben", 2, None)
    tool.gone = ["farm/r000/=i1/0"]
    assert look(current, tool, 3) is None
    made = {path: path.read_bytes() for path in (current.folder.review, current.folder.collected)}
    assert len(review(current)) == 2
    for path in (*made, current.workspace.state / "gone" / "r000.json"):
        path.unlink()
    monkeypatch.setattr(collect, "tool_of", lambda *_: 1 / 0)
    assert collect.collect(current) is None
    list_for_review(current)
    assert {path: path.read_bytes() for path in made} == made


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.sampled_from(["ada", "ben", "cy", "dee"]),
        st.sampled_from(["cat", "dog", None, "deleted"]),
    ),
    max_size=12,
)


@settings(max_examples=20, deadline=None)
@given(EVENTS, st.lists(st.floats(0, 14), max_size=5))
def test_any_rhythm_of_polls_gives_the_same_votes(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, str | None]], looks: list[float]
) -> None:
    """Skips and deletions included: the same round, closed at the same moment, with the same review list."""
    results = []
    for hours in ([20.0], [*sorted(looks), 20.0]):
        tool = Tool()
        with pytest.MonkeyPatch.context() as patch:
            current = open_round(tmp_path_factory.mktemp("round"), tool, patch)
            for number, (item, who, value) in enumerate(said):
                if value == "deleted":
                    tool.says(item, who, number + 0.5, None, "deleted")
                else:
                    tool.says(item, who, number + 0.5, value)
            outcomes = []
            for hour in hours:
                outcomes.append(look(current, tool, hour))
                if outcomes[-1] is None:
                    break
            written = [current.folder.votes, current.folder.closed, current.folder.review]
            results.append([path.read_bytes() if path.exists() else b"" for path in written])
            assert (outcomes[-1] is None) == current.folder.closed.exists()
            json.loads(results[-1][1] or b"{}")
    assert results[0] == results[1]
