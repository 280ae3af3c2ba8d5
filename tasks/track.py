"""Prefect task: track, with the learning curve's picture as an artifact."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.artifacts import show_learning_curve
from tasks.outside import RETRIED


@task(name="track", task_run_name="track {round_id}", cache_policy=NO_CACHE, **RETRIED)
def track(directory: str, round_id: str) -> None:
    """Log the round to MLflow."""
    workspace = Workspace.at(directory)
    run_stage(workspace, "track", round_id)
    show_learning_curve(workspace, round_id)
