"""Prefect task: select."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


@task(name="select", task_run_name="select {round_id}", cache_policy=NO_CACHE)
def select(directory: str, round_id: str) -> None:
    """Choose the round's batch: control arm first, then the strategy."""
    run_stage(Workspace.at(directory), "select", round_id)
