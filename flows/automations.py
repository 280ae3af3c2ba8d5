"""What a Prefect server does by itself about labelloop's runs."""

from __future__ import annotations

from datetime import timedelta

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import get_client
from prefect.events.actions import ChangeFlowRunState
from prefect.states import StateType

SILENT = "labelloop: a run that has fallen silent has crashed"
"""Name of the automation; one a server."""


def crash_silent_runs(within: timedelta = timedelta(minutes=10)) -> None:
    """Have the server mark a run crashed whose heartbeats have ceased; replaces what is there of that name.

    A worker says so of a process that dies; this is for the worker, or the machine, that dies too.

    Args:
        within: silence that means death. By default a heartbeat comes every three minutes
            (PREFECT_FLOWS_HEARTBEAT_FREQUENCY of whoever runs the flow), and some may get lost.
    """
    automation = AutomationCore(
        name=SILENT,
        description="Made by labelloop. The next run of advance goes on from where the crashed one was.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.heartbeat"},
            # Any sign of life: the states' names are labelloop's own, such as Waiting.
            expect={"prefect.flow-run.*"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={
                "prefect.resource.role": "flow",
                "prefect.resource.name": ["advance", "active-learning", "approve", "round"],
            },
            for_each={"prefect.resource.id"},
            within=within,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No heartbeat for {within.total_seconds():g} s: its process or machine is gone.",
            )
        ],
    )
    with get_client(sync_client=True) as client:
        there = client.read_automations_by_name(SILENT)
        if there:
            client.update_automation(there[0].id, automation)
        else:
            client.create_automation(automation)
        for repeated in there[1:]:
            client.delete_automation(repeated.id)
