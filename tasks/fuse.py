"""Prefect task: fuse."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


@task(name="fuse", task_run_name="fuse {round_id}", cache_policy=NO_CACHE)
def fuse(directory: str, round_id: str) -> None:
    """Fuse all votes so far into one label an item."""
    run_stage(Workspace.at(directory), "fuse", round_id)
