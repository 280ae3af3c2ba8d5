"""Drive a campaign from the command line: through Prefect's flows, or plainly.

The flows are imported by name when they are wanted: the package itself does not depend on Prefect.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from labelloop import loop, outages, settling, waking
from labelloop.environment import read_environment
from labelloop.kept_settings import pending_changes
from labelloop.ledger import Ledger
from labelloop.loop import Stopped
from labelloop.stages.collect import Waiting
from labelloop.stages.runner import is_done, run_stage
from labelloop.workspace import Workspace

Told = Callable[[str], None]


def run(workspace: Workspace, *, plain: bool, poll_seconds: float, told: Told) -> Waiting | Stopped:
    """Go on until the campaign stops or only people can go on; see the flow `active-learning`."""
    if not plain:
        return _call(workspace, "active_learning", told, poll_seconds=poll_seconds)
    with workspace.hold("labelloop run"):
        return loop.until_people(workspace, lambda: _advance_plainly(workspace, told), poll_seconds)


def advance(workspace: Workspace, *, plain: bool, told: Told) -> Waiting | Stopped:
    """Do what can be done now.

    Where no server is set in the environment, Prefect is not even imported if that turns out to be nothing.
    """
    take_address(workspace)
    if not plain and not os.environ.get("PREFECT_API_URL"):
        idle = _look(workspace, told)
        if idle is not None:
            return idle
    if not plain:
        return _call(workspace, "advance", told)
    with workspace.hold("labelloop advance"):
        return _advance_plainly(workspace, told)


def settle(workspace: Workspace, *, anyway: bool, plain: bool, told: Told) -> tuple[str, Waiting | Stopped]:
    """Open a round that asks nobody, and do what can be done: see `labelloop.settling`.

    Killed after the round was opened, `advance` plays it just as well.

    Returns:
        The round's id, and how it went; the round may still be open.
    """
    with workspace.hold("labelloop settle"):
        entry = settling.open_settling(workspace, anyway=anyway, told=told)
    return entry.id, advance(workspace, plain=plain, told=told)


def _advance_plainly(workspace: Workspace, told: Told) -> Waiting | Stopped:
    with outages.watched(workspace):
        return waking.look_until_quiet(workspace, lambda: loop.advance(workspace, told=told))


def _look(workspace: Workspace, told: Told) -> Waiting | Stopped | None:
    """One look at a round that waits for people, or at a campaign that has stopped; None if there is work."""
    ledger = Ledger.read(workspace.ledger)
    if ledger.open is None:
        return _still_stopped(workspace, ledger, told)
    folder = workspace.round(ledger.open.id)
    if not folder.tasks.exists() or folder.closed.exists():
        return None
    with workspace.hold("labelloop advance"):
        for line in pending_changes(workspace):
            told(line)
        with outages.watched(workspace):
            seen = waking.mark(workspace)
            waiting: Waiting | None = run_stage(workspace, "collect", ledger.open.id)
            if waiting is not None:
                waking.hear(workspace, seen)
    return waiting


def _still_stopped(workspace: Workspace, ledger: Ledger, told: Told) -> Stopped | None:
    """Why the campaign is stopped, if that still holds and everything is recorded; None if there is work."""
    last = ledger.last_closed
    if last is None or ledger.stopped is None:
        return None
    with workspace.hold("labelloop advance"):
        plan = loop.next_plan(workspace, ledger)[1]
        steps = (("prepare", None), ("version", last.id), ("finish", last.id))
        if plan != Stopped(**ledger.stopped) or not all(is_done(workspace, *step) for step in steps):
            return None
        for line in pending_changes(workspace):
            told(line)
    return Stopped(**ledger.stopped)


def _call(workspace: Workspace, flow: str, told: Told, **parameters: Any) -> Any:
    """Call the flow of this name, with the user's server or with one for the time of the command."""
    take_address(workspace)
    private = private_server()
    parameters["directory"] = str(workspace.root)
    if not private.configured():
        return private.call(f"flows.{flow}", flow, workspace.state / "prefect", **parameters)
    # The terminal shows the campaign's own progress; the server's pages show everything.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    send_log()
    function = getattr(importlib.import_module(f"flows.{flow}"), flow)
    told(f"Prefect shows this at {private.pages()}")
    return function(**parameters)


def private_server() -> Any:
    return importlib.import_module("flows.private_server")


def take_address(workspace: Workspace) -> None:
    """Let Prefect see an address that stands in the campaign's .env only."""
    address = read_environment(workspace.root).prefect_api_url
    if address:
        os.environ.setdefault("PREFECT_API_URL", address)


def send_log() -> None:
    """Have the server show what the stages log with their task runs; what the user has set stays."""
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "labelloop")
