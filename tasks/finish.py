"""Prefect task: finish, with the learning curve that has random labeling beside it."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.artifacts import show_learning_curve
from tasks.outside import RETRIED


@task(name="finish", task_run_name="finish {round_id}", cache_policy=NO_CACHE, **RETRIED)
def finish(directory: str, round_id: str) -> None:
    """Compare with random labeling where it can be known, and close the campaign's books."""
    workspace = Workspace.at(directory)
    run_stage(workspace, "finish", round_id)
    show_learning_curve(workspace, round_id)
