"""`advance` with nothing to do: Prefect is not started for it."""

import pytest
import yaml

from labelloop import driving, scaffold
from labelloop.loop import Stopped
from labelloop.workspace import Workspace

PARAMS = {
    "campaign": {"name": "idle"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"first_batch_size": 20, "cold_start": "random"},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 40},
    "stopping": {"max_rounds": 1},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A campaign that has stopped, and everything about it recorded."""
    root = tmp_path_factory.mktemp("idle")
    (root / "given.yaml").write_text(yaml.safe_dump(PARAMS), encoding="utf-8")
    scaffold.init(root / "campaign", params=root / "given.yaml")
    workspace = Workspace.at(root / "campaign")
    driving.run(workspace, plain=True, poll_seconds=0.0, told=print)
    return workspace.root


@pytest.fixture
def flows(monkeypatch):
    """Names of the flows that were started; none really is."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    started = []
    monkeypatch.setattr(driving, "_call", lambda workspace, flow, told: started.append(flow))
    return started


def test_a_stopped_campaign_is_told_without_a_flow(stopped, flows):
    """The reason is the ledger's, and no flow was started to find it."""
    outcome = driving.advance(Workspace.at(stopped), plain=False, told=print)
    assert isinstance(outcome, Stopped)
    assert outcome.rule == "max_rounds"
    assert flows == []


def test_a_stopped_campaign_that_may_go_on_starts_the_flow(stopped, flows):
    """Raised limits are seen although the ledger says that the campaign has stopped."""
    params = stopped / "params.yaml"
    before = params.read_text(encoding="utf-8")
    params.write_text(yaml.safe_dump(PARAMS | {"stopping": {"max_rounds": 2}}), encoding="utf-8")
    try:
        driving.advance(Workspace.at(stopped), plain=False, told=print)
    finally:
        params.write_text(before, encoding="utf-8")
    assert flows == ["advance"]


def test_a_step_that_is_not_recorded_starts_the_flow(stopped, flows):
    """A kill between stopping and the last comparison leaves work, although the ledger says stopped."""
    receipt = next((stopped / ".labelloop" / "receipts").rglob("finish.json"))
    content = receipt.read_bytes()
    receipt.unlink()
    try:
        driving.advance(Workspace.at(stopped), plain=False, told=print)
    finally:
        receipt.write_bytes(content)
    assert flows == ["advance"]
