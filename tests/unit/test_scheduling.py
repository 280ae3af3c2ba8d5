"""Commands for a Prefect server say what is missing, and never show the secret."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from labelloop import scaffold, scheduling
from labelloop.cli.scheduling import seconds_of
from labelloop.errors import LabelloopError, SettingsError
from labelloop.workspace import Workspace

SECRET = "a secret of enough characters"


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign, and no server or secret in the environment."""
    for name in ("PREFECT_API_URL", "LABELLOOP_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "params.yaml").write_text(yaml.safe_dump({"versioning": {"enabled": False}}))
    scaffold.init(folder)
    return folder


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("30s", 30), ("5m", 300), ("1h", 3600), ("90", 90), ("1.5m", 90), (" 5m ", 300)],
)
def test_times_are_written_as_people_do(text: str, seconds: float | None) -> None:
    """With or without a unit."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["soon", "5d", "-5m", "0", "0.5s", "5 m", "1e3", "m"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """With what was written and how to write it."""
    with pytest.raises(LabelloopError, match="write 30s, 5m or 1h"):
        seconds_of(text)


@pytest.mark.parametrize("command", ["serve", "deploy", "webhook"])
def test_without_a_server_the_way_to_one_is_said(
    campaign: Path, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Exit code 2, and nothing is started."""
    monkeypatch.setattr("labelloop.driving.private_server", lambda: NoServer)
    said = labelloop(command, campaign)
    assert said.code == 2
    assert "prefect server start" in said.error


class NoServer:
    @staticmethod
    def configured() -> bool:
        return False


class SomeServer:
    @staticmethod
    def configured() -> bool:
        return True


def test_without_a_secret_nothing_is_received(
    campaign: Path, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how to make one."""
    monkeypatch.setattr("labelloop.driving.private_server", lambda: SomeServer)
    said = labelloop("webhook", campaign, "--port", "0")
    assert said.code == 2
    assert "token_urlsafe" in said.error


def test_a_taken_port_is_said(campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the option to choose another."""
    monkeypatch.setenv("LABELLOOP_WEBHOOK_SECRET", SECRET)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(LabelloopError, match="--port"),
        scheduling.receiver(
            Workspace.at(campaign), host="127.0.0.1", port=taken.getsockname()[1], url="", told=print
        ),
    ):
        pass


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_other_machines_are_warned_of(
    campaign: Path, monkeypatch: pytest.MonkeyPatch, host: str, warned: bool
) -> None:
    """Aloud; the secret is in no line."""
    monkeypatch.setenv("LABELLOOP_WEBHOOK_SECRET", SECRET)
    lines: list[str] = []
    with scheduling.receiver(Workspace.at(campaign), host=host, port=0, url="", told=lines.append):
        pass
    assert any(line.startswith("WARNING") for line in lines) == warned
    # Nobody can send anything to "all addresses".
    assert any("--url" in line for line in lines) == warned
    assert SECRET not in "".join(lines)


def test_a_server_that_is_down_is_said_in_a_line(campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with a traceback."""
    monkeypatch.setattr("labelloop.driving.private_server", lambda: SomeServer)

    class Serving:
        @staticmethod
        def deploy_campaign(*_: Any) -> None:
            raise httpx.ConnectError("all connection attempts failed")

    monkeypatch.setattr(scheduling.importlib, "import_module", lambda name: Serving)
    with pytest.raises(LabelloopError, match=r"PREFECT_API_URL.*all connection attempts failed"):
        scheduling.deploy(Workspace.at(campaign), name="", pool="campaigns", every=None)


def test_a_tool_without_webhooks_registers_nothing(campaign: Path) -> None:
    """The simulated one and files; the receiver goes on, others may send hints."""
    from labelloop.adapters.tools import label_studio_webhook

    with pytest.raises(SettingsError, match="simulated"):
        label_studio_webhook.register(Workspace.at(campaign), "http://127.0.0.1:1/", SECRET)
