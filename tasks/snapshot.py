"""Prefect task: snapshot."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


@task(name="snapshot", task_run_name="snapshot {round_id}", cache_policy=NO_CACHE)
def snapshot(directory: str, round_id: str) -> None:
    """Write the snapshot: every label of the campaign so far."""
    run_stage(Workspace.at(directory), "snapshot", round_id)
