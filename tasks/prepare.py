"""Prefect task: prepare."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


@task(name="prepare", task_run_name="prepare", cache_policy=NO_CACHE)
def prepare(directory: str) -> None:
    """Turn the user's data into the campaign's pool."""
    run_stage(Workspace.at(directory), "prepare")
