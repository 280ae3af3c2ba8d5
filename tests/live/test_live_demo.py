"""`make demo-label-studio`: one command, a whole campaign; interrupted, the same command goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live_server import ROOT, LiveServer

from labelloop import tables
from labelloop.workspace import Workspace

pytestmark = [pytest.mark.live, pytest.mark.slow]


def test_the_demo_is_interrupted_and_ends(live_server: LiveServer, tmp_path: Path) -> None:
    """With a running server; the people's accounts are its three, and nobody is asked anything twice."""
    live_server.delete_projects()
    accounts = tmp_path / "accounts.json"
    people = [
        {"name": name, "login": login, "password": password, "token": live_server.people[name]}
        for name, (login, password) in live_server.logins.items()
    ]
    manager = {"login": "manager@localhost.local", "password": "-", "token": live_server.token}
    accounts.write_text(json.dumps({"url": live_server.url, "manager": manager, "annotators": people}))
    command = [sys.executable, ROOT / "scripts" / "demo_label_studio.py", "--accounts", accounts]
    command += ["--folder", tmp_path / "demo", "--plain"]
    with (tmp_path / "out").open("wb") as out:
        first = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            deadline = time.monotonic() + 300
            while not any(task["total_annotations"] for task in live_server.tasks("digits-demo")):
                assert first.poll() is None and time.monotonic() < deadline, (tmp_path / "out").read_text()
                time.sleep(0.2)
        finally:
            first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "budget_labels" in done.stdout
    votes = tables.VOTES.read(Workspace.at(tmp_path / "demo").rounds()[-1].collected)
    answers = votes[votes["action"] != "skipped"]
    assert not answers.duplicated(["item", "annotator"]).any()
    assert set(answers["annotator"]) == {login for login, _ in live_server.logins.values()}
    for task in live_server.tasks("digits-demo", fields="all"):
        gave = [one["completed_by"] for one in task["annotations"]]
        assert len(gave) == len(set(gave)), task
