"""`labelloop tool check`: whether the labeling tool is there and fits the campaign. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labelloop import datasets, files
from labelloop.adapters.tools.base import Project
from labelloop.adapters.tools.checks import Check, check_writable
from labelloop.campaign import CampaignSettings
from labelloop.environment import read_environment
from labelloop.errors import LabelloopError, ToolError
from labelloop.workspace import Workspace

if TYPE_CHECKING:
    from labelloop.adapters.tools.label_studio_server import Server

OpenServer = Callable[[str, str], "Server"]
"""Opens the server at a URL with a token."""


def check_tool(workspace: Workspace, *, open_server: OpenServer | None = None) -> list[Check]:
    """Look at the tool that annotation.tool names, in the order in which things matter.

    Args:
        open_server: in place of the one that asks the network.
    """
    settings = workspace.settings
    state = check_writable("notes", workspace.state)
    project = project_now(workspace, settings)
    if settings.annotation.tool == "simulated":
        return [state, _crew(settings, project)]
    if settings.annotation.tool == "files":
        return [state, check_writable("folder", workspace.root / "labeling"), _adopted(workspace, project)]
    return [state, *_label_studio(workspace, settings, project, open_server)]


def project_now(workspace: Workspace, settings: CampaignSettings) -> Project | None:
    """What the campaign asks, as far as it can be known before its data is prepared."""
    from labelloop.stages.tool import describe_project

    if (workspace.data / "pool.parquet").exists():
        return describe_project(settings, datasets.open_prepared(workspace.data))
    return None


def _crew(settings: CampaignSettings, project: Project | None) -> Check:
    from labelloop.adapters.tools.crew import check_crew

    crew = settings.annotation.simulation.annotators
    classes = project.classes if project else tuple(settings.labels.classes)
    if not classes:
        return Check("crew", "ok", f"{len(crew)} people; the classes are not known yet")
    try:
        check_crew(crew, classes)
    except LabelloopError as error:
        return Check("crew", "fail", str(error))
    return Check("crew", "ok", f"{len(crew)} people for {len(classes)} classes")


def _adopted(workspace: Workspace, project: Project | None) -> Check:
    from labelloop.adapters.tools.project_file import refuse_other

    path = workspace.root / "labeling" / "project.json"
    if not path.exists():
        return Check("project", "ok", "not there yet; the first batch makes it")
    if project is None:
        return Check(
            "project", "warn", "not compared: the data is not prepared yet", "run `labelloop run` once"
        )
    try:
        refuse_other(path, files.read_json(path), project)
    except (LabelloopError, KeyError, TypeError) as error:
        return Check("project", "fail", str(error))
    return Check("project", "ok", f"{path.parent} asks for {len(project.classes)} classes")


def _label_studio(
    workspace: Workspace, settings: CampaignSettings, project: Project | None, open_server: OpenServer | None
) -> list[Check]:
    from labelloop.adapters.tools.label_studio_check import check_label_studio
    from labelloop.adapters.tools.label_studio_server import Server

    environment = read_environment(workspace.root)
    url, secret = environment.label_studio_url, environment.label_studio_api_key
    token = secret.get_secret_value().strip() if secret else ""
    missing = [
        name for name, value in (("LABEL_STUDIO_URL", url), ("LABEL_STUDIO_API_KEY", token)) if not value
    ]
    if not url or missing:
        fix = f"put it into {workspace.root / '.env'} (see .env.example) or the environment"
        return [Check("settings", "fail", f"{' and '.join(missing)} not set", fix)]
    try:
        server = (open_server or Server)(url, token)
    except ToolError as error:
        return [Check("settings", "fail", str(error))]
    return check_label_studio(
        server,
        token,
        workspace.state / "label_studio",
        campaign=settings.campaign.name,
        annotation=settings.annotation,
        project=project,
        webhooks=environment.labelloop_webhook_secret is not None,
        reach=_answers,
    )


def _answers(url: str) -> bool:
    """Whether anything answers at a URL; what it answers does not matter."""
    import httpx

    try:
        httpx.get(url, timeout=5.0, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return True
