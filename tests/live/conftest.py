"""One real server for the session, started from the environment that `make label-studio` installs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import LiveServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with an empty database. LABEL_STUDIO_VENV names an environment that has it installed."""
    installed = Path(os.environ.get("LABEL_STUDIO_VENV") or ROOT / ".label-studio" / "venv")
    if not (installed / "bin" / "label-studio").exists():
        pytest.skip(f"{installed} has no label-studio; `make label-studio` installs it")
    folder = tmp_path_factory.mktemp("label-studio")
    script = ROOT / "scripts" / "label_studio.py"
    command = [sys.executable, script, "--folder", folder, "--venv", installed, "--port", "0"]
    process = subprocess.Popen(command, stdout=(folder / "out").open("wb"), stderr=subprocess.STDOUT)
    try:
        accounts = folder / "accounts.json"
        deadline = time.monotonic() + 240
        while not (accounts.exists() and "ready" in (folder / "out").read_text()):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "out").read_text()
            time.sleep(0.3)
        content = json.loads(accounts.read_text())
        tokens = {account["name"]: account["token"] for account in content["annotators"]}
        yield LiveServer(content["url"], content["manager"]["token"], tokens)
    finally:
        process.terminate()
        process.wait(30)
