"""A process that pushes a batch as the stage does, to be killed: `pushing.py FOLDER URL TOKEN TURN`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from labelloop.adapters.tools.base import Prediction, Project, Task
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.errors import ToolError
from labelloop.workspace import Workspace

CLASSES = ("cat", "dog", "cow")
PROJECT = Project("storm", "choice", CLASSES, "Which animal?", "text", ("text",))
ITEMS = 4
TIMEOUT = 4.0
"""Seconds until a reply counts as lost; the proxy holds some back for longer."""


def open_tool(folder: str | Path, url: str, token: str) -> LabelStudioTool:
    """As a new process would open it; it waits a fifth of what it otherwise would."""

    def wait(seconds: float) -> None:
        time.sleep(seconds / 5)

    server = Server(url, token, sleep=wait, timeout=TIMEOUT)
    return LabelStudioTool(server, workspace=Workspace.at(folder), campaign="storm", overlap=2, sleep=wait)


def batch_of(turn: int) -> list[Task]:
    """Items with one to three copies, every other one with a prediction."""
    prediction = Prediction("dog", 0.5, f"storm r{turn:03d} 12345678")
    return [
        Task(f"storm/r000/{turn}-{n}/{copy}", f"{turn}-{n}", copy, {"text": f"{turn} {n}"},
             prediction if n % 2 else None)
        for n in range(ITEMS)
        for copy in range(1 + n % 3)
    ]  # fmt: skip


def push(tool: LabelStudioTool, turn: int) -> None:
    """Look what is there and push the rest, as the stage does after a failure."""
    tool.create(PROJECT)
    tasks = batch_of(turn)
    there = {receipt.key for receipt in tool.find([task.key for task in tasks])}
    tool.push([task for task in tasks if task.key not in there])


if __name__ == "__main__":
    folder, url, token, turn = sys.argv[1:]
    print("started", flush=True)
    while True:
        try:
            push(open_tool(folder, url, token), int(turn))
            break
        except ToolError:
            continue
