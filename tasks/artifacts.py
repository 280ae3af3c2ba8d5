"""Artifacts in the Prefect UI that several tasks share: their keys, the picture, the page that leads out.

Keys are stable, so that an artifact's history is the campaign's.
"""

import base64
import re

from prefect.artifacts import create_image_artifact

from labelloop.ledger import Ledger
from labelloop.stages.version import snapshot_tag
from labelloop.workspace import Workspace


def artifact_key(workspace: Workspace, what: str) -> str:
    """Such as `digits-round-report`; Prefect allows lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{workspace.settings.campaign.name}-{what}".lower()).strip("-")


def show_learning_curve(workspace: Workspace, round_id: str) -> None:
    """The picture itself, not an address: the browser of who looks may be on another machine."""
    picture = workspace.reports / "learning_curve.png"
    if picture.exists():
        create_image_artifact(
            "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode(),
            key=artifact_key(workspace, "learning-curve-picture"),
            description=f"Learning curve up to {round_id} ({picture})",
        )


def where_to_look(workspace: Workspace, round_id: str) -> str:
    """Markdown: files, picture, MLflow run and snapshot of a round, each with how to see it.

    No addresses: the MLflow server's may hold a password.
    """
    settings, root = workspace.settings, workspace.root
    lines = [
        f"# {settings.campaign.name} {round_id}: where to look",
        "",
        f"- files of the round: `{workspace.round(round_id).path}`",
        f"- the campaign on one page, for a browser: `{workspace.page}`",
        f"- where the campaign stands: `labelloop status {root}`",
    ]
    if settings.tracking.enabled:
        run = Ledger.read(workspace.ledger).runs.get(round_id, "not logged")
        lines.append(f"- MLflow: run `{run}`; without a server of its own, `mlflow ui --backend-store-uri "
                     f"sqlite:///{root}/mlflow.db`")  # fmt: skip
    if settings.versioning.enabled:
        lines.append(f"- snapshot: git tag `{snapshot_tag(settings.campaign.name, round_id)}`; "
                     f"`cd {root} && dvc plots show`")  # fmt: skip
    return "\n".join(lines)
