"""The event that starts a look at the tool: `labelloop.answered`, about a campaign."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import get_client
from prefect.events import Event, Resource
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger

from labelloop.workspace import Workspace

ANSWERED = "labelloop.answered"
FOLDER = "labelloop.folder"
"""Label of the resource: two campaigns may have one name, never one folder."""


def resource(workspace: Workspace) -> dict[str, str]:
    """The campaign as a resource of Prefect's events."""
    name = f"labelloop.campaign.{workspace.settings.campaign.name}"
    return {"prefect.resource.id": name, FOLDER: str(workspace.root)}


def tell_answered(workspace: Workspace) -> None:
    """Send the event, and know that it has arrived.

    Prefect's own `emit_event` hands it to a thread and says nothing of what becomes of it.

    Raises:
        httpx.HTTPError: the server does not take it.
    """
    event = Event(event=ANSWERED, resource=Resource(resource(workspace)))
    with get_client(sync_client=True) as client:
        content: list[Any] = [event.model_dump(mode="json")]
        client.request("POST", "/events", json=content).raise_for_status()


def on_answered(workspace: Workspace) -> DeploymentEventTrigger:
    """The trigger that starts a run of the deployment it is given to."""
    return DeploymentEventTrigger(
        name=f"labelloop {workspace.settings.campaign.name}: look when somebody has answered",
        expect={ANSWERED},
        match=resource(workspace),
    )
