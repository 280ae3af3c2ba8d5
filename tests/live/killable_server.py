"""A real Label Studio server of one's own, which can be killed in the middle of anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from live_server import LiveServer

ROOT = Path(__file__).resolve().parents[2]


class KillableServer:
    """The server that scripts/label_studio.py starts in `folder`, always at the same port."""

    def __init__(self, folder: Path, venv: Path) -> None:
        self.folder, self._venv, self.kills = folder, venv, 0
        folder.mkdir(parents=True, exist_ok=True)
        self._script = self._start("0")
        self.live = LiveServer.of(json.loads((folder / "accounts.json").read_text()))

    def kill(self) -> None:
        """kill -9: what it was doing is left half done."""
        for process in _children(self._script.pid):
            os.kill(process, signal.SIGKILL)
        self._script.wait(60)
        self.kills += 1

    def restart(self) -> None:
        self._script = self._start(self.live.url.rpartition(":")[2])

    def close(self) -> None:
        self._script.terminate()
        self._script.wait(60)

    def _start(self, port: str) -> subprocess.Popen[bytes]:
        script = ROOT / "scripts" / "label_studio.py"
        command = [sys.executable, script, "--folder", self.folder, "--venv", self._venv, "--port", port]
        out = self.folder / "out"
        process = subprocess.Popen(command, stdout=out.open("wb"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 300
        while "is ready at" not in (said := out.read_text()):
            assert process.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.2)
        return process


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], stdout=subprocess.PIPE, check=False)
    return [int(line) for line in found.stdout.split()]
