"""A labeling server that fails while answers are collected: a message that says what to do, nothing lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from labelloop import files, tables
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.campaign import CampaignSettings
from labelloop.errors import ToolError, UnreachableError
from labelloop.ledger import Entry, freeze, write_frozen
from labelloop.stages import collect
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

PUSHED = datetime(2026, 1, 5, 9, tzinfo=UTC)
URL = "http://127.0.0.1:9"
TOKEN = "0123456789abcdef0123456789abcdef01234567"


class _Prepared:
    classes = ("cat", "dog")


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Round:
    """A round with one vote in it, whose project the tool remembers."""
    workspace = Workspace.at(tmp_path)
    chosen = CampaignSettings.model_validate(
        {"campaign": {"name": "farm"}, "annotation": {"tool": "label_studio"}}
    )
    frozen = freeze(chosen, Entry("r000", "data/start"), new_items=1, control_before=0.0)
    folder = workspace.round("r000")
    write_frozen(folder.settings, frozen)
    asked = pd.DataFrame({"item": ["i0"], "arm": "strategy", "round": "r000", "overlap": 2})
    tables.ASKED.write(asked, folder.asked)
    rows = [(f"farm/r000/i0/{copy}", "i0", copy) for copy in (0, 1)]
    tasks = pd.DataFrame(rows, columns=["key", "item", "copy"]).assign(arm="strategy", tool_id="1")
    tables.TASKS.write(tasks, folder.tasks)
    line = {"event": "receipts", "at": PUSHED.isoformat(), "tasks": {key: "1.0" for key, *_ in rows}}
    files.append_line(folder.pushed, line)
    tables.VOTES.write(tables.VOTES.empty(), workspace.folder("data/start").collected)
    vote = {"vote": "x", "key": rows[0][0], "item": "i0", "annotator": "ada", "value": "cat",
            "action": "submitted", "answered_at": pd.Timestamp(PUSHED).as_unit("us"), "lead_seconds": 1.0,
            "cost": 0.1, "round": "r000", "tool": "label_studio", "tool_ref": None,
            "prelabel": None}  # fmt: skip
    tables.VOTES.write(pd.DataFrame([vote]), folder.votes)
    files.write_json(workspace.state / "label_studio/project.json", {"url": URL, "id": 7, "config": ""})
    monkeypatch.setattr(collect.datasets, "open_prepared", lambda path: _Prepared())
    return Round(workspace, "r000")


def good(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/api/projects/7/":
        content = {"id": 7, "description": "labelloop campaign: farm", "label_config": "<View/>"}
        return httpx.Response(200, json=content)
    return httpx.Response(200, json={"total": 1, "tasks": []})


FAILURES: dict[str, tuple[Any, type[Exception], str]] = {
    "not reached": (httpx.ConnectError("no"), UnreachableError, "cannot be reached"),
    "broken off": (httpx.ReadError("reset"), UnreachableError, "broke off"),
    "too slow": (httpx.ReadTimeout("slow"), UnreachableError, "broke off"),
    "its disk is full": (httpx.Response(500), UnreachableError, "is its disk full?"),
    "starting": (httpx.Response(503), UnreachableError, "503"),
    "token expired": (httpx.Response(401, json={}), ToolError, "LABEL_STUDIO_API_KEY"),
    "rights taken away": (httpx.Response(403, json={}), ToolError, "may manage the project"),
    "a web page": (httpx.Response(200, html="<html>"), ToolError, "address of Label Studio itself"),
    "something else": (httpx.Response(200, json=[1]), ToolError, "Label Studio server"),
}


@pytest.mark.parametrize("at", ["/api/projects/7/", "/api/tasks/"])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_told_and_leaves_the_round_as_it_was(
    current: Round, monkeypatch: pytest.MonkeyPatch, failure: str, at: str
) -> None:
    reply, kind, says = FAILURES[failure]

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path != at:
            return good(request)
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    refuse(current, monkeypatch, handler, kind, says)


def test_a_project_that_was_deleted_is_told_with_the_way_out(
    current: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, text="<html>gone</html>")

    refuse(current, monkeypatch, handler, ToolError, "What was collected is safe")


def refuse(current: Round, patch: pytest.MonkeyPatch, handler: Any, kind: type[Exception], says: str) -> None:
    """Collect with that server; it must fail so, without the token in the message, and change nothing."""
    server = Server(URL, TOKEN, transport=httpx.MockTransport(handler), sleep=lambda _: None)
    tool = LabelStudioTool(server, workspace=current.workspace, campaign="farm", overlap=2)
    patch.setattr(collect, "tool_of", lambda *_: tool)
    before = content_of(current.workspace.root)
    with pytest.raises(kind) as raised:
        collect.collect(current)
    assert says in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert content_of(current.workspace.root) == before


def content_of(root: Path) -> Sequence[tuple[str, bytes]]:
    return sorted((str(path), path.read_bytes()) for path in root.rglob("*") if path.is_file())
