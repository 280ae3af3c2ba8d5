"""Campaigns whose driver is killed again and again and goes on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from labelloop import loop
from labelloop.adapters.tools.simulated import SimulatedTool
from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


class Killed(BaseException):
    """The machine goes down: nothing can be caught."""


def outlive_kills(workspace: Workspace, patch: pytest.MonkeyPatch, after: Collection[str]) -> int:
    """Drive a simulated campaign to its end, polled in small steps; return how often it was killed.

    Killed once a round in the push, when the tool has taken the tasks, and once a round after each of these
    stages.
    """
    push, deaths = SimulatedTool.push, set()

    def dying(tool: SimulatedTool, tasks: Any) -> Any:
        receipts = push(tool, tasks)
        place = tasks[-1].round or tasks[-1].key.split("/")[1]
        if place not in deaths:
            deaths.add(place)
            raise Killed
        return receipts

    def run(place: Workspace, name: str, round_id: str | None) -> Any:
        result = run_stage(place, name, round_id)
        if name in after and (name, round_id) not in deaths:
            deaths.add((name, round_id))
            raise Killed
        return result

    def play(place: Workspace, round_id: str) -> Any:
        return loop.play_round(place, round_id, run)

    patch.setattr(SimulatedTool, "push", dying)
    for _ in range(400):
        try:
            outcome = loop.advance(workspace, run=run, play=play)
        except Killed:
            continue
        if isinstance(outcome, loop.Stopped):
            return len(deaths)
    raise AssertionError("the campaign never came to its end")
