"""What a campaign leaves behind that Prefect drove: the same files, and runs that a person can read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import flow_campaigns
import pytest

from flows.advance import STEPS, advance
from labelloop import loop
from labelloop.loop import ROUND_STEPS, Stopped
from labelloop.settling import open_settling
from labelloop.workspace import Workspace

pytestmark = pytest.mark.prefect


def test_rounds_are_the_same_bytes_with_and_without_prefect(plain: Path, played: tuple[Path, Any]) -> None:
    """Two drivers, one loop: shards over threads change nothing either."""
    expected, found = flow_campaigns.rounds(plain), flow_campaigns.rounds(played[0])
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []


def test_the_state_says_how_the_run_ended(played: tuple[Path, Any]) -> None:
    """The list of runs shows why the campaign stopped without a look into the log."""
    state = played[1]
    assert state.is_completed()
    assert (state.name, state.message) == ("Stopped", str(state.result()))
    assert isinstance(state.result(), Stopped)


def test_runs_have_names_that_people_read(server: str, played: tuple[Path, Any]) -> None:
    """Flow runs carry the campaign's folder and the round, task runs the stage and the round."""
    run = played[1].state_details.flow_run_id
    (top,) = flow_campaigns.ask(server, "flow_runs", flow_runs={"id": {"any_": [str(run)]}})
    assert top["name"] == "campaign: active learning"
    children = flow_campaigns.ask(
        server, "flow_runs", flow_runs={"parent_flow_run_id": {"any_": [top["id"]]}}
    )
    assert {child["name"] for child in children} == {"campaign: r000", "campaign: r001"}
    last = next(child for child in children if child["name"].endswith("r001"))
    tasks = flow_campaigns.ask(server, "task_runs", flow_runs={"id": {"any_": [last["id"]]}})
    names = {task["name"] for task in tasks}
    assert {f"{step} r001" for step in ROUND_STEPS} <= names
    shards = {f"score from row {start}" for start in range(0, 1797, 256)}
    assert names == {f"{step} r001" for step in ROUND_STEPS} | shards


def test_artifacts_show_the_campaign(server: str, played: tuple[Path, Any]) -> None:
    """Report, curve as table and picture, progress of labeling, and where to look for the rest."""
    filters = {"key": {"like_": "flowing-%"}}
    found = {item["key"]: item for item in flow_campaigns.ask(server, "artifacts/latest", artifacts=filters)}
    kinds = {key.removeprefix("flowing-"): item["type"] for key, item in found.items()}
    assert kinds == {
        "round-report": "markdown",
        "learning-curve": "table",
        "learning-curve-picture": "image",
        "labeling": "progress",
        "where-to-look": "markdown",
    }
    assert found["flowing-labeling"]["data"] == 100.0
    assert found["flowing-learning-curve-picture"]["data"].startswith("data:image/png;base64,")
    assert str(played[0]) in found["flowing-where-to-look"]["data"]


# After the artifacts were looked at: it writes further ones under the same keys.
def test_a_round_that_asks_nobody_is_the_same_too(server: str, plain: Path, tmp_path: Path) -> None:
    """Opened by `labelloop settle`, it is played by whoever drives the campaign."""
    campaigns = [Path(shutil.copytree(plain, tmp_path / name, symlinks=True)) for name in ("flow", "plain")]
    for campaign in campaigns:
        open_settling(Workspace.at(campaign), anyway=True, told=lambda line: None)
    assert isinstance(advance(str(campaigns[0])), Stopped)
    assert isinstance(loop.advance(Workspace.at(campaigns[1])), Stopped)
    found, expected = (flow_campaigns.rounds(campaign) for campaign in campaigns)
    assert "rounds/r002/manifest.json" in expected
    assert [name for name in expected if found.get(name) != expected[name]] == []


def test_every_step_of_a_round_has_a_task_of_its_name() -> None:
    """Who knows the stages knows the tasks."""
    assert set(STEPS) == {*ROUND_STEPS, "finish"}


def test_advance_on_a_stopped_campaign_changes_nothing(server: str, played: tuple[Path, Any]) -> None:
    """A schedule may call it for ever."""
    before = flow_campaigns.rounds(played[0])
    outcome = advance(str(played[0]))
    assert isinstance(outcome, Stopped)
    assert flow_campaigns.rounds(played[0]) == before


def test_advance_leaves_people_to_their_work(server: str, tmp_path: Path) -> None:
    """With the files tool the flow asks, then ends as Waiting and holds nothing."""
    annotation = {"tool": "files", "overlap": 1, "test_overlap": 1}
    campaign = flow_campaigns.make(tmp_path / "people", annotation=annotation)
    state = advance(str(campaign), return_state=True)
    assert (state.name, state.message) == ("Waiting", "r000 waits for people: 0 of 60 answers are in")
    with Workspace.at(campaign).hold("the test"):
        assert (campaign / "rounds" / "r000" / "tasks.parquet").exists()
