"""A bad network, a server and a campaign that are killed: no task twice, no vote lost."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from faulty_proxy import KINDS, FaultyProxy
from killable_server import ROOT, KillableServer
from live_server import installed_server
from pushing import CLASSES, PROJECT, TIMEOUT, batch_of, open_tool, push

from labelloop.adapters.tools.base import Answer
from labelloop.errors import ToolError

pytestmark = [pytest.mark.live, pytest.mark.slow]

FAULTS = int(os.environ.get("LABELLOOP_TEST_FAULTS", "60"))
"""Requests that go wrong; 200 and more are the long proof. A kill of the server and one of the pushing
process come with every 20 of them."""

_Result = TypeVar("_Result")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KillableServer]:
    made = KillableServer(tmp_path / "server", installed_server())
    yield made
    made.close()


def test_no_task_twice_and_no_vote_lost(server: KillableServer, tmp_path: Path) -> None:
    """Pushes and polls go on through faults and kills; in the end all is there once, as it was to be."""
    live, campaign, chance = server.live, tmp_path / "campaign", random.Random(2)
    campaign.mkdir()
    proxy = FaultyProxy(live.url, rate=0.3, seed=1, hold=TIMEOUT + 0.5)
    given: set[tuple[int, str]] = set()
    got: dict[str, Answer] = {}
    now, turn, killed = None, 0, 0

    def poll() -> None:
        nonlocal now
        found = until_it_works(lambda: open_tool(campaign, proxy.url, live.token).poll(now))
        now = found.now
        got.update({answer.id: answer for answer in found.answers})

    try:
        until_it_works(lambda: open_tool(campaign, proxy.url, live.token).create(PROJECT))
        while proxy.faults.total() < FAULTS or not set(KINDS) <= set(proxy.faults):
            mishap: threading.Thread | None = None
            if proxy.faults.total() // 20 > server.kills:
                mishap = threading.Thread(target=kill_and_restart, args=(server, chance.uniform(0, 1.5)))
                mishap.start()
            if proxy.faults.total() // 20 > killed:
                killed += killed_in_a_push(campaign, proxy.url, live.token, turn, chance.uniform(0, 2.5))
            until_it_works(lambda turn=turn: push(open_tool(campaign, proxy.url, live.token), turn))
            if mishap is not None:
                mishap.join()
            for task in live.tasks("storm", fields="task_only")[-4:]:
                person = chance.choice(["ada", "ben", "cy"])
                if (task["id"], person) not in given:
                    live.answer(person, task["id"], chance.choice(CLASSES))
                    given.add((task["id"], person))
            turn += 1
            if turn % 3 == 0:
                poll()
        proxy.rate = 0.0
        poll()
    finally:
        proxy.close()

    tasks = live.tasks("storm")
    wanted = Counter(f"{task.item}" for number in range(turn) for task in batch_of(number))
    overlaps = Counter({task["data"]["text"].replace(" ", "-"): task["overlap"] for task in tasks})
    counts = Counter(task["data"]["labelloop_key"] for task in tasks)
    print(f"\n{dict(proxy.faults)}; killed: server {server.kills}, pushing process {killed}; "
          f"{len(tasks)} tasks, {len(given)} votes")  # fmt: skip
    assert max(counts.values()) == 1
    assert len(tasks) == len(wanted)
    given_to = Counter(task for task, _ in given)
    for task in tasks:
        item = task["data"]["text"].replace(" ", "-")
        # Never fewer than its copies; more only where people were quicker than the request that lowers it.
        assert wanted[item] <= overlaps[item] <= max(wanted[item], given_to[task["id"]]), item
    assert len(got) == len(given)
    assert {(task, person) for task, person in given} == votes_of(got)


def votes_of(answers: dict[str, Answer]) -> set[tuple[int, str]]:
    """Task and person of each answer, from where it is found in the tool."""
    return {
        (int(str(answer.tool_ref).partition("task=")[2].partition("&")[0]), answer.annotator.split("@")[0])
        for answer in answers.values()
    }


def kill_and_restart(server: KillableServer, after: float) -> None:
    time.sleep(after)
    server.kill()
    server.restart()


def killed_in_a_push(campaign: Path, url: str, token: str, turn: int, after: float) -> bool:
    """Whether the pushing process was still at it when it was killed."""
    command: list[Any] = [sys.executable, Path(__file__).with_name("pushing.py"), campaign, url, token, turn]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None and process.stdout.readline() == b"started\n"
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)
    alive = process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    return alive


def until_it_works(step: Callable[[], _Result], seconds: float = 300) -> _Result:
    """Do as a schedule would: run it again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return step()
        except ToolError:
            assert time.monotonic() < deadline, "it never works"
