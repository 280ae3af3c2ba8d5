"""push asks every question exactly once, whatever a tool or the machine does in between."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop import files, tables
from labelloop.adapters.tools.base import Project, Receipt, Task
from labelloop.campaign import CampaignSettings
from labelloop.errors import LabelloopError, ToolError
from labelloop.ledger import Entry, freeze, write_frozen
from labelloop.stages import push as stage
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

ITEMS = 7
OVERLAP = 2


class Killed(BaseException):
    """The machine goes down: nothing can be caught."""


class LossyTool:
    """Keeps tasks without looking for repeats, and fails as told: one word of `fate` a push.

    ok; refuse: takes nothing; lose: takes all, and the reply is lost; part: takes half; kill: takes all, and
    the process ends.
    """

    name = "lossy"

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.fate: list[str] = []
        self.asked: list[int] = []

    def create(self, project: Project) -> None:
        """Nothing to make."""

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        return [Receipt(key, str(self.keys.index(key))) for key in keys if key in self.keys]

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        fate = self.fate.pop(0) if self.fate else "ok"
        self.asked.append(len(tasks))
        taken = {"refuse": 0, "part": len(tasks) // 2}.get(fate, len(tasks))
        first = len(self.keys)
        self.keys += [task.key for task in tasks[:taken]]
        if fate == "kill":
            raise Killed
        if fate != "ok":
            raise ToolError(f"the reply was lost ({fate})")
        at = datetime(2026, 1, 5, 9, tzinfo=UTC)
        return [Receipt(task.key, str(first + n), at) for n, task in enumerate(tasks)]


class _Pool:
    ids = np.array([f"i{n}" for n in range(ITEMS)], dtype=object)
    input_kind = "features"

    def rows_of(self, items: Sequence[str]) -> np.ndarray:
        return np.array([int(item[1:]) for item in items])

    def payload(self, rows: np.ndarray, columns: Sequence[str]) -> list[dict[str, object]]:
        return [{"row": int(row)} for row in rows]


class _Prepared:
    pool = _Pool()
    classes = ("a", "b")


def open_round(folder: Path) -> Round:
    """A round whose batch was selected and not yet pushed."""
    workspace = Workspace.at(folder)
    frozen = freeze(CampaignSettings(), Entry("r000", "data/start"), new_items=ITEMS, control_before=0.0)
    write_frozen(workspace.round("r000").settings, frozen)
    batch = pd.DataFrame({"item": _Pool.ids, "arm": "strategy", "rank": range(ITEMS), "score": 0.0,
                          "probability": 1.0, "draw_probability": None, "overlap": OVERLAP})  # fmt: skip
    tables.BATCH.write(batch, workspace.round("r000").batch)
    tables.ROUTING.write(tables.ROUTING.empty(), workspace.round("r000").routing)
    return Round(workspace, "r000")


def patched(patch: pytest.MonkeyPatch, tool: LossyTool) -> None:
    patch.setattr(stage, "tool_of", lambda current, prepared=None: tool)
    patch.setattr(stage.datasets, "open_prepared", lambda folder: _Prepared())
    patch.setattr(stage, "CHUNK", 4)


def assert_asked_once(current: Round, tool: LossyTool) -> None:
    """Every copy of every item is one task in the tool, and tasks.parquet has the id of that task."""
    table = tables.TASKS.read(current.folder.tasks)
    assert len(tool.keys) == len(set(tool.keys)) == ITEMS * OVERLAP
    assert table["tool_id"].tolist() == [str(tool.keys.index(key)) for key in table["key"]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["ok", "refuse", "lose", "part", "kill"]), max_size=12))
def test_no_sequence_of_failures_asks_anybody_twice(fate: list[str]) -> None:
    """A reply that is lost, a push that is taken by half, a kill: run again until it is done."""
    tool = LossyTool()
    tool.fate = list(fate)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        current = open_round(Path(folder))
        patched(patch, tool)
        for _ in range(len(fate) + 1):
            try:
                stage.push(current)
                break
            except (ToolError, Killed):
                assert not current.folder.tasks.exists()
        assert_asked_once(current, tool)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> LossyTool:
    made = LossyTool()
    patched(monkeypatch, made)
    return made


def test_what_arrived_without_our_hearing_of_it_is_adopted(tmp_path: Path, tool: LossyTool) -> None:
    """After a lost reply the tool is asked what it has, and only the rest is pushed."""
    current = open_round(tmp_path)
    tool.fate = ["ok", "lose"]
    with pytest.raises(ToolError):
        stage.push(current)
    stage.push(current)
    assert tool.asked == [4, 4, 4, 2]
    assert_asked_once(current, tool)


def test_the_intent_is_on_disk_before_the_tool_hears_of_it(
    tmp_path: Path, tool: LossyTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a kill right after the tool's answer would leave no reason to ask it."""
    current = open_round(tmp_path)
    seen: list[list[dict[str, Any]]] = []
    inner = tool.push

    def watched(tasks: Sequence[Task]) -> list[Receipt]:
        seen.append(files.read_lines(current.folder.pushed))
        return inner(tasks)

    monkeypatch.setattr(tool, "push", watched)
    stage.push(current)
    assert [lines[-1]["event"] for lines in seen] == ["intent"] * 4
    assert [lines[-1]["tasks"] for lines in seen] == [4, 4, 4, 2]


