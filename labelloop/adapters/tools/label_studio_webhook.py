"""Tell a Label Studio server where its webhooks go: one a campaign's project, kept as it should be."""

from __future__ import annotations

from typing import Any

from labelloop.adapters.tools.label_studio_server import Server
from labelloop.environment import read_environment
from labelloop.errors import SettingsError, ToolError
from labelloop.workspace import Workspace

ACTIONS = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")
"""What an annotator does that the campaign should look at."""

HEADER = "X-Hook-Secret"


def register(workspace: Workspace, url: str, secret: str) -> str:
    """Make the webhook, or put right the one that is there; a sentence that says so.

    Args:
        url: where the server reaches the receiver; a webhook is known by it.

    Raises:
        SettingsError: the server is not set, or the campaign uses another tool.
        ToolError: the server has no project of the campaign yet, or refuses.
    """
    tool = workspace.settings.annotation.tool
    if tool != "label_studio":
        raise SettingsError(f"annotation.tool is {tool}, which sends no webhooks; nothing to register")
    environment = read_environment(workspace.root)
    if not environment.label_studio_url or environment.label_studio_api_key is None:
        raise SettingsError("set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY, in the environment or in .env")
    server = Server(environment.label_studio_url, environment.label_studio_api_key.get_secret_value())
    return register_with(server, workspace.settings.campaign.name, url, secret)


def register_with(server: Any, campaign: str, url: str, secret: str) -> str:
    """See `register`.

    Args:
        server: has `get`, `post` and `patch`.
    """
    project = _project(server, campaign)
    wanted = {
        "url": url,
        "headers": {HEADER: secret},
        "actions": sorted(ACTIONS),
        "send_for_all_actions": False,
        # A hint needs no content, and what is not sent is not read by others on the way.
        "send_payload": False,
        "is_active": True,
    }
    mine = [hook for hook in _hooks(server, project) if hook.get("url") == url]
    for hook in mine[:1]:
        found = {name: hook.get(name) for name in wanted} | {"actions": sorted(hook.get("actions") or [])}
        if found == wanted:
            return f"project {project} of {server.url} sends its webhooks to {url} already"
        server.patch(f"/api/webhooks/{hook['id']}/", wanted)
        return f"the webhook of project {project} of {server.url} was put right: {url}"
    server.post("/api/webhooks/", wanted | {"project": project})
    return f"project {project} of {server.url} sends its webhooks to {url} from now on"


def _hooks(server: Any, project: int) -> list[dict[str, Any]]:
    found = server.get("/api/webhooks/", project=project)
    if not isinstance(found, list):
        raise ToolError(f"{server.url} answers a listing of webhooks with something else")
    return [hook for hook in found if isinstance(hook, dict) and hook.get("project") == project]


def _project(server: Any, campaign: str) -> int:
    marker, page = f"labelloop campaign: {campaign}", 1
    while True:
        content = server.get("/api/projects/", page=page, page_size=100)
        results = content.get("results") if isinstance(content, dict) else None
        if not isinstance(results, list):
            raise ToolError(f"{server.url} answers a listing of projects with something else")
        for project in results:
            if marker in [line.strip() for line in str(project.get("description") or "").splitlines()]:
                return int(project["id"])
        if not content.get("next"):
            raise ToolError(
                f"{server.url} has no project of campaign {campaign!r} yet; the first batch makes it"
            )
        page += 1
