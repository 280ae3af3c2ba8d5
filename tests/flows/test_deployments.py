"""What is deployed, pinned: a change to it is a visible diff."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import flow_campaigns
import pytest
import yaml
from prefect import Flow

from flows.serving import DEFAULT_EVERY, deployments
from labelloop.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
FLOWS = {"advance", "active-learning", "approve"}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.at(flow_campaigns.make(tmp_path_factory.mktemp("deployed") / "campaign"))


@pytest.fixture(scope="module")
def made(campaign: Workspace) -> dict[str, Any]:
    """What `labelloop serve` and `labelloop deploy` register, by flow."""
    return {one.flow_name: one for one in deployments(campaign, "flowing", 60.0)}


@pytest.fixture(scope="module")
def shipped() -> list[dict[str, Any]]:
    """The deployments of prefect.yaml."""
    return list(yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"])


def test_the_deployments_are_these(shipped: list[dict[str, Any]]) -> None:
    """One that polls, one that goes on until it is done, one that waits for a person's word."""
    found = {(item["entrypoint"], item["name"], item["work_pool"]["name"]) for item in shipped}
    assert found == {
        ("flows/advance.py:advance", "campaign", "campaigns"),
        ("flows/active_learning.py:active_learning", "campaign", "campaigns"),
        ("flows/approve.py:approve", "campaign", "campaigns"),
    }


def test_flows_are_found_by_their_modules(made: dict[str, Any]) -> None:
    """Wherever the command was given, and whatever was registered under the name before."""
    for one in made.values():
        module, _, name = one.entrypoint.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), name), Flow)


def test_entrypoints_are_flows(shipped: list[dict[str, Any]]) -> None:
    """And the parameters that are set are parameters of theirs."""
    for item in shipped:
        path, name = item["entrypoint"].split(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
        assert isinstance(flow, Flow)
        assert set(item["parameters"]) <= set(flow.parameters.properties)


def test_the_schedule_ships_inactive(shipped: list[dict[str, Any]]) -> None:
    """Nobody's annotators are polled before somebody has said so."""
    schedules = {item["entrypoint"]: item.get("schedules", []) for item in shipped}
    assert [schedule["active"] for schedule in schedules.pop("flows/advance.py:advance")] == [False]
    assert not any(schedules.values())


def test_a_poll_that_overlaps_is_cancelled(shipped: list[dict[str, Any]], made: dict[str, Any]) -> None:
    """In prefect.yaml and in what is served or deployed alike; an approval is never cancelled by another."""
    polling = next(item for item in shipped if item["entrypoint"].endswith(":advance"))
    assert polling["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert made["advance"].concurrency_limit == 1
    assert made["advance"].concurrency_options.collision_strategy.value == "CANCEL_NEW"
    assert [name for name in FLOWS if made[name].concurrency_limit] == ["advance"]
    assert [item["entrypoint"] for item in shipped if item.get("concurrency_limit")] == [
        "flows/advance.py:advance"
    ]


def test_the_same_is_served_deployed_and_shipped(shipped: list[dict[str, Any]], made: dict[str, Any]) -> None:
    """Whoever moves from a laptop to a worker finds the same flows, for the folder that is meant."""
    assert set(made) == FLOWS
    assert len(shipped) == len(FLOWS)
    folders = {one.parameters["directory"] for one in made.values()}
    assert len(folders) == 1
    assert Path(folders.pop()).is_absolute()
    interval = next(item for item in shipped if item.get("schedules"))["schedules"][0]["interval"]
    assert interval == DEFAULT_EVERY


def test_only_an_answer_in_this_campaign_starts_a_run(
    shipped: list[dict[str, Any]], made: dict[str, Any], campaign: Workspace
) -> None:
    """Two campaigns may have one name; the folder tells them apart. No event sets a parameter."""
    trigger = made["advance"].triggers[0]
    assert trigger.expect == {"labelloop.answered"}
    assert trigger.match.model_dump() == {
        "prefect.resource.id": "labelloop.campaign.flowing",
        "labelloop.folder": str(campaign.root),
    }
    assert trigger.parameters is None
    polling = next(item for item in shipped if item["entrypoint"].endswith(":advance"))
    assert polling["triggers"][0]["expect"] == ["labelloop.answered"]
    assert polling["triggers"][0]["match"] == {"labelloop.folder": "{{ $PWD }}/demo"}
    assert not any(one.triggers for name, one in made.items() if name != "advance")
