"""Prefect task: collect."""

from prefect import task
from prefect.artifacts import create_progress_artifact
from prefect.cache_policies import NO_CACHE

from labelloop.stages.collect import Waiting
from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.artifacts import artifact_key
from tasks.outside import RETRIED


@task(name="collect", task_run_name="collect {round_id}", cache_policy=NO_CACHE, **RETRIED)
def collect(directory: str, round_id: str) -> Waiting | None:
    """Take in what people answered; Waiting while the round is open."""
    workspace = Workspace.at(directory)
    waiting: Waiting | None = run_stage(workspace, "collect", round_id)
    share = 100.0 if waiting is None else 100.0 * waiting.answered / max(1, waiting.asked)
    said = f"{round_id}: all that it waits for is in" if waiting is None else str(waiting)
    create_progress_artifact(share, key=artifact_key(workspace, "labeling"), description=said)
    return waiting
