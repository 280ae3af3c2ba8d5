"""One Prefect server for the session, and one campaign that went through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flow_campaigns
import pytest


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of a Prefect server of the tests' own."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    # Every flow run waits a second for the thread that sends heartbeats.
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield str(PREFECT_API_URL.value())


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of two rounds that ran without Prefect; not to be changed."""
    from labelloop import loop
    from labelloop.workspace import Workspace

    campaign = flow_campaigns.make(tmp_path_factory.mktemp("plain") / "campaign")
    while not isinstance(loop.advance(Workspace.at(campaign)), loop.Stopped):
        pass
    return campaign


@pytest.fixture(scope="session")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign like `plain` whose strategy looks at a part of the pool; not to be changed."""
    from labelloop import loop
    from labelloop.workspace import Workspace

    folder = tmp_path_factory.mktemp("reduced") / "campaign"
    settings = flow_campaigns.SETTINGS["acquisition"] | {"strategy": "badge", "candidates": 50}
    campaign = flow_campaigns.make(folder, acquisition=settings)
    while not isinstance(loop.advance(Workspace.at(campaign)), loop.Stopped):
        pass
    return campaign


@pytest.fixture(scope="session")
def played(server: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The same campaign made and run by the flow from settings alone, and the state of its run."""
    from flows.active_learning import active_learning
    from labelloop.campaign import CampaignSettings

    folder = tmp_path_factory.mktemp("played") / "campaign"
    settings = CampaignSettings.model_validate(flow_campaigns.SETTINGS)
    return folder, active_learning(str(folder), settings=settings, return_state=True)
