"""`labelloop tool check` says what is wrong with a labeling tool, and what to do; it changes nothing."""

from __future__ import annotations

import base64
import email.utils
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from labelloop import files, tool_check
from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.checks import Check
from labelloop.adapters.tools.label_studio_config import label_config
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.adapters.tools.project_file import adopt_project
from labelloop.cli import app
from labelloop.tool_check import check_tool
from labelloop.workspace import Workspace

URL = "http://127.0.0.1:9"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
PROJECT = Project("farm", "choice", ("cat", "dog"), "Which animal?", "text", ("text",))
EDITED = label_config(PROJECT).replace('<Choice value="dog" />', "")


class StandIn:
    """A Label Studio server, as far as the check asks; `replies` says where it is not a good one."""

    def __init__(self, **replies: Any) -> None:
        self.replies: dict[str, Any] = {
            "GET /api/version": {"release": "1.23.2"},
            "GET /api/current-user/whoami": {"email": "boss@farm"},
            "GET /api/projects/": {"results": [self.project()], "next": None, "count": 1},
            "POST /api/projects/": httpx.Response(400, json={"validation_errors": {"title": ["too short"]}}),
            "GET /api/projects/7/": self.project(),
            "GET /api/webhooks/": [],
        } | replies
        self.ahead = timedelta(0)
        self.asked: list[str] = []

    @staticmethod
    def project(**changes: Any) -> dict[str, Any]:
        return {"id": 7, "description": "labelloop campaign: farm", "label_config": label_config(PROJECT),
                "skip_queue": "REQUEUE_FOR_OTHERS", "show_collab_predictions": False,
                "title": "farm"} | changes  # fmt: skip

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path}"
        self.asked.append(name)
        reply = self.replies.get(name, httpx.Response(404, text="<html>"))
        if int(request.url.params.get("page", 1)) > 1:
            reply = httpx.Response(404, json={"detail": "Invalid page."})
        if isinstance(reply, Exception):
            raise reply
        if not isinstance(reply, httpx.Response):
            reply = httpx.Response(200, json=reply)
        answered = httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        answered.headers["date"] = email.utils.format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return answered


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A campaign in Label Studio whose server is set in its .env."""
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY", "LABELLOOP_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tool_check, "project_now", lambda *_: PROJECT)
    write_params(tmp_path, tool="label_studio")
    (tmp_path / ".env").write_text(f"LABEL_STUDIO_URL={URL}\nLABEL_STUDIO_API_KEY={TOKEN}\n")
    return Workspace.at(tmp_path)


def write_params(folder: Path, **annotation: Any) -> None:
    params = {"campaign": {"name": "farm"}, "annotation": annotation, "labels": {"classes": ["cat", "dog"]}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def look(campaign: Workspace, server: Callable[[httpx.Request], httpx.Response]) -> dict[str, Check]:
    def opened(url: str, token: str) -> Server:
        return Server(url, token, transport=httpx.MockTransport(server), sleep=lambda _: None)

    checks = check_tool(Workspace.at(campaign.root), open_server=opened)
    assert len({check.name for check in checks}) == len(checks)
    assert TOKEN not in str(checks)
    return {check.name: check for check in checks}


def test_a_server_that_fits_passes_and_nothing_is_changed(campaign: Workspace) -> None:
    server = StandIn()
    found = look(campaign, server)
    assert {check.state for check in found.values()} == {"ok"}
    assert set(found) == {"notes", "server", "version", "clock", "token", "account", "rights", "project",
                          "labeling interface", "predictions", "skipped tasks", "webhook"}  # fmt: skip
    # The one POST asks for a project that cannot be made.
    assert [name for name in server.asked if not name.startswith("GET")] == ["POST /api/projects/"]
    assert [path.name for path in campaign.root.iterdir() if path.name not in (".env", "params.yaml")] == []


def refused(status: int, **content: Any) -> httpx.Response:
    return httpx.Response(status, json=content)


HTML = httpx.Response(200, html="<html>hello</html>")

BROKEN: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "nobody there": ({"GET /api/version": httpx.ConnectError("no")}, "server", "fail", "cannot be reached"),
    "another server": ({"GET /api/version": refused(404)}, "server", "fail", "no /api/version"),
    "a web page": ({"GET /api/version": HTML}, "server", "fail", "web page"),
    "something else": ({"GET /api/version": {"name": "x"}}, "server", "fail", "does not say which"),
    "too old": ({"GET /api/version": {"release": "1.19.0"}}, "version", "fail", "1.19.0 is too old"),
    "too new": ({"GET /api/version": {"release": "2.0.1"}}, "version", "warn", "newer than what is tested"),
    "older": ({"GET /api/version": {"release": "1.20.0"}}, "version", "warn", "older than what is tested"),
    "wrong token": ({"GET /api/current-user/whoami": refused(401)}, "account", "fail",
                    "LABEL_STUDIO_API_KEY"),
    "may not list": ({"GET /api/projects/": refused(403)}, "rights", "fail", "cannot be listed"),
    "may not make": ({"POST /api/projects/": refused(403)}, "rights", "fail", "may not make projects"),
    "disk full": ({"POST /api/projects/": refused(500)}, "rights", "warn", "is its disk full?"),
    "two projects": ({"GET /api/projects/": {"results": [StandIn.project(), StandIn.project(id=8)],
                                            "next": None, "count": 2}},
                     "project", "fail", "take it out of all but one"),
    "no project yet": ({"GET /api/projects/": {"results": [], "next": None, "count": 0}}, "project", "ok",
                       "the first batch makes it"),
    "edited": ({"GET /api/projects/7/": StandIn.project(label_config=EDITED)}, "labeling interface", "fail",
               "lacks the classes ['dog']"),
    "no control": ({"GET /api/projects/7/": StandIn.project(label_config="<View/>")}, "labeling interface",
                   "fail", "paste this"),
    "predictions": ({"GET /api/projects/7/": StandIn.project(show_collab_predictions=True)}, "predictions",
                    "warn", "annotation.prelabels is hidden"),
    "skips": ({"GET /api/projects/7/": StandIn.project(skip_queue="IGNORE_SKIPPED")}, "skipped tasks", "warn",
              "not asked of others"),
    "webhook": ({"GET /api/webhooks/": [{"project": 7, "url": "http://127.0.0.1:9/", "is_active": True}]},
                "webhook", "warn", "cannot be reached"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_does_not_fit_is_said_with_what_to_do(campaign: Workspace, case: str) -> None:
    """And the campaign is as it was."""
    replies, name, state, says = BROKEN[case]
    found = look(campaign, StandIn(**replies))
    assert found[name].state == state
    assert says in f"{found[name].says} {found[name].fix}"
    assert all(check.state != "fail" for other, check in found.items() if other != name)
    assert not campaign.state.exists()


def test_a_project_that_was_deleted_is_told(campaign: Workspace) -> None:
    files.write_json(campaign.state / "label_studio/project.json", {"url": URL, "id": 7, "config": ""})
    found = look(campaign, StandIn(**{"GET /api/projects/7/": refused(404)}))
    assert found["project"].state == "fail"
    assert "was deleted" in found["project"].says and "What was collected is safe" in found["project"].says


@pytest.mark.parametrize(("hours", "says"), [(1, "1.0 h ahead of"), (-1, "1.0 h behind"), (0, "within")])
def test_a_clock_that_is_off_is_told(campaign: Workspace, hours: int, says: str) -> None:
    server = StandIn()
    server.ahead = timedelta(hours=hours)
    clock = look(campaign, server)["clock"]
    assert says in clock.says
    assert clock.state == ("warn" if hours else "ok")


@pytest.mark.parametrize("ends", [-1, 1], ids=["expired", "taken back"])
def test_a_personal_token_that_is_not_valid_is_told(campaign: Workspace, ends: int) -> None:
    """Ours to see by its date, or the server's where it is exchanged for an access."""
    expires = int((datetime.now(UTC) + timedelta(days=ends)).timestamp())
    parts = [json.dumps(part).encode() for part in ({"alg": "x"}, {"exp": expires, "token_type": "refresh"})]
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in [*parts, b"signed"])
    (campaign.root / ".env").write_text(f"LABEL_STUDIO_URL={URL}\nLABEL_STUDIO_API_KEY={token}\n")
    found = look(campaign, StandIn(**{"POST /api/token/refresh/": refused(401, detail="no")}))
    assert found["account"].state == "fail"
    assert "LABEL_STUDIO_API_KEY" in found["account"].says
    assert token not in str(found)


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ("", "LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY not set"),
        (f"LABEL_STUDIO_URL={URL}", "LABEL_STUDIO_API_KEY not set"),
        (f"LABEL_STUDIO_URL=farm:8080\nLABEL_STUDIO_API_KEY={TOKEN}", "must look like http://"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(campaign: Workspace, env: str, says: str) -> None:
    (campaign.root / ".env").write_text(env)
    found = look(campaign, StandIn())
    assert (found["settings"].state, says in found["settings"].says) == ("fail", True)


def test_files_and_simulated_annotators_are_checked_too(campaign: Workspace) -> None:
    write_params(campaign.root, tool="files")
    assert {check.state for check in look(campaign, StandIn()).values()} == {"ok"}
    other = replace(PROJECT, classes=("cat", "dog", "cow"))
    (campaign.root / "labeling").mkdir()
    adopt_project(campaign.root / "labeling" / "project.json", other)
    assert "['cow'] no more" in look(campaign, StandIn())["project"].says
    crew = [{"name": "ada", "confusion": {"cow": {"cat": 0.5}}}]
    write_params(campaign.root, tool="simulated", overlap=1, test_overlap=1, simulation={"annotators": crew})
    assert look(campaign, StandIn())["crew"].state == "fail"


def test_a_folder_that_cannot_be_written_is_told(
    campaign: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labelloop.adapters.tools.checks.os.write", full)
    found = look(campaign, StandIn())
    assert found["notes"].state == "fail"
    assert "No space left on device" in found["notes"].says
    assert sorted(path.name for path in campaign.root.iterdir()) == [".env", "params.yaml"]


def test_the_command_exits_with_1_where_something_must_be_put_right(campaign: Workspace) -> None:
    """And prints the same as JSON for scripts."""
    (campaign.root / ".env").write_text("")
    ended = CliRunner().invoke(app, ["tool", "check", str(campaign.root)])
    assert ended.exit_code == 1
    assert "fail  settings" in ended.output and "-> put it into " in ended.output
    ended = CliRunner().invoke(app, ["tool", "check", str(campaign.root), "--json"])
    assert ended.exit_code == 1
    assert [one["state"] for one in json.loads(ended.output)] == ["ok", "fail"]
    write_params(campaign.root, tool="files")
    assert CliRunner().invoke(app, ["tool", "check", str(campaign.root)]).exit_code == 0
