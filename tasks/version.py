"""Prefect task: version, with a page that says where everything of the round is."""

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.artifacts import artifact_key, where_to_look
from tasks.outside import RETRIED


@task(name="version", task_run_name="version {round_id}", cache_policy=NO_CACHE, **RETRIED)
def version(directory: str, round_id: str) -> None:
    """Close the round and put its snapshot into DVC and git."""
    workspace = Workspace.at(directory)
    run_stage(workspace, "version", round_id)
    create_markdown_artifact(
        where_to_look(workspace, round_id),
        key=artifact_key(workspace, "where-to-look"),
        description=f"Where the files, the picture and the records of {round_id} are",
    )
