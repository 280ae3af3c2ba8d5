"""One campaign that was never interrupted, and one that stands before its second round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import campaigns
import pytest
from killing import Kill


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rounds without a break."""
    return campaigns.finished(campaigns.make(tmp_path_factory.mktemp("uninterrupted") / "campaign"))


@pytest.fixture(scope="session")
def reference(uninterrupted: Path) -> dict[str, Any]:
    """What the uninterrupted campaign ended with."""
    return campaigns.result(uninterrupted)


@pytest.fixture(scope="session")
def before_second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same campaign with its first round closed; not to be changed."""
    campaign = campaigns.make(tmp_path_factory.mktemp("before") / "campaign")
    campaigns.killed(campaign, Kill("labelloop.loop:write_frozen", "before", "r001"))
    return campaign
