"""From a person's last click to the next batch: how fast a webhook is answered, and what follows.

A real Prefect server, a process worker that asks every 2 s, and `labelloop webhook`; the schedule is off, so
nothing but the webhook starts a run. People are played by files of answers and by the request that Label
Studio sends. Every request is a connection of its own, as Label Studio's are.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.figures import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "live"))

REQUESTS = 300
TURNS = 4
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
                turns.append(_turn(server, campaign, turn, url))
            answered = [_milliseconds(url, live_prefect.SECRET) for _ in range(REQUESTS)]
    answered.sort()
    net = [turn["seconds"] - turn["training"] for turn in turns]
    return [
        Figure(
            "webhook answered, 99th percentile",
            answered[int(0.99 * REQUESTS)],
            "ms",
            at_most=ANSWERED,
            note=f"median {statistics.median(answered):.1f} ms, longest {answered[-1]:.0f} ms of {REQUESTS}",
            details={"milliseconds": answered},
        ),
        Figure(
            "last click to next batch, apart from training",
            statistics.median(net),
            "s",
            at_most=NEXT_BATCH,
            note=f"{min(net):.1f} to {max(net):.1f} s in {TURNS} turns; training up to "
            f"{max(turn['training'] for turn in turns):.1f} s",
            details={"turns": turns},
        ),
    ]


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


def _turn(server: Any, campaign: Path, turn: int, url: str) -> dict[str, float]:
    """Answer everything of a round, tell the receiver, wait for the next round's tasks."""
    import live_prefect

    from labelloop import waking
    from labelloop.workspace import Workspace

    live_prefect.answer(campaign, f"r{turn:03d}")
    began = time.perf_counter()
    live_prefect.hook(url)
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
    return {"seconds": seconds, "training": max((one.total_seconds() for one in spent), default=0.0)}
