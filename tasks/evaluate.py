"""Prefect task: evaluate, with the round's report and the learning curve as artifacts."""

import csv

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from labelloop.stages.runner import run_stage
from labelloop.workspace import Workspace
from tasks.artifacts import artifact_key


@task(name="evaluate", task_run_name="evaluate {round_id}", cache_policy=NO_CACHE)
def evaluate(directory: str, round_id: str) -> None:
    """Judge the model on the test set and write the round's report."""
    workspace = Workspace.at(directory)
    run_stage(workspace, "evaluate", round_id)
    folder = workspace.round(round_id)
    create_markdown_artifact(
        folder.report.read_text(encoding="utf-8"),
        key=artifact_key(workspace, "round-report"),
        description=f"Report of round {round_id}",
    )
    with folder.curve.open(encoding="utf-8", newline="") as stream:
        create_table_artifact(
            list(csv.DictReader(stream)),
            key=artifact_key(workspace, "learning-curve"),
            description="Accuracy by labels, votes and money",
        )
