"""Both kinds of tokens work on a real server, and a wrong one is told without being repeated."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from live_server import LiveServer
from personal_tokens import personal_token, revoke

from labelloop.adapters.tools.base import Project, Task
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.errors import ToolError
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live

PROJECT = Project("tokens", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))


@pytest.mark.parametrize("kind", ["legacy", "personal"])
def test_a_campaign_works_with_either_kind(live_server: LiveServer, tmp_path: Path, kind: str) -> None:
    """Project, push, lookup and poll; a personal token is exchanged for accesses that live for minutes."""
    live_server.delete_projects()
    token = personal_token(live_server) if kind == "personal" else live_server.token
    asked = Server(live_server.url, token)
    tool = LabelStudioTool(asked, workspace=Workspace.at(tmp_path), campaign="tokens", overlap=1)
    tool.create(PROJECT)
    tool.push([Task("tokens/r000/a/0", "a", 0, {"text": "a"})])
    live_server.work_queue("ada", "tokens", lambda data: "cat")
    assert [answer.value for answer in tool.poll(None).answers] == ["cat"]
    everything = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(token in content for content in everything)


@pytest.mark.parametrize("kind", ["legacy", "personal", "revoked"])
def test_a_wrong_token_is_told(live_server: LiveServer, kind: str) -> None:
    """One that was revoked, or was copied badly."""
    token = "0" * 40 if kind == "legacy" else personal_token(live_server)
    if kind == "personal":
        token = token[:-4] + "AAAA"
    if kind == "revoked":
        revoke(live_server)
    with pytest.raises(ToolError, match="LABEL_STUDIO_API_KEY") as error:
        Server(live_server.url, token).get("/api/projects/")
    assert token not in "".join(traceback.format_exception(error.value))
