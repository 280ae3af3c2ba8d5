"""Prefect task: push."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.outside import RETRIED


@task(name="push", task_run_name="push {round_id}", cache_policy=NO_CACHE, **RETRIED)
def push(directory: str, round_id: str) -> None:
    """Ask the round's questions, each exactly once."""
    run_stage(Workspace.at(directory), "push", round_id)
