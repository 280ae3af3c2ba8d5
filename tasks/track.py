"""Prefect task: track, with the learning curve's picture as an artifact."""

import base64

from prefect import task
from prefect.artifacts import create_image_artifact
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.artifacts import artifact_key
from tasks.outside import RETRIED


@task(name="track", task_run_name="track {round_id}", cache_policy=NO_CACHE, **RETRIED)
def track(directory: str, round_id: str) -> None:
    """Log the round to MLflow."""
    workspace = Workspace.at(directory)
    run_stage(workspace, "track", round_id)
    picture = workspace.reports / "learning_curve.png"
    if picture.exists():
        # The picture itself, not an address: the browser of who looks may be on another machine.
        create_image_artifact(
            "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode(),
            key=artifact_key(workspace, "learning-curve-picture"),
            description=f"Learning curve up to {round_id} ({picture})",
        )
