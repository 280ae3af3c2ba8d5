"""The flow `advance`: do everything that can be done now, then exit. A schedule or a click starts it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prefect import flow, get_run_logger
from prefect.context import FlowRunContext
from prefect.runtime import deployment
from prefect.states import Completed, State

from flows.approve import ask_for_approval
from flows.naming import named
from flows.task_runners import task_runner
from labelloop import loop, outages, waking
from labelloop.errors import CampaignBusyError, UnreachableError
from labelloop.loop import AwaitingApproval, Stopped
from labelloop.stages.collect import Waiting
from labelloop.workspace import Workspace
from tasks.collect import collect
from tasks.evaluate import evaluate
from tasks.finish import finish
from tasks.fuse import fuse
from tasks.prepare import prepare
from tasks.push import push
from tasks.score import score
from tasks.select import select
from tasks.snapshot import snapshot
from tasks.track import track
from tasks.train import train
from tasks.version import version

STEPS: dict[str, Callable[..., Any]] = {
    step.name: step
    for step in (score, select, push, collect, fuse, snapshot, train, evaluate, track, version, finish)
}
"""A round's tasks by the name of their stage; their order is labelloop.loop.ROUND_STEPS."""


def run_task(workspace: Workspace, name: str, round_id: str | None) -> Any:
    """Run one step as a Prefect task."""
    return prepare(str(workspace.root)) if round_id is None else STEPS[name](str(workspace.root), round_id)


@flow(
    name="round",
    flow_run_name=named(lambda parameters: str(parameters["round_id"])),
    task_runner=task_runner(),
    persist_result=False,
)
def play_round(directory: str, round_id: str) -> Waiting | Stopped | None:
    """Take one round as far as it goes now."""
    return loop.play_round(Workspace.at(directory), round_id, run_task)


def advance_once(workspace: Workspace) -> Waiting | Stopped:
    """Everything that can be done now, as Prefect tasks and subflows; inside a flow only."""

    def look() -> Waiting | Stopped:
        return loop.advance(
            workspace,
            play=lambda _, round_id: play_round(str(workspace.root), round_id),
            run=run_task,
            told=get_run_logger().warning,
        )

    with outages.watched(workspace):
        outcome = waking.look_until_quiet(workspace, look)
    if isinstance(outcome, AwaitingApproval):
        ask_for_approval(workspace)
    return outcome


def ended(outcome: Waiting | Stopped) -> State[Any]:
    """The state of a flow run that did what could be done; its name and message say what is next."""
    name = "Stopped" if isinstance(outcome, Stopped) else "Waiting"
    return Completed(name=name, message=str(outcome), data=outcome)


@flow(name="advance", flow_run_name=named(lambda _: "advance"), persist_result=False)
def advance(directory: str = "demo") -> Any:
    """Do everything that can be done now in the campaign of a folder; seconds when there is nothing to do.

    Args:
        directory: the campaign's folder, made by `labelloop init` or by the flow active-learning. A relative
            one starts where the flow runs: for prefect.yaml the clone, for `labelloop serve` its folder.
    """
    workspace = Workspace.at(directory)
    if _is_scheduled() and (outage := outages.read(workspace)) and not outage.is_due(datetime.now(UTC)):
        return Completed(name="Waiting", message=str(outage))
    try:
        with workspace.hold("flow advance"):
            return ended(advance_once(workspace))
    except CampaignBusyError as error:
        if deployment.id is None:
            raise
        # Another run is at it, which is what this one was started for: no failure that should alarm anyone.
        return Completed(name="Busy", message=str(error))
    except UnreachableError:
        if not _is_automatic():
            raise
        # The next scheduled run that is due tries again; `labelloop status` says since when.
        return Completed(name="Waiting", message=str(outages.read(workspace)))


def _is_scheduled() -> bool:
    """Whether the deployment's schedule started this run."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.auto_scheduled)


def _is_automatic() -> bool:
    """Whether nobody clicked: a schedule or an event started this run."""
    context = FlowRunContext.get()
    starter = context.flow_run.created_by if context and context.flow_run else None
    return _is_scheduled() or bool(starter and starter.type == "AUTOMATION")
