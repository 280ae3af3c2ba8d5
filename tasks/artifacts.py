"""Keys of the artifacts in the Prefect UI: stable, so that an artifact's history is the campaign's."""

import re

from labelloop.workspace import Workspace


def artifact_key(workspace: Workspace, what: str) -> str:
    """Such as `digits-round-report`; Prefect allows lower-case letters, digits and dashes only."""
    return re.sub(r"[^a-z0-9]+", "-", f"{workspace.settings.campaign.name}-{what}".lower()).strip("-")
