"""A network that loses replies makes no task twice and loses no vote."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from faulty_proxy import FaultyProxy
from live_server import LiveServer

from labelloop.adapters.tools.base import Answer, Project, Task
from labelloop.adapters.tools.label_studio import LabelStudioTool
from labelloop.adapters.tools.label_studio_server import Server
from labelloop.errors import ToolError
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live

CLASSES = ("cat", "dog", "cow")
PROJECT = Project("storm", "choice", CLASSES, "Which animal?", "text", ("text",))
FAULTS = 200


def test_no_task_twice_and_no_vote_lost_over_200_faults(live_server: LiveServer, tmp_path: Path) -> None:
    """Pushes of a few items and polls go on through a bad network until it has failed 200 times."""
    live_server.delete_projects()
    proxy = FaultyProxy(live_server.url, rate=0.35, seed=1)
    chance = random.Random(2)
    pushed: list[Task] = []
    given: set[tuple[int, str]] = set()
    got: dict[str, Answer] = {}
    now = None

    def tool() -> LabelStudioTool:
        """As a new process would open it; it waits for nothing, since the proxy answers after the server."""
        server = Server(proxy.url, live_server.token, sleep=lambda _: None)
        return LabelStudioTool(
            server, workspace=Workspace.at(tmp_path), campaign="storm", overlap=2, sleep=lambda _: None
        )

    try:
        until_it_works(lambda: tool().create(PROJECT))
        for turn in range(400):
            batch = [
                Task(f"storm/r000/{turn}-{n}/{copy}", f"{turn}-{n}", copy, {"text": f"{turn} {n}"})
                for n in range(3)
                for copy in range(2 + n % 2)
            ]

            def push(batch: list[Task] = batch) -> None:
                there = {receipt.key for receipt in tool().find([task.key for task in batch])}
                tool().push([task for task in batch if task.key not in there])

            until_it_works(push)
            pushed += batch
            if turn % 4 == 3:
                for task in live_server.tasks("storm", fields="task_only")[-8:]:
                    person = chance.choice(["ada", "ben", "cy"])
                    if (task["id"], person) not in given:
                        live_server.answer(person, task["id"], chance.choice(CLASSES))
                        given.add((task["id"], person))
                poll = until_it_works(lambda now=now: tool().poll(now))
                now = poll.now
                got |= {answer.id: answer for answer in poll.answers}
            if proxy.faults.total() >= FAULTS:
                break
    finally:
        proxy.rate = 0.0
    poll = tool().poll(now)
    got |= {answer.id: answer for answer in poll.answers}
    proxy.close()

    assert proxy.faults.total() >= FAULTS, proxy.faults
    tasks = live_server.tasks("storm")
    counts = Counter(task["data"]["labelloop_key"] for task in tasks)
    assert max(counts.values()) == 1
    assert len(tasks) == len({task.item for task in pushed})
    assert sum(task["overlap"] for task in tasks) == len(pushed)
    assert len(got) == len(given)


def until_it_works(step, tries: int = 30):  # type: ignore[no-untyped-def]
    """Do as a schedule would: run it again."""
    for _ in range(tries):
        try:
            return step()
        except ToolError:
            continue
    raise AssertionError("it never works")
