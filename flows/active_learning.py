"""The flow `active-learning`: go on until the campaign stops, or until only people can go on."""

from __future__ import annotations

from typing import Any

import yaml
from prefect import flow, get_run_logger
from pydantic import NonNegativeFloat

from flows.advance import advance_once, ended
from flows.naming import named
from labelloop import files, loop, scaffold
from labelloop.campaign import CampaignSettings, load_settings
from labelloop.loop import Stopped
from labelloop.stages.collect import Waiting
from labelloop.workspace import Workspace


@flow(name="active-learning", flow_run_name=named(lambda _: "active learning"), persist_result=False)
def active_learning(
    directory: str = "demo", settings: CampaignSettings | None = None, poll_seconds: NonNegativeFloat = 0.0
) -> Any:
    """Run the campaign in a folder until it stops.

    Args:
        directory: the campaign's folder; made if it is not there. A relative one starts where the flow runs:
            for prefect.yaml the clone, for `labelloop serve` its folder.
        settings: what params.yaml shall say from now on, all of it. Left out, it stays as it is; for a new
            campaign it is then the digits example.
        poll_seconds: how often to look for answers while people work. 0 looks once and, except with
            simulated annotators, leaves the waiting to the flow `advance` and its schedule.
    """
    workspace = Workspace.at(directory)
    with workspace.hold("flow active-learning"):
        set_up(workspace, settings)
        return ended(loop.until_people(workspace, lambda: _look(workspace), poll_seconds))


def _look(workspace: Workspace) -> Waiting | Stopped:
    outcome = advance_once(workspace)
    get_run_logger().info("%s", outcome)
    return outcome


def set_up(workspace: Workspace, settings: CampaignSettings | None) -> None:
    """Make the campaign where there is none, and bring params.yaml to what the form says."""
    # A worker's clone is the code's repository; the campaign's labels belong in one of their own.
    if settings is None:
        if not workspace.params.exists():
            scaffold.init(workspace.root, own_git=True)
        return
    new = not workspace.params.exists()
    # Settings that say what the file says leave the file with its comments.
    if new or load_settings(workspace.params) != settings:
        text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        files.write_text(workspace.params, text)
    if new:
        scaffold.init(workspace.root, own_git=True)
