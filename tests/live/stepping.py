"""A labelloop command that can be killed at a chosen moment: `stepping.py MOMENT COMMAND...`.

A moment is the number of a thing that the process does to its campaign's folder or to the network: a file is
opened for writing, renamed or removed, a connection or a process is started. 0 never comes. So kills fall
between any two of the steps that leave something behind, and not only where most of the time goes.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from labelloop.adapters.tools.label_studio_server import Server
from labelloop.cli import main

TIMEOUT = 4.0
"""Seconds until a reply counts as lost; the proxy holds some back for longer."""

DEEDS = ("os.rename", "os.remove", "os.mkdir", "socket.connect", "subprocess.Popen")


class Moments:
    """Counts what the process does, and kills it and its children at one of them."""

    def __init__(self, root: Path, last: int) -> None:
        self._root, self._last, self.count = str(root), last, 0
        self._process = os.getpid()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if os.getpid() != self._process or not self._is_deed(event, arguments):
            return
        self.count += 1
        if self.count == self._last:
            os.killpg(0, signal.SIGKILL)

    def _is_deed(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, _, flags = arguments
            return bool(flags & (os.O_WRONLY | os.O_RDWR)) and str(path).startswith(self._root)
        return event in DEEDS


def be_quick() -> None:
    """Wait a fifth of what labelloop otherwise would, for a reply and between two tries."""
    defaults = Server.__init__.__kwdefaults__
    assert defaults is not None
    defaults["timeout"] = TIMEOUT
    defaults["sleep"] = lambda seconds: time.sleep(seconds / 5)


if __name__ == "__main__":
    last, *words = sys.argv[1:]
    be_quick()
    moments = Moments(Path(words[1]).resolve(), int(last))
    atexit.register(lambda: print(f"moments: {moments.count}", flush=True))
    sys.argv = ["labelloop", *words]
    print("started", flush=True)
    sys.addaudithook(moments)
    main()
