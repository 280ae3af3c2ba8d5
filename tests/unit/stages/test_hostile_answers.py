"""Whatever a labeling server sends is a vote or is refused with a reason: never a crash or a false vote."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop import files, tables
from labelloop.adapters.tools.base import Answer, Poll, Project
from labelloop.adapters.tools.keys import TaskKey
from labelloop.adapters.tools.label_studio_keys import KnownKeys, opaque
from labelloop.adapters.tools.label_studio_poll import poll_answers
from labelloop.campaign import CampaignSettings
from labelloop.ledger import Entry, freeze, write_frozen
from labelloop.stages import admission, collect
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

PAYLOADS = 10_000
ITEMS = 500
CLASSES = ("cat", "dog")
NOW = datetime(2026, 1, 6, 9, tzinfo=UTC)
PUSHED = NOW - timedelta(days=1)


def deep(levels: int) -> Any:
    value: Any = "cat"
    for _ in range(levels):
        value = [value]
    return value


NASTY: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, 10**5000, -(10**400), float("nan"), float("inf"), "", " ", "0",
    "cat", "CAT", "bird", "\ud800", "cat\ud800", "\x00", "a\nb", "=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)",
    "'; DROP TABLE votes; --", "<script>alert(1)</script>", "../../etc/passwd", "$cat", "ü" * 500,
    "x" * 100_000, [], {}, [[]], ["CAT"], ["cat", "dog"], ["cat", "cat"], [None], [1], {"choices": ["bird"]},
    {"cat": 1}, {"": {}}, deep(50), deep(5000), list(range(1000)), {str(n): n for n in range(500)},
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2026-01-05", "yesterday",
    "2026-01-06T10:00:00Z", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
]  # fmt: skip
"""Values of every wrong kind, put in place of what belongs there; none makes 'bird' a class."""

FIELDS = ("id", "completed_by", "result", "was_cancelled", "created_at", "updated_at", "lead_time",
          "parent_prediction", "ground_truth", "unheard_of")  # fmt: skip


def annotation(number: int, who: int, value: Any) -> dict[str, Any]:
    at = (PUSHED + timedelta(hours=1, seconds=number)).isoformat()
    result = [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [value]}}]
    return {"id": number, "completed_by": who, "result": result, "was_cancelled": False, "created_at": at,
            "updated_at": at, "lead_time": 3.0, "parent_prediction": None}  # fmt: skip


def malformed(chance: random.Random, number: int) -> Any:
    """An annotation by the unknown account 66 that says the unknown class 'bird', made worse."""
    content = annotation(number, 66, "bird")
    if chance.random() < 0.05:
        return chance.choice(NASTY)
    for _ in range(chance.randint(1, 3)):
        where = chance.random()
        if where < 0.6:
            content[chance.choice(FIELDS)] = chance.choice(NASTY)
        elif where < 0.7:
            content.pop(chance.choice(FIELDS), None)
        elif isinstance(content.get("result"), list) and content["result"]:
            region = dict(annotation(number, 66, "bird")["result"][0])
            part = chance.choice(["from_name", "value", "choices", "twice"])
            if part == "choices":
                region["value"] = {"choices": chance.choice(NASTY)}
            elif part != "twice":
                region[part] = chance.choice(NASTY)
            content["result"] = [region] * (2 if part == "twice" else 1)
    return content


class HostileServer:
    """Answers the poll's questions with a good answer a task, and everything bad beside it."""

    url = "http://127.0.0.1:9"
    clock = NOW

    def __init__(self, keys: list[TaskKey]) -> None:
        chance = random.Random(7)
        self.rows: list[dict[str, Any]] = []
        number = 1000
        for task, key in enumerate(keys, start=1):
            bad = []
            for _ in range(PAYLOADS // len(keys)):
                number += 1
                bad.append(malformed(chance, number))
            good = annotation(task, 1, CLASSES[task % 2])
            made = PUSHED.isoformat()
            self.rows.append({"id": task, "data": {"labelloop_key": opaque(key)}, "overlap": 2,
                              "annotations": [*bad[:10], good, *bad[10:]], "created_at": made,
                              "updated_at": made, "predictions": chance.choice(NASTY)})  # fmt: skip
        self.rows += [
            {"id": 9001, "data": chance.choice(NASTY), "annotations": [annotation(1, 1, "cat")]},
            {"id": 9002, "data": {"labelloop_key": deep(100)}, "annotations": {"0": 1}},
            {"id": 9003, "data": {"labelloop_key": "0" * 32}, "overlap": 10**9, "annotations": NASTY},
        ]

    def get(self, path: str, **query: Any) -> Any:
        return {"total": len(self.rows)} if path == "/api/tasks/" else [{"id": 1, "email": "ada"}, *NASTY]

    def tasks(self, project: int, filters: list[dict[str, Any]], **query: Any) -> Iterator[dict[str, Any]]:
        zero = any(
            one["filter"].endswith("total_annotations") and one["operator"] == "equal" for one in filters
        )
        yield from [] if zero else self.rows

    def patch(self, path: str, body: Any) -> None:
        """A task is dealt to more people, because of the answers that do not count."""


class HostileTool:
    """The Label Studio tool's poll, with that server."""

    def __init__(self, current: Round, server: HostileServer) -> None:
        folder = current.workspace.state / "label_studio"
        keys = KnownKeys(folder / "keys.jsonl", current.workspace, current.settings.campaign.name)
        self.poll = lambda since: poll_answers(server, 1, folder, keys, since)  # type: ignore[arg-type]

    def create(self, project: Project) -> None:
        """Nothing to make."""


class _Prepared:
    classes = CLASSES


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Round:
    """A round that was pushed: two people asked about each item."""
    workspace = Workspace.at(tmp_path)
    frozen = freeze(
        CampaignSettings.model_validate(
            {"campaign": {"name": "farm"}, "annotation": {"tool": "label_studio", "overlap": 2}}
        ),
        Entry("r000", "data/start"),
        new_items=ITEMS,
        control_before=0.0,
    )
    write_frozen(workspace.round("r000").settings, frozen)
    items = np.array([f"i{n}" for n in range(ITEMS)], dtype=object)
    asked = pd.DataFrame({"item": items, "arm": "strategy", "round": "r000", "overlap": 2})
    tables.ASKED.write(asked, workspace.round("r000").asked)
    keys = [TaskKey("farm", "r000", item, copy) for item in items for copy in (0, 1)]
    tasks = pd.DataFrame(
        {"key": [key.text for key in keys], "item": [key.item for key in keys], "arm": "strategy",
         "copy": [key.copy for key in keys], "tool_id": "1"}
    )  # fmt: skip
    tables.TASKS.write(tasks, workspace.round("r000").tasks)
    receipts = {key.text: f"{n // 2 + 1}.{key.copy}" for n, key in enumerate(keys)}
    line = {"event": "receipts", "at": PUSHED.isoformat(), "tasks": receipts}
    files.append_line(workspace.round("r000").pushed, line)
    tables.VOTES.write(tables.VOTES.empty(), workspace.folder("data/start").collected)
    monkeypatch.setattr(collect.datasets, "open_prepared", lambda path: _Prepared())
    return Round(workspace, "r000")


def test_ten_thousand_malformed_answers_are_refused_and_no_good_one_is_lost(
    current: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through everything that reads them: the annotations, the notes, the votes, the quarantine; twice."""
    keys = [TaskKey("farm", "r000", f"i{n}", 0) for n in range(ITEMS)]
    server = HostileServer(keys)
    assert sum(len(row.get("annotations") or ()) for row in server.rows[:ITEMS]) == PAYLOADS + ITEMS
    monkeypatch.setattr(collect, "tool_of", lambda *_: HostileTool(current, server))
    for _ in range(2):
        waiting = collect.collect(current)
        assert waiting is not None
        assert (waiting.answered, waiting.asked) == (ITEMS, 2 * ITEMS)
        votes = tables.VOTES.read(current.folder.votes)
        good = votes[votes["annotator"] == "ada"]
        assert sorted(good["value"].unique()) == list(CLASSES)
        assert len(good) == ITEMS
        assert set(votes.loc[votes["annotator"] != "ada", "action"]) <= {"skipped"}
        assert votes["answered_at"].between(pd.Timestamp(PUSHED), pd.Timestamp(NOW)).all()
        lead = votes["lead_seconds"].dropna()
        assert (lead.map(math.isfinite) & (lead >= 0)).all()
        lines = files.read_lines(current.folder.quarantine)
        assert len(lines) == admission.MOST_REFUSED + 1
        assert all(line["reason"] for line in lines)
        assert current.folder.quarantine.stat().st_size < 3_000_000
        json.loads(current.folder.quarantine.read_text(encoding="utf-8").splitlines()[0])


def answer(**changes: Any) -> Answer:
    good: dict[str, Any] = {"id": "x:1", "key": "farm/r000/i1/0", "annotator": "ada", "value": "cat",
                            "action": "submitted", "answered_at": NOW}  # fmt: skip
    return Answer(**(good | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "\ud800"}, "its id"),
        ({"id": "x" * 1000}, "its id"),
        ({"annotator": " "}, "its annotator"),
        ({"annotator": "a\nb"}, "its annotator"),
        ({"annotator": None}, "its annotator"),
        ({"action": "dropped"}, "its action"),
        ({"answered_at": NOW + timedelta(seconds=1)}, "not between"),
        ({"answered_at": datetime(1, 1, 1, tzinfo=UTC)}, "not between"),
        ({"answered_at": datetime(2026, 1, 5)}, "no time with a zone"),
        ({"answered_at": "now"}, "no time with a zone"),
        ({"cost": -1.0}, "its cost"),
        ({"cost": float("nan")}, "its cost"),
        ({"tool_ref": "\udc80"}, "its reference"),
        ({"key": "farm/r000/i1/2"}, "never pushed"),
        ({"key": "farm/r001/i1/0"}, "never pushed"),
        ({"key": "wood/r000/i1/0"}, "none of this campaign's"),
        ({"key": "farm/r000/\ud800/0"}, "none of this campaign's"),
        ({"key": None}, "none of this campaign's"),
        ({"value": "bird"}, "not one of the 2 classes"),
        ({"value": ["cat"]}, "not one of the 2 classes"),
        ({"value": None}, "not one of the 2 classes"),
        ({"prelabel": "bird"}, "not one of the 2 classes"),
    ],
)
def test_what_no_vote_may_look_like_is_refused(current: Round, changes: dict[str, Any], says: str) -> None:
    """Whichever tool says it."""
    votes, refused = admission.admit(current, Poll([answer(**changes), answer()], NOW), CLASSES)
    assert [vote["vote"] for vote in votes] == ["x:1"]
    assert says in refused[0]["reason"]


@pytest.mark.parametrize(
    "lead", [-1.0, float("nan"), float("inf"), "3", True, pytest.param(10**400, id="big")]
)
def test_a_senseless_lead_time_is_left_out(current: Round, lead: Any) -> None:
    votes, refused = admission.admit(current, Poll([answer(lead_seconds=lead)], NOW), CLASSES)
    assert refused == []
    assert votes[0]["lead_seconds"] is None


def test_the_quarantine_does_not_grow_without_end(tmp_path: Path) -> None:
    """Nor change when the same is refused again."""
    path = tmp_path / "quarantine.jsonl"
    lines = [{"id": f"x:{n}", "reason": "r", "content": None} for n in range(admission.MOST_REFUSED + 500)]
    for _ in range(3):
        admission.quarantine(path, lines)
    found = files.read_lines(path)
    assert len(found) == admission.MOST_REFUSED + 1
    assert "further answers were refused" in found[-1]["reason"]
