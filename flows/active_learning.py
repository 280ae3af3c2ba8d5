"""The flow `active-learning`: go on until the campaign stops, or until only people can go on."""

from __future__ import annotations

import time

import yaml
from prefect import flow, get_run_logger

from flows.advance import advance_once
from labelloop import files, scaffold
from labelloop.campaign import CampaignSettings
from labelloop.loop import Stopped
from labelloop.stages.collect import Waiting
from labelloop.workspace import Workspace


@flow(name="active-learning", flow_run_name="active-learning {directory}", persist_result=False)
def active_learning(
    directory: str = ".", settings: CampaignSettings | None = None, poll_seconds: float = 0.0
) -> Waiting | Stopped:
    """Run the campaign in a folder until it stops.

    Args:
        directory: the campaign's folder; made if it is not there.
        settings: what params.yaml shall say. Left out, it stays as it is (or the digits example is taken).
        poll_seconds: how often to look for answers while people work. 0 looks once and, except with
            simulated annotators, leaves the waiting to the flow `advance` and its schedule.
    """
    workspace = Workspace.at(directory)
    if not workspace.params.exists():
        scaffold.init(workspace.root)
    if settings is not None:
        files.write_text(workspace.params, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False))
    log = get_run_logger()
    with workspace.hold("flow active-learning"):
        while True:
            outcome = advance_once(workspace)
            log.info("%s", outcome)
            simulated = Workspace.at(directory).settings.annotation.tool == "simulated"
            if isinstance(outcome, Stopped) or not (simulated or poll_seconds):
                return outcome
            if not simulated:
                time.sleep(poll_seconds)
