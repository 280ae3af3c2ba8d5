"""Prefect task: version."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.outside import RETRIED


@task(name="version", task_run_name="version {round_id}", cache_policy=NO_CACHE, **RETRIED)
def version(directory: str, round_id: str) -> None:
    """Close the round and put its snapshot into DVC and git."""
    run_stage(Workspace.at(directory), "version", round_id)
