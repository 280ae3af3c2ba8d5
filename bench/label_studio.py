"""Label Studio: pushing, looking up and polling on a real server.

The server is the one that `make label-studio` installs, started for the measurement with an empty database
(SQLite). All of it is one run on one machine, on which the server takes most of the time, so the figures to
look at are ratios.

The push is the tool's own, with a prediction in every task: checks, keys on disk, imports, receipts. Beside
it stand bare calls with the bytes that the tool was seen to send, into a project of their own, taken in turns
with it, now before it and now after it; the figure is the median of the turns' ratios, so that what else the
machine does falls on both.
The large push is one process that pushes everything and then looks every key up; its memory is the peak of
its pages. The poll is of a project with 10,000 tasks of which 20 were answered, by a tool that has polled
before; and right after a push, when every task of it has just changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from bench import label_studio_pictures, memory
from bench.figures import Figure
from bench.label_studio_push import beside_bare_calls

ROOT = Path(__file__).parents[1]
TURNS = 10
ITEMS = 3333
"""Items in one call to the tool, three copies each, as the stage `push` pushes them."""
MANY = 50_000
WANTED = 20_000
POLLED = 10_000
NEW = 20
POLLS = 5
CLASSES = ("cat", "dog", "cow")


def measure(folder: Path) -> list[Figure]:
    """Start a server, measure, stop it."""
    with running_server(folder / "server") as accounts:
        (folder / "accounts.json").write_text(json.dumps(accounts), encoding="utf-8")
        beside = beside_bare_calls(folder / "beside", accounts, TURNS, ITEMS)
        large = _apart("push_many", folder)
        polls = _polls(folder / "polls", accounts)
        label_studio_pictures.push(folder / "pictures", accounts)
        pictures = _apart("poll", folder, "bench.label_studio_pictures")
    return [
        Figure(
            f"push of {ITEMS:,} tasks with predictions, of what bare calls do",
            100 * beside["ratio"],
            "%",
            at_least=90,
            note=f"median of {TURNS} turns, {100 * min(beside['ratios']):.0f} to "
            f"{100 * max(beside['ratios']):.0f}%; in all {beside['tool']:.1f} s against "
            f"{beside['bare']:.1f} s; load {beside['load']:.1f}",
            details=beside,
        ),
        Figure(
            "of the push's own time, spent by the server on its imports",
            100 * beside["share"],
            "%",
            note="the rest is all that the tool adds; what else the machine does falls on both",
        ),
        Figure(
            f"{MANY:,} tasks with predictions pushed and looked up",
            large["push"] + large["find_all"],
            "s",
            at_most=240,
            note=f"push {large['push']:.0f} s, lookup {large['find_all']:.0f} s; "
            f"{WANTED:,} of them are looked up in {large['find_some']:.1f} s",
            details=large,
        ),
        Figure("memory of the process that pushes them", large["memory"], "MB", at_most=1000),
        Figure(
            f"poll of {POLLED:,} tasks, {NEW} new answers",
            min(polls["few"]),
            "s",
            at_most=0.5,
            note="best of " + ", ".join(f"{seconds:.2f}" for seconds in polls["few"]),
            details=polls,
        ),
        Figure(f"poll right after a push of {POLLED:,} tasks", polls["after_push"], "s"),
        Figure("poll with nothing new", min(polls["none"]), "s"),
        Figure(
            f"memory that a first poll of {POLLED:,} answered tasks with pictures adds",
            pictures["added"],
            "MB",
            note=f"{pictures['pictures']:.0f} MB of pictures are in the tasks; {pictures['seconds']:.0f} s, "
            f"load {pictures['load']:.1f}",
            details=pictures,
        ),
    ]


def is_installed() -> bool:
    """Whether there is a Label Studio to start."""
    return (_venv() / "bin" / "label-studio").exists()


def _venv() -> Path:
    return Path(os.environ.get("LABEL_STUDIO_VENV") or ROOT / ".label-studio" / "venv")


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[dict[str, Any]]:
    """A server with an empty database, and what accounts.json says of it."""
    if not is_installed():
        raise SystemExit(f"{_venv()} has no label-studio; `make label-studio` installs it")
    folder.mkdir(parents=True)
    script = ROOT / "scripts" / "label_studio.py"
    command = [sys.executable, script, "--folder", folder, "--venv", _venv(), "--port", "0"]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 300
        while "is ready at" not in (said := (folder / "out").read_text()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start:\n{said}")
            time.sleep(0.2)
        yield json.loads((folder / "accounts.json").read_text())
    finally:
        process.terminate()
        process.wait(60)


def open_tool(folder: Path, accounts: dict[str, Any], campaign: str) -> Any:
    from labelloop.adapters.tools.base import Project
    from labelloop.adapters.tools.label_studio import LabelStudioTool
    from labelloop.adapters.tools.label_studio_server import Server
    from labelloop.workspace import Workspace

    folder.mkdir(parents=True, exist_ok=True)
    tool = LabelStudioTool(
        Server(accounts["url"], accounts["manager"]["token"]),
        workspace=Workspace.at(folder),
        campaign=campaign,
        overlap=3,
    )
    tool.create(Project(campaign, "choice", CLASSES, "Which animal?", "text", ("text",)))
    return tool


def tasks_of(campaign: str, round_id: str, count: int) -> list[Any]:
    """Three copies of each of `count` items."""
    from labelloop.adapters.tools.base import Prediction, Task

    prediction = Prediction("dog", 0.625, f"{campaign} r000 12345678")  # one model a round, many calls
    return [
        Task(f"{campaign}/{round_id}/item-{n}/{copy}", f"item-{n}", copy,
             {"text": f"Text number {n}. " + "It goes on for a line or two. " * 5}, prediction)
        for n in range(count)
        for copy in range(3)
    ]  # fmt: skip


def client_of(accounts: dict[str, Any], person: int | None = None) -> httpx.Client:
    account = accounts["manager"] if person is None else accounts["annotators"][person]
    headers = {"Authorization": f"Token {account['token']}"}
    return httpx.Client(base_url=accounts["url"], headers=headers, timeout=600)


def push_many(folder: str) -> dict[str, float]:
    """What the process that pushes much finds out."""
    accounts = json.loads((Path(folder) / "accounts.json").read_text())
    tool = open_tool(Path(folder) / "many", accounts, "many")
    tasks = tasks_of("many", "r001", MANY)
    begun = time.perf_counter()
    for start in range(0, len(tasks), 3 * ITEMS):
        tool.push(tasks[start : start + 3 * ITEMS])
    pushed = time.perf_counter()
    assert len(tool.find([task.key for task in tasks])) == len(tasks)
    found = time.perf_counter()
    assert len(tool.find([task.key for task in tasks if task.copy == 0][:WANTED])) == WANTED
    some = time.perf_counter() - found
    return {"push": pushed - begun, "find_all": found - pushed, "find_some": some, "memory": memory.peak()}


def _polls(folder: Path, accounts: dict[str, Any]) -> dict[str, Any]:
    tool = open_tool(folder, accounts, "polls")
    now = tool.poll(None).now
    tool.push(tasks_of("polls", "r001", POLLED))
    begun = time.perf_counter()
    now = tool.poll(now).now
    found: dict[str, Any] = {"after_push": time.perf_counter() - begun, "few": [], "none": []}
    listed = client_of(accounts).get(
        "/api/tasks/", params={"project": tool._project.id, "page_size": POLLS * NEW, "include": "id"}
    )
    ids = [row["id"] for row in listed.json()["tasks"]]
    for turn in range(POLLS):
        _answer(accounts, ids[turn * NEW : (turn + 1) * NEW])
        for name, count in (("few", NEW), ("none", 0)):
            begun = time.perf_counter()
            poll = tool.poll(now)
            found[name].append(time.perf_counter() - begun)
            now = poll.now
            assert len(poll.answers) == count, poll
    return found


def _answer(accounts: dict[str, Any], tasks: Sequence[int]) -> None:
    client = client_of(accounts, 0)
    for task in tasks:
        client.cookies.clear()
        result = {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["cat"]}}
        body = {"result": [result], "lead_time": 1.5}
        client.post(f"/api/tasks/{task}/annotations/", json=body).raise_for_status()


def _apart(what: str, folder: Path, module: str = "bench.label_studio") -> dict[str, float]:
    """What a function of a module returns in a process of its own."""
    command = [sys.executable, "-m", module, what, str(folder)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{answer.stderr[-4000:]}")
    found: dict[str, float] = json.loads(answer.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps({"push_many": push_many}[sys.argv[1]](sys.argv[2])))
