"""Prefect task: train."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace


@task(name="train", task_run_name="train {round_id}", cache_policy=NO_CACHE)
def train(directory: str, round_id: str) -> None:
    """Train the learner on the snapshot."""
    run_stage(Workspace.at(directory), "train", round_id)
