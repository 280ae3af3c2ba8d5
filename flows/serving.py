"""The deployments of one campaign, and how they come to run: in this process, or on a work pool's workers.

What is deployed here is what prefect.yaml deploys for the folder demo/; the names are the campaign's own, so
that one Prefect server may hold many campaigns.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType

from flows.active_learning import active_learning
from flows.advance import advance
from flows.approve import approve
from flows.automations import SILENT, crash_silent_runs
from flows.events import on_answered
from labelloop.errors import SettingsError
from labelloop.workspace import Workspace

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
"""A poller that is still at it makes the next one superfluous."""

DEFAULT_EVERY = 300.0
"""Seconds between two looks at the tool, where nothing else is said."""


def deployments(
    workspace: Workspace, name: str, every: float | None, *, active: bool = True, **options: Any
) -> list[Any]:
    """The deployments `advance`, `active-learning` and `approve` of a campaign.

    Flows are found by their modules: what was deployed has no path, and Prefect keeps that when the same
    name is served, so a file's path would be looked for in a folder `None`.

    Args:
        name: of all three.
        every: seconds between two runs of `advance`; one that would overlap is cancelled.
        active: whether the schedule runs.
        options: keyword arguments of Prefect's `to_deployment`, such as the work pool.
    """
    directory = {"directory": str(workspace.root)}
    schedule = Schedule(interval=timedelta(seconds=every or DEFAULT_EVERY), active=active)
    return [
        advance.to_deployment(
            name=name,
            parameters=directory,
            schedule=schedule,
            triggers=[on_answered(workspace)],
            concurrency_limit=ONE_AT_A_TIME,
            description="Do everything that can be done now, then exit.",
            entrypoint_type=EntrypointType.MODULE_PATH,
            **options,
        ),
        active_learning.to_deployment(
            name=name,
            parameters=directory,
            description="Run the campaign until it stops or waits for people.",
            entrypoint_type=EntrypointType.MODULE_PATH,
            **options,
        ),
        approve.to_deployment(
            name=name,
            parameters=directory,
            description="Wait for a person's word on a batch; started by `advance`.",
            entrypoint_type=EntrypointType.MODULE_PATH,
            **options,
        ),
    ]


def serve_campaign(workspace: Workspace, every: float) -> None:
    """Serve the deployments from this process until interrupted; see `deployments`."""
    crash_silent_runs()
    serve(*deployments(workspace, workspace.settings.campaign.name, every), pause_on_shutdown=True)


def deploy_campaign(workspace: Workspace, name: str, pool: str, every: float | None) -> list[str]:
    """Register everything with the server, for workers of a process work pool; may be called again.

    The flows are found by their modules, so a worker needs labelloop installed and the campaign's folder
    under the same path.

    Args:
        every: seconds between two runs of `advance`; None leaves the schedule inactive, or as it is.

    Returns:
        What is there now, a line each.

    Raises:
        SettingsError: the pool is of another kind, or the name belongs to another folder.
    """
    active = every is not None
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        except ObjectAlreadyExists:
            kind = client.read_work_pool(pool).type
            if kind != "process":
                raise SettingsError(f"work pool {pool!r} is of type {kind!r}, not 'process'; name another "
                                    "with --pool") from None  # fmt: skip
        try:
            there = client.read_deployment_by_name(f"advance/{name}")
        except ObjectNotFound:
            there = None
        if there is not None:
            folder = there.parameters.get("directory")
            if folder != str(workspace.root):
                raise SettingsError(f"deployment advance/{name} belongs to {folder}; choose another name "
                                    "with --name")  # fmt: skip
            kept = [one.schedule for one in there.schedules if one.active]
            if every is None and kept and isinstance(kept[0], IntervalSchedule):
                every, active = kept[0].interval.total_seconds(), True
    env = {"PREFECT_LOGGING_EXTRA_LOGGERS": "labelloop"}
    made = deployments(workspace, name, every, active=active, work_pool_name=pool, job_variables={"env": env})
    for one in made:
        one.apply(work_pool_name=pool)
    crash_silent_runs()
    looks = f"looks every {every:g} s" if active else "its schedule is inactive; --schedule 5m activates it"
    return [
        f"work pool {pool}",
        f"deployment advance/{name}: {looks}, and whenever the webhook says that somebody has answered",
        *(f"deployment {one.flow_name}/{one.name}" for one in made[1:]),
        f"automation {SILENT!r}",
    ]
