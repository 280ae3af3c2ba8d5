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
from live_server import ROOT, LiveServer, installed_server


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with an empty database, from the environment LABEL_STUDIO_VENV or that of `make label-studio`.

    While working on the tests, LABEL_STUDIO_TEST_ACCOUNTS names the accounts.json of a server that runs
    already; its projects are deleted.
    """
    running = os.environ.get("LABEL_STUDIO_TEST_ACCOUNTS")
    if running:
        yield LiveServer.of(json.loads(Path(running).read_text()))
        return
    installed = installed_server()
    folder = tmp_path_factory.mktemp("label-studio")
    script = ROOT / "scripts" / "label_studio.py"
    command = [sys.executable, script, "--folder", folder, "--venv", installed, "--port", "0"]
    process = subprocess.Popen(command, stdout=(folder / "out").open("wb"), stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 300
        while "is ready at" not in (said := (folder / "out").read_text()):
            assert process.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.3)
        yield LiveServer.of(json.loads((folder / "accounts.json").read_text()))
    finally:
        process.terminate()
        process.wait(60)
