"""One driver at a time: the lock of a campaign.

The lock is the kernel's, so it is gone the moment its process is, however that ended.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from labelloop.errors import CampaignBusyError


@contextmanager
def held(path: Path, campaign: Path, command: str) -> Iterator[None]:
    """Hold the lock at `path`, in which is written who does.

    Args:
        path: made where it is missing, with its folder.
        campaign: the campaign's folder, for messages.
        command: what it is held for, for those who find it held.

    Raises:
        CampaignBusyError: another process holds it; the message says which.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CampaignBusyError(
                f"the campaign in {campaign} is held by {_holder(path)}; nothing was done. Run it again "
                "after that"
            ) from None
        stream.seek(0)
        stream.truncate()
        json.dump(
            {
                "command": command,
                "pid": os.getpid(),
                "user": getpass.getuser(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            stream,
        )
        stream.flush()
        yield


def _holder(path: Path) -> str:
    # Who has just got hold of the campaign may not have written its name yet.
    for _ in range(20):
        try:
            holder = json.loads(path.read_text(encoding="utf-8"))
            if holder["host"] == socket.gethostname():
                os.kill(holder["pid"], 0)
            return (f"`{holder['command']}` (pid {holder['pid']}, {holder['user']}@{holder['host']}) "
                    f"since {holder['since']}")  # fmt: skip
        except (OSError, ValueError, KeyError):
            time.sleep(0.05)
    return "another process"
