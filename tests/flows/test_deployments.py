"""What is deployed, pinned: a change to it is a visible diff."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow

from flows.serving import deployments

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shipped() -> list[dict[str, Any]]:
    """The deployments of prefect.yaml."""
    return list(yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"])


def test_the_deployments_are_these(shipped: list[dict[str, Any]]) -> None:
    """One that polls and one that goes on until it is done."""
    found = {(item["entrypoint"], item["name"], item["work_pool"]["name"]) for item in shipped}
    assert found == {
        ("flows/advance.py:advance", "campaign", "campaigns"),
        ("flows/active_learning.py:active_learning", "campaign", "campaigns"),
    }


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


def test_a_poll_that_overlaps_is_cancelled(shipped: list[dict[str, Any]]) -> None:
    """In prefect.yaml and in `labelloop serve` alike."""
    polling = next(item for item in shipped if item["entrypoint"].endswith(":advance"))
    assert polling["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    served = next(item for item in deployments("/campaign", 60.0) if item.flow_name == "advance")
    assert (served.concurrency_limit, str(served.concurrency_options.collision_strategy.value)) == (
        1,
        "CANCEL_NEW",
    )


def test_serve_offers_the_same_deployments_as_prefect_yaml(shipped: list[dict[str, Any]]) -> None:
    """Whoever moves from a laptop to a worker finds the same names."""
    served = {(item.flow_name, item.name) for item in deployments("/campaign", 60.0)}
    assert served == {("advance", "campaign"), ("active-learning", "campaign")}
    assert all(item.parameters == {"directory": "/campaign"} for item in deployments("/campaign", 60.0))
