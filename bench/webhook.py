"""From a person's last click to the next batch: how fast a webhook is answered, and what follows.

A real Prefect server, a process worker that asks every 2 s, and `labelloop webhook`; the schedule is off, so
nothing but the webhook starts a run. People are played by files of answers and by the request that Label
Studio sends. Every request is a connection of its own, as Label Studio's are.

Where Label Studio is installed (`make label-studio`), the same once more with a real server and the webhooks
that it sends itself: one annotator works through the queue without a pause, so that the last click mostly
comes while a run that an earlier one has woken is at work; the next batch counts when it is in the tool.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import label_studio
from bench.figures import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "live"))

REQUESTS = 300
TURNS = 4
REAL_TURNS = 3
ANSWERED, NEXT_BATCH = 50.0, 20.0
"""Milliseconds; seconds."""


def measure(folder: Path) -> list[Figure]:
    """Play some rounds by webhooks alone, then send a burst of them."""
    import live_prefect

    campaign = live_prefect.make(
        folder / "campaign", campaign={"name": "bench"}, stopping={"max_rounds": TURNS + 2}
    )
    turns = []
    with live_prefect.prefect_server(folder / "prefect") as server:
        server.call("deploy", campaign)
        with live_prefect.worker(server), live_prefect.receiver(server, campaign) as url:
            server.ended(server.start("advance/bench"))
            for turn in range(TURNS):
                turns.append(_turn(server, campaign, turn, partial(_answer_files, campaign, turn, url)))
            answered = [_milliseconds(url, live_prefect.SECRET) for _ in range(REQUESTS)]
    answered.sort()
    real = _with_label_studio(folder / "real") if label_studio.is_installed() else []
    return [
        Figure(
            "webhook answered, 99th percentile",
            answered[int(0.99 * REQUESTS)],
            "ms",
            at_most=ANSWERED,
            note=f"median {statistics.median(answered):.1f} ms, longest {answered[-1]:.0f} ms of {REQUESTS}",
            details={"milliseconds": answered},
        ),
        *_waits("last click to next batch, apart from training", turns),
        *_waits("the same with Label Studio and its own webhooks", real),
    ]


def _waits(name: str, turns: list[dict[str, float]]) -> list[Figure]:
    """The figure of some turns, if there were any."""
    if not turns:
        return []
    net = [turn["seconds"] - turn["training"] for turn in turns]
    note = (
        f"{min(net):.1f} to {max(net):.1f} s in {len(turns)} turns; training up to "
        f"{max(turn['training'] for turn in turns):.1f} s; load {turns[-1]['load']:.1f}"
    )
    return [
        Figure(name, statistics.median(net), "s", at_most=NEXT_BATCH, note=note, details={"turns": turns})
    ]


def _with_label_studio(folder: Path) -> list[dict[str, float]]:
    """Some rounds of a campaign whose people work in a real server."""
    import live_prefect
    from live_server import LiveServer

    with label_studio.running_server(folder / "label-studio") as accounts:
        tool = LiveServer.of(accounts)
        campaign = live_prefect.make(
            folder / "campaign",
            campaign={"name": "bench"},
            annotation={"tool": "label_studio"},
            stopping={"max_rounds": REAL_TURNS + 2},
        )
        (campaign / ".env").write_text(
            f"LABEL_STUDIO_URL={tool.url}\nLABEL_STUDIO_API_KEY={tool.token}\n", encoding="utf-8"
        )
        with live_prefect.prefect_server(folder / "prefect") as server:
            server.call("deploy", campaign)
            with live_prefect.worker(server):
                server.ended(server.start("advance/bench"), 180)
                with live_prefect.receiver(server, campaign):
                    project = tool.project("bench")["id"]

                    def is_registered() -> bool:
                        return bool(tool.client().get("/api/webhooks/", params={"project": project}).json())

                    live_prefect.wait_until(is_registered, 60, "a webhook")
                    return [_turn(server, campaign, turn, partial(_work, tool)) for turn in range(REAL_TURNS)]


def _work(tool: Any) -> float:
    """One person empties the queue; when the last answer was sent."""
    last = time.perf_counter()

    def answer(data: dict[str, Any]) -> str:
        nonlocal last
        last = time.perf_counter()
        return str(len(str(data)) % 10)

    tool.work_queue("ada", "bench", answer)
    return last


def _milliseconds(url: str, secret: str) -> float:
    """From connecting to the answer, by the plainest of clients: its own start is not the receiver's."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    began = time.perf_counter()
    connection.request("POST", "/", b'{"action": "ANNOTATION_CREATED"}', {"X-Hook-Secret": secret})
    status = connection.getresponse().status
    took = 1000 * (time.perf_counter() - began)
    connection.close()
    if status != 202:
        raise RuntimeError(f"the receiver answered {status}")
    return took


def _turn(server: Any, campaign: Path, turn: int, work: Callable[[], float]) -> dict[str, float]:
    """Let people answer everything of a round, wait for the next round's tasks.

    Args:
        work: does that; returns when the last answer was given.
    """
    import live_prefect

    from labelloop import waking
    from labelloop.workspace import Workspace

    began = work()
    following = campaign / "rounds" / f"r{turn + 1:03d}" / "tasks.parquet"
    live_prefect.wait_until(following.exists, 180, "the next batch")
    seconds = time.perf_counter() - began
    # The next turn starts from rest.
    live_prefect.wait_until(lambda: not waking.is_pending(Workspace.at(campaign)), 60, "the end of the run")
    run = server.runs("advance/bench")[-1]
    server.ended(run["id"])
    tasks = server.ask("task_runs", task_runs={"name": {"any_": [f"train r{turn:03d}"]}})
    spent = [datetime.fromisoformat(task["end_time"]) - datetime.fromisoformat(task["start_time"])
             for task in tasks if task["end_time"]]  # fmt: skip
    training = max((one.total_seconds() for one in spent), default=0.0)
    return {"seconds": seconds, "training": training, "load": os.getloadavg()[0]}


def _answer_files(campaign: Path, turn: int, url: str) -> float:
    """Answer a round by a file, and tell the receiver as Label Studio would."""
    import live_prefect

    live_prefect.answer(campaign, f"r{turn:03d}")
    began = time.perf_counter()
    live_prefect.hook(url)
    return began
