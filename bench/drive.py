"""Drive a campaign until it stops and note when each stage began and ended: `python -m bench.drive`.

A process of its own for every campaign, so that none inherits what another has imported or cached. What is
noted at each event: the time, processor seconds of the process and of its finished children (DVC, git), and
megabytes in memory, now and at most since the event before.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from bench import memory
from labelloop import driving
from labelloop.workspace import Workspace


class _Notes(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.events: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", None) is None:
            return
        spent = os.times()
        self.events.append(
            {
                "stage": getattr(record, "stage", None),
                "round": getattr(record, "round_id", None),
                "event": getattr(record, "event", None),
                "at": record.created,
                "processor": spent.user + spent.system + spent.children_user + spent.children_system,
                "resident": memory.resident(),
                "peak": memory.peak(),
            }
        )
        memory.forget_peak()


def main(folder: str, way: str, out: str) -> None:
    """Run the campaign in `folder`, `plain` or through `prefect`; write the events to `out`."""
    notes = _Notes()
    logger = logging.getLogger("labelloop.stages.runner")
    logger.setLevel(logging.INFO)
    logger.addHandler(notes)
    logger.propagate = False
    driving.run(Workspace.at(folder), plain=way == "plain", poll_seconds=0.0, told=lambda line: None)
    Path(out).write_text(json.dumps(notes.events), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
