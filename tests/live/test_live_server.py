"""`make label-studio`: the server comes, stays itself over a restart, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from live_server import ROOT, installed_server

pytestmark = pytest.mark.live


def test_a_server_starts_is_told_to_stop_and_starts_again(tmp_path: Path) -> None:
    """Ctrl-C and TERM end it whole; a second start has the same logins; a second server is refused."""
    installed = installed_server()
    command = [
        sys.executable,
        ROOT / "scripts" / "label_studio.py",
        "--folder",
        tmp_path,
        "--venv",
        installed,
    ]
    logins = []
    for ending in (signal.SIGINT, signal.SIGTERM):
        with (tmp_path / "out").open("wb") as out:
            server = subprocess.Popen(
                [*command, "--port", "0"], stdout=out, stderr=out, start_new_session=True
            )
        try:
            deadline = time.monotonic() + 300
            while "is ready at" not in (said := (tmp_path / "out").read_text()):
                assert server.poll() is None and time.monotonic() < deadline, said
                time.sleep(0.1)
            accounts = json.loads((tmp_path / "accounts.json").read_text())
            check_accounts(accounts, said)
            logins.append([(one["login"], one["password"], one["token"]) for one in accounts["annotators"]])
            again = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, check=False)
            assert again.returncode == 1 and "is running already" in again.stderr
            everything = [server, *psutil.Process(server.pid).children(recursive=True)]
            assert len(everything) > 1
        finally:
            server.send_signal(ending)
        assert server.wait(30) == 0
        assert not [process for process in everything[1:] if process.is_running()]
    assert logins[0] == logins[1]


def check_accounts(accounts: dict, said: str) -> None:  # type: ignore[type-arg]
    """The manager and three plain members; the two lines for .env work."""
    lines = dict(line.split("=", 1) for line in said.splitlines() if line.startswith("LABEL_STUDIO_"))
    assert lines["LABEL_STUDIO_URL"] == accounts["url"] and "127.0.0.1" in accounts["url"]
    headers = {"Authorization": f"Token {lines['LABEL_STUDIO_API_KEY']}"}
    users = httpx.get(f"{accounts['url']}/api/users/", headers=headers).json()
    people = [accounts["manager"], *accounts["annotators"]]
    assert sorted(user["email"] for user in users) == sorted(one["login"] for one in people)
    assert len(people) == 4 and all(one["password"] in said for one in people)
