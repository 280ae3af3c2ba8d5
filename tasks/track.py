"""Prefect task: track."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.outside import RETRIED


@task(name="track", task_run_name="track {round_id}", cache_policy=NO_CACHE, **RETRIED)
def track(directory: str, round_id: str) -> None:
    """Log the round to MLflow."""
    run_stage(Workspace.at(directory), "track", round_id)
