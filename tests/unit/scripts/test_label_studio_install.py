"""The environment of Label Studio's server: of the pinned packages, or made anew; never half of one."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

import label_studio
from label_studio_accounts import read_accounts, write_accounts


class Pip:
    """Stands in for `python -m venv` and pip; `fails` breaks pip off in the middle."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.fails = False

    def run(self, command: list[Any], check: bool = False) -> subprocess.CompletedProcess[bytes]:
        words = [str(word) for word in command]
        self.calls.append(words)
        if "venv" in words:
            (Path(words[-1]) / "bin").mkdir(parents=True, exist_ok=True)
        else:
            (Path(words[0]).parent / "label-studio").touch()
        return subprocess.CompletedProcess(words, int(self.fails and "pip" in words))


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    pip = Pip()
    monkeypatch.setattr(label_studio.subprocess, "run", pip.run)
    return pip


def test_it_is_installed_once(pip: Pip, tmp_path: Path) -> None:
    """A second start does not even look at packages."""
    label_studio.install(tmp_path / "venv")
    assert len(pip.calls) == 2
    label_studio.install(tmp_path / "venv")
    assert len(pip.calls) == 2


def test_half_an_environment_is_made_anew(pip: Pip, tmp_path: Path) -> None:
    """The command is there already when pip breaks off; it is no proof that the rest is."""
    pip.fails = True
    with pytest.raises(SystemExit, match="pip could not"):
        label_studio.install(tmp_path / "venv")
    assert (tmp_path / "venv" / "bin" / "label-studio").exists()
    pip.fails = False
    label_studio.install(tmp_path / "venv")
    assert [("--clear" in call, "pip" in call) for call in pip.calls[2:]] == [(True, False), (False, True)]


def test_other_pins_are_another_environment(
    pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an update of the pinned set the next start installs it."""
    label_studio.install(tmp_path / "venv")
    changed = tmp_path / "pins.txt"
    changed.write_text("label-studio==9\n")
    monkeypatch.setattr(label_studio, "PINNED", changed)
    label_studio.install(tmp_path / "venv")
    assert len(pip.calls) == 4


def test_every_package_is_pinned() -> None:
    """Two installations are of the same packages, whatever came out in between."""
    lines = [line for line in label_studio.PINNED.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 100 and all("==" in line for line in lines)
    assert "label-studio==1.23.2" in lines


def test_a_busy_port_is_refused() -> None:
    """The server itself would quietly take the next one."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit, match="is taken"):
        label_studio.free_port(taken.getsockname()[1])
    assert label_studio.free_port(0) > 0


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    """Two would write one database."""
    with (
        label_studio.hold(tmp_path / "lock", ""),
        pytest.raises(SystemExit, match="running already"),
        label_studio.hold(tmp_path / "lock", "running already"),
    ):
        pass
    with label_studio.hold(tmp_path / "lock", ""):
        pass


def test_logins_stay_and_are_the_owners_alone(tmp_path: Path) -> None:
    """Made up once; nothing in them could be taken for a command's option."""
    path = tmp_path / "accounts.json"
    accounts = read_accounts(path)
    write_accounts(path, accounts)
    assert read_accounts(path) == json.loads(path.read_text()) == accounts
    assert path.stat().st_mode & 0o777 == 0o600
    people = [accounts["manager"], *accounts["annotators"]]
    assert len({person["password"] for person in people}) == len(people) == 4
    assert all(person["password"].isalnum() for person in people)


def test_the_server_gets_no_setting_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign's own token among them; and it reports to nobody."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "the-campaigns-token")
    environment = label_studio.environment_of(tmp_path, read_accounts(tmp_path / "none")["manager"])
    assert "the-campaigns-token" not in environment.values()
    assert environment["COLLECT_ANALYTICS"] == "false"