def test_a_push_that_is_done_asks_the_tool_nothing(
    tmp_path: Path, tool: LossyTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its receipts are in pushed.jsonl: tasks.parquet is made of them, byte for byte, without the tool."""
    current = open_round(tmp_path)
    stage.push(current)
    table, log = current.folder.tasks.read_bytes(), current.folder.pushed.read_bytes()
    current.folder.tasks.unlink()

    def unreachable(*_: object) -> Any:
        raise AssertionError("the tool was asked")

    monkeypatch.setattr(stage, "tool_of", unreachable)
    stage.push(current)
    assert current.folder.tasks.read_bytes() == table
    assert current.folder.pushed.read_bytes() == log


def test_a_closed_round_with_another_batch_is_refused(tmp_path: Path, tool: LossyTool) -> None:
    """What people were asked cannot be changed afterwards; the message says how much differs."""
    current = open_round(tmp_path)
    stage.push(current)
    files.write_json(current.folder.closed, {"at": "2026-01-05T10:00:00+00:00"})
    batch = tables.BATCH.read(current.folder.batch)
    batch.loc[0, "item"] = "i99"
    tables.BATCH.write(batch, current.folder.batch)
    asked = list(tool.keys)
    with pytest.raises(LabelloopError, match=r"closed round r000 .* 4 tasks differ, the first is .*/i0/0"):
        stage.push(current)
    assert tool.keys == asked


def test_copies_of_an_item_are_tasks_of_their_own() -> None:
    """One a person asked, numbered from 0, with the campaign, the round and the item in its key."""
    batch = pd.DataFrame({"item": ["x/y", "z"], "arm": ["test", "control"], "overlap": [2, 0]})
    table = stage.task_table(batch, "c", "r003")
    assert table["item"].tolist() == ["x/y", "x/y"] and table["copy"].tolist() == [0, 1]
    assert table["key"].is_unique and all(key.startswith("c/r003/") for key in table["key"])


def test_nothing_to_ask_is_pushed_too(tmp_path: Path, tool: LossyTool) -> None:
    """A round without questions has an empty table of tasks and a line that says so."""
    current = open_round(tmp_path)
    tables.BATCH.write(tables.BATCH.empty(), current.folder.batch)
    stage.push(current)
    assert len(tables.TASKS.read(current.folder.tasks)) == 0 and tool.asked == []
    (line,) = [json.loads(line) for line in current.folder.pushed.read_text().splitlines()]
    assert line == {"event": "intent", "tasks": 0}
