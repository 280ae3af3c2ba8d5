"""Prefect task: finish."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.outside import RETRIED


@task(name="finish", task_run_name="finish {round_id}", cache_policy=NO_CACHE, **RETRIED)
def finish(directory: str, round_id: str) -> None:
    """Compare with random labeling where it can be known, and close the campaign's books."""
    run_stage(Workspace.at(directory), "finish", round_id)
