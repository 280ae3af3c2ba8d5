"""A push beside bare calls with the same bytes, in turns: what else the machine does falls on both."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


def beside_bare_calls(folder: Path, accounts: dict[str, Any], turns: int, items: int) -> dict[str, Any]:
    """Seconds of both, turn by turn. Bare calls that come first send what the turn before did."""
    from bench.label_studio import client_of, open_tool, tasks_of

    tool = open_tool(folder, accounts, "beside")
    client = client_of(accounts)
    seen = client.get(f"/api/projects/{tool._project.id}/").json()
    about = {"title": "bare calls", "label_config": seen["label_config"], "maximum_annotations": 3}
    project = client.post("/api/projects/", json=about).json()["id"]
    took: dict[str, list[float]] = {"tool": [], "bare": [], "in imports": []}
    sent: list[bytes] = []

    def push(turn: int) -> None:
        tasks = tasks_of("beside", f"r{turn:03d}", items)
        sent.clear()
        with _watched(tool, sent) as spans:
            begun = time.perf_counter()
            receipts = tool.push(tasks)
            took["tool"].append(time.perf_counter() - begun)
        took["in imports"].append(sum(spans))
        assert len(receipts) == len(tasks)

    def call() -> None:
        begun = time.perf_counter()
        made = 0
        for body in sent:
            reply = client.post(
                f"/api/projects/{project}/import?return_task_ids=true",
                content=body,
                headers={"Content-Type": "application/json"},
            )
            made += len(reply.json()["task_ids"])
        took["bare"].append(time.perf_counter() - begun)
        assert made == items

    push(0)
    call()
    for seconds in took.values():
        seconds.clear()  # that warmed up both
    for turn in range(1, turns + 1):
        if turn % 2:
            push(turn)
            call()
        else:
            call()
            push(turn)
    ratios = [bare / mine for bare, mine in zip(took["bare"], took["tool"], strict=True)]
    shares = [spent / mine for spent, mine in zip(took["in imports"], took["tool"], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "share": statistics.median(shares),
        "ratios": ratios,
        "tool": sum(took["tool"]),
        "bare": sum(took["bare"]),
        "turns": took,
        "load": os.getloadavg()[0],
    }


@contextlib.contextmanager
def _watched(tool: Any, sent: list[bytes]) -> Iterator[list[float]]:
    """Keep the bodies of the imports that the tool sends, and how long the server took over each."""
    spans: list[float] = []
    begun = 0.0

    def keep(request: httpx.Request) -> None:
        nonlocal begun
        if request.url.path.endswith("/import"):
            sent.append(request.read())
            begun = time.perf_counter()

    def replied(response: httpx.Response) -> None:
        if response.request.url.path.endswith("/import"):
            response.read()
            spans.append(time.perf_counter() - begun)

    hooks = tool._server._http.event_hooks
    tool._server._http.event_hooks = {
        "request": [*hooks["request"], keep],
        "response": [replied, *hooks["response"]],
    }
    try:
        yield spans
    finally:
        tool._server._http.event_hooks = hooks
