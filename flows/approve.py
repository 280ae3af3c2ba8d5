"""The flow `approve`: show a batch, wait for a person's word on it, without a process.

A flow of its own, not a wait inside `advance`: a suspended run gives its place to the next one, and where
one run at a time is allowed and new ones are cancelled, it would be cancelled when it is resumed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from prefect.states import Completed
from pydantic import Field

from flows.events import tell_answered
from flows.naming import named
from labelloop import approval, waking
from labelloop.ledger import Ledger
from labelloop.workspace import Workspace
from tasks.artifacts import artifact_key

PAGE: int | None = None
"""Runs that are asked for at once; None: as many as the server gives out, which is 200 by default."""

PATIENCE_SECONDS = 30.0
"""After which `advance` is woken again, where a run that had just ended its look took the place."""


class Answer(RunInput):
    """The form."""

    decision: Literal["approve", "reject"] = Field(
        "approve", description="approve: people are asked. reject: nobody is asked, and the campaign stops."
    )
    name: str = Field("", description="Who decides; kept with the round.")
    reason: str = Field("", description="Why; needed to reject.")


@flow(
    name="approve",
    flow_run_name=named(lambda parameters: f"approve {parameters['round_id']}"),
    persist_result=True,
)
def approve(directory: str, round_id: str, digest: str) -> Any:
    """Wait until somebody approves or rejects the batch of a round; holds no process while it waits.

    Args:
        directory: the campaign's folder.
        round_id: such as r003.
        digest: of the batch that is shown; another one is not what was approved.
    """
    workspace = Workspace.at(directory)
    batch = approval.open_batch(workspace)
    if batch is None or (batch.round_id, batch.digest) != (round_id, digest):
        return Completed(name="Outdated", message=f"{round_id} no longer waits for approval of this batch")
    decision = batch.decision
    if decision is None:
        text = batch.as_markdown()
        if flow_run.run_count == 1:
            create_markdown_artifact(
                text, key=artifact_key(workspace, "approval"), description="Shall people be asked?"
            )
        form = Answer.with_initial_data(description=text)
        # When the run is resumed it begins anew and gets the answer here.
        answer = suspend_flow_run(wait_for_input=form, key=f"{round_id}-{digest[:16]}")
        decision = approval.decide(
            workspace,
            round_id,
            approved=answer.decision == "approve",
            by=answer.name.strip() or "somebody in the Prefect UI",
            reason=answer.reason.strip() or ("" if answer.decision == "approve" else "no reason given"),
            digest=digest,
        )
    _wake(workspace)
    return Completed(name="Approved" if decision.approved else "Rejected", message=f"{round_id} {decision}")


def ask_for_approval(workspace: Workspace) -> None:
    """Have a run of `approve` wait for the open round's batch, once; if that is not deployed, say so."""
    batch, name = approval.open_batch(workspace), f"approve/{deployment.name}"
    if deployment.id is None or batch is None or batch.decision is not None:
        return
    logger = get_run_logger()
    key = f"labelloop {Ledger.read(workspace.ledger).id} {workspace.root} {batch.round_id} {batch.digest}"
    parameters = {
        "directory": str(workspace.root), "round_id": batch.round_id, "digest": batch.digest,
    }  # fmt: skip
    # A run that somebody cancelled asks no more: the next key makes one that does.
    for number in range(100):
        try:
            run = run_deployment(
                name, parameters=parameters, timeout=0, idempotency_key=f"{key} {number}", as_subflow=False
            )
        except ObjectNotFound:
            logger.warning(
                "there is no deployment %s: approve with `labelloop approve %s`", name, workspace.root
            )
            return
        if run.state is None or not run.state.is_final():  # type: ignore[union-attr]
            return


def forget_question(workspace: Workspace) -> None:
    """End runs of `approve` that still wait, after the command line has decided."""
    from prefect.states import Cancelled

    with get_client(sync_client=True) as client:
        for run in list(_waiting_runs(client)):
            mine = run.parameters.get("directory") == str(workspace.root) and "digest" in run.parameters
            if mine and run.state is not None and run.state.is_paused():
                client.set_flow_run_state(run.id, Cancelled(message="It was decided elsewhere."), force=True)


def _waiting_runs(client: SyncPrefectClient) -> Iterator[FlowRun]:
    """All suspended runs of deployments, page by page."""
    waiting = {"state": {"type": {"any_": ["PAUSED"]}}, "deployment_id": {"is_null_": False}}
    wanted = FlowRunFilter.model_validate(waiting)
    offset = 0
    while runs := client.read_flow_runs(
        flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=PAGE, offset=offset
    ):
        yield from runs
        offset += len(runs)


def _wake(workspace: Workspace) -> None:
    waking.wake(workspace)
    for _ in range(4):
        tell_answered(workspace)
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if not waking.is_pending(workspace):
                return
            time.sleep(0.5)
